"""Encoders of hubs, opened offline from files in the cache: timm models with random weights, as timm saves them."""

import json
import sys

import numpy as np
import pytest
import torch

from core.downloads.asking import Patience
from core.errors import AnomalureError, FileFormatError
from models.encoders.defaults import complete_encoders
from models.encoders.hub import open_timm
from models.encoders.loading import load_encoder
from models.encoders.patch_maps import check_patch_map
from models.encoders.sources.source import at_best_size
from models.encoders.spec import EncoderSpec
from models.published.cache import TermsNotAgreed
from models.published.getting import get_files
from models.published.table import get_model
from tests.fakes.file_server import FileServer

VIT, CONVNEXT = "timm/test_vit.r160_in1k", "timm/test_convnext.r160_in1k"


def save_hub_files(folder, name):
    """The files of a hub, written by timm itself; the normalisation is not that of ImageNet."""
    import timm
    from timm.models import _hub

    torch.manual_seed(0)
    network = timm.create_model(name.removeprefix("timm/"), pretrained=False)
    network.pretrained_cfg["mean"], network.pretrained_cfg["std"] = (0.5, 0.4, 0.3), (0.5, 0.25, 0.2)
    _hub.save_for_hf(network, str(folder), safe_serialization=True)
    return network.eval()


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache")
    networks = {name: save_hub_files(folder / "encoders" / name.replace("/", "--"), name) for name in (VIT, CONVNEXT)}
    return folder, networks


@pytest.fixture(autouse=True)
def set_cache(cache, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(cache[0]))


@pytest.mark.parametrize("name", [VIT, CONVNEXT])
@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_an_encoder_gives_what_timm_gives_with_its_own_size_pooling_and_normalisation(cache, name, engine):
    spec = at_best_size(EncoderSpec(backbone=name, weights="hub"))
    assert spec.input_px == 160
    crops = np.random.default_rng(0).integers(0, 256, (2, 160, 160, 3), dtype=np.uint8)

    found = load_encoder(spec, engine=engine, device="cpu", precise=True).embed(crops)

    network = cache[1][name]
    mean, std = (torch.tensor(network.pretrained_cfg[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    pictures = (torch.from_numpy(crops).permute(0, 3, 1, 2) / 255 - mean) / std
    with torch.inference_mode():
        expected = network.forward_head(network.forward_features(pictures), pre_logits=True).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-4)


def test_a_converted_encoder_is_used_without_opening_the_network_again(cache, monkeypatch):
    spec = at_best_size(EncoderSpec(backbone=CONVNEXT, weights="hub"))
    load_encoder(spec, engine="openvino", device="cpu")
    monkeypatch.setattr("models.encoders.hub.open_timm", lambda *_, **__: pytest.fail("it was opened"))

    assert load_encoder(spec, engine="openvino", device="cpu").input_px == 160


def test_a_vision_transformer_takes_crops_of_another_size(cache):
    folder = cache[0] / "encoders" / VIT.replace("/", "--")
    with torch.inference_mode():
        assert open_timm(folder, name=VIT, input_px=96)(torch.zeros(1, 3, 96, 96)).ndim == 2


@pytest.mark.parametrize("what", ["weights", "config", "other config"])
def test_damaged_files_are_said_with_what_to_do(cache, tmp_path, what):
    save_hub_files(tmp_path, VIT)
    if what == "weights":
        (tmp_path / "model.safetensors").write_bytes(b"cut short")
    elif what == "config":
        (tmp_path / "config.json").write_text("[1, 2]")
    else:
        config = json.loads((tmp_path / "config.json").read_text())
        (tmp_path / "config.json").write_text(json.dumps({**config, "architecture": "test_convnext"}))

    with pytest.raises(FileFormatError, match=r"models remove timm/test_vit|should hold"):
        open_timm(tmp_path, name=VIT, input_px=160)


def test_an_encoder_that_is_not_here_says_where_its_files_belong(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    monkeypatch.setattr("models.engines.downloads._ask", lambda address: "no network")
    with pytest.raises(AnomalureError) as raised:
        load_encoder(EncoderSpec(backbone="dinov2-small", weights="hub"))

    assert f"put the file here: {tmp_path / 'encoders/dinov2-small/model.safetensors'}." in str(raised.value)
    assert "efficientnet_lite2" in str(raised.value)


def test_terms_are_asked_for_before_an_encoder_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    for name in ("dinov3-small", "megadescriptor-tiny"):
        with pytest.raises(TermsNotAgreed, match=f"models get {name} --agree"):
            load_encoder(EncoderSpec(backbone=name, weights="hub"))


def test_weights_that_are_a_pickle_run_no_code(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    folder = tmp_path / "encoders" / "megadescriptor-tiny"
    save_hub_files(folder, VIT)
    (folder / "model.safetensors").unlink()
    torch.save({"weight": _MakesFolder(str(tmp_path / "made"))}, folder / "pytorch_model.bin")

    with pytest.raises(FileFormatError):
        open_timm(folder, name="megadescriptor-tiny", input_px=160)
    assert not (tmp_path / "made").exists()


class _MakesFolder:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        import os

        return os.mkdir, (self.folder,)


def test_a_package_that_is_missing_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "open_clip", None)
    model = get_model("bioclip-2")
    with FileServer(b"{}") as server:
        get_files(model, copies=server.url, patience=Patience(tries=1))
    with pytest.raises(AnomalureError, match="pip install open_clip_torch"):
        load_encoder(EncoderSpec(backbone="bioclip-2", weights="hub"))


def test_an_encoder_of_a_hub_is_used_as_it_is():
    spec = EncoderSpec(backbone=VIT, weights="hub")
    assert complete_encoders([spec], detector="bundled") == ((spec,), "")
    with pytest.raises(AnomalureError, match="no map of a whole frame's patches"):
        check_patch_map(spec)
