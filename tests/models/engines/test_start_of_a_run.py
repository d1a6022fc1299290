"""What a person waits for before the first photo of a run: torch is loaded only where something needs it."""

import os
import sys
from subprocess import run

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest
import torch

from models.encoders.loading import load_encoder
from models.encoders.spec import sample_encoder
from models.engines import converted, device
from models.engines.bf16_correction import correct_bf16_rounding, round_to_bfloat16
from models.one_class.ocsvm import SupportVectorModel

LOAD = """
import sys
from core.settings.run import RunSettings
from models.detectors.loading import load_detector
from models.encoders.loading import load_encoder
from models.encoders.spec import sample_encoder
from models.one_class.methods import read_one_class
load_detector("bundled", RunSettings(), device="cpu")
encoder = load_encoder(sample_encoder(), engine="openvino", device="cpu")
read_one_class(open(sys.argv[1], "rb").read(), name="ocsvm", n_rows=30, form="exact")
print(encoder.sections, "torch" in sys.modules, "sklearn.externals.array_api_compat.torch" in sys.modules)
"""


def test_a_detector_a_known_encoder_and_models_of_species_are_loaded_without_torch(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    first = load_encoder(sample_encoder(), engine="openvino", device="cpu")
    rows = np.random.default_rng(0).standard_normal((30, 4))
    (tmp_path / "fox.skops").write_bytes(
        SupportVectorModel.fit(rows / np.linalg.norm(rows, axis=1)[:, None]).to_bytes()
    )

    said = run([sys.executable, "-c", LOAD, tmp_path / "fox.skops"], capture_output=True, text=True, check=False)

    assert said.stdout.split("\n")[0] == f"{first.sections} False False", said.stderr


def test_an_encoder_from_the_cache_gives_the_same_embeddings(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    crops = np.random.default_rng(1).integers(0, 256, (2, 96, 96, 3), dtype=np.uint8)

    made, kept, again = (load_encoder(sample_encoder(), engine="openvino", device="cpu") for _ in range(3))

    assert len(list(tmp_path.rglob("model.xml"))) == 1
    assert np.array_equal(kept.embed(crops), made.embed(crops))
    assert np.array_equal(again.embed(crops), made.embed(crops))


def test_of_many_converted_networks_those_used_last_are_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    monkeypatch.setattr(converted, "MOST_KEPT", 2)
    for moment, key in enumerate("abc"):
        converted.keep_model(make_convolution(), key, (1, 8))
        os.utime(converted.find_kept(key, (1, 8)) / "key.txt", (moment, moment))
        if key == "b":
            assert converted.read_kept("a", (1, 8)) is not None  # a run has used it

    assert [converted.read_kept(key, (1, 8)) is not None for key in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("platform", "driver", "may"), [("linux", None, False), ("linux", "nvidia", True), ("darwin", None, True)]
)
def test_torch_is_asked_for_a_gpu_only_where_there_may_be_one(platform, driver, may, monkeypatch, tmp_path):
    def open_library(name):
        if driver is None:
            raise OSError(f"there is no {name}")

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(device, "AMD_GPU", tmp_path / "kfd")
    monkeypatch.setattr(device.ctypes, "CDLL", open_library)
    assert device.may_have_gpu() is may

    monkeypatch.delitem(sys.modules, "torch")
    monkeypatch.setattr(device, "may_have_gpu", lambda: False)
    assert device.name_device("auto") == "cpu"
    assert "torch" not in sys.modules


def test_a_gpu_that_torch_sees_is_chosen(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert device.name_device("auto") == "cuda"


def test_numbers_are_rounded_to_bfloat16_as_torch_does():
    values = np.concatenate([np.random.default_rng(0).standard_normal(5_000), [0, -0.0, 1, 1.00390625, 3e38, 1e-40]])
    values = values.astype(np.float32)

    assert np.array_equal(round_to_bfloat16(values), torch.tensor(values).bfloat16().float().numpy())


def make_convolution():
    weights = np.random.default_rng(2).standard_normal((4, 3, 3, 3)).astype(np.float32)
    picture = ops.parameter([1, 8, 8, 3], np.uint8)
    floats = ops.transpose(ops.convert(picture, np.float32), [0, 3, 1, 2])
    convolved = ops.convolution(floats, ops.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    return ov.Model([ops.result(convolved)], [picture], "one")


@pytest.mark.parametrize("damage", [None, b"", b"PK"])
def test_the_correction_of_bfloat16_is_the_same_from_the_cache_and_without_it(tmp_path, damage):
    models = [make_convolution() for _ in range(3)]
    correct_bf16_rounding(models[0])
    correct_bf16_rounding(models[1], kept=tmp_path)
    if damage is not None:
        (tmp_path / "means.npz").write_bytes(damage)
    correct_bf16_rounding(models[2], kept=tmp_path)

    picture = np.full((1, 8, 8, 3), 90, np.uint8)
    answers = [ov.Core().compile_model(model, "CPU")(picture)[0] for model in models]
    assert np.array_equal(answers[0], answers[1])
    assert np.array_equal(answers[0], answers[2])
    assert (tmp_path / "means.npz").stat().st_size > 100
