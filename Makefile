# One word runs everything. Windows: the plain commands are in README.md.
PYTHON ?= python3
FOLDER ?=
DETECTOR ?=
PROJECT ?= data/project
PORT ?= 8501
# `make run CPU=1`: PyTorch's own build without CUDA, from its index. Not tested, since that index could not be reached.
CPU ?=
TORCH_CPU := --index-url https://download.pytorch.org/whl/cpu
PY := .venv/bin/python
export ANOMALURE_PROJECT := $(PROJECT)

.PHONY: run test lint pins docs bench clean

.venv/runtime: requirements.txt constraints.txt
ifneq ($(CPU),)
	@echo "Installing into .venv: PyTorch without CUDA (from download.pytorch.org) and the rest, about 2 GB on the disk."
else ifeq ($(shell uname -s),Linux)
	@echo "Installing into .venv: about 7 GB on the disk, five of them PyTorch from PyPI with its CUDA libraries."
	@echo "A computer without an NVIDIA GPU does not need them: stop (Ctrl-C) and say  make run CPU=1  for about 2 GB."
else
	@echo "Installing into .venv: about 2 GB on the disk."
endif
	$(PYTHON) -m venv .venv
	$(if $(CPU),$(PY) -m pip install --disable-pip-version-check $$(grep -E '^(torch|torchvision)==' requirements.txt) $(TORCH_CPU))
	$(PY) -m pip install --disable-pip-version-check -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/runtime
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

run: .venv/runtime
	$(PY) cli.py start --project "$(PROJECT)" --port $(PORT) $(if $(FOLDER),--folder "$(FOLDER)") $(if $(DETECTOR),--detector "$(DETECTOR)")

test: .venv/dev
	$(PY) -m pytest -n auto --dist loadfile --no-loadscope-reorder

lint: .venv/dev
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	$(PY) -m mypy
	$(PY) docs/check_pins.py

# After a version in requirements.txt or requirements-dev.txt was changed.
pins: .venv/dev
	{ sed -n '/^#/p' constraints.txt; $(PY) -m pip freeze --exclude-editable; } > constraints.new
	mv constraints.new constraints.txt

docs:
	$(PYTHON) docs/list_modules.py
	$(PYTHON) docs/list_models.py

bench: .venv/dev
	$(PY) bench/pipeline.py
	$(PY) bench/quality.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache
