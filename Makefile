# One word runs everything. Windows: the plain commands are in README.md.
PYTHON ?= python3
FOLDER ?=
DETECTOR ?=
PROJECT ?= data/project
PORT ?= 8501
PY := .venv/bin/python
export ANOMALURE_PROJECT := $(PROJECT)

.PHONY: run test lint pins docs bench clean

.venv/runtime: requirements.txt constraints.txt
	$(PYTHON) -m venv .venv
	$(PY) -m pip install --quiet --disable-pip-version-check -r requirements.txt
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
