"""What every source of encoders must do, whichever it is: a new one is tested by adding its file."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from core.errors import BundleError
from models.encoders.autoencoders import Autoencoder, pack_autoencoder
from models.encoders.backbones import build_backbone
from models.encoders.sources.source import DEFAULT, at_best_size, find_source, list_sources
from models.encoders.spec import EncoderSpec

SOURCES = list_sources()

every_source = pytest.mark.parametrize("name", SOURCES)
# What a bundle or a run of an earlier version wrote down, and the source that it meant.
WRITTEN_BEFORE = [
    ({"backbone": "mobilenet_v2", "weights": "default", "detector": "", "input_px": 224}, "published"),
    ({"backbone": "resnet50", "weights": "none"}, "scratch"),
    ({"backbone": "mobilenet_v2", "weights": "bundled", "input_px": 96, "mirrored": False}, "bundled"),
    ({"backbone": "efficientnet_lite2", "weights": "bundled", "input_px": 260}, "bundled"),
    ({"backbone": "mobilenet_v2", "weights": "encoder-0.safetensors"}, "file"),
    ({"backbone": "autoencoder_conv", "weights": "encoder-0.safetensors", "input_px": 64}, "autoencoder"),
    ({"backbone": "mobilenet_v2", "weights": "/somewhere/none"}, "file"),
    ({"backbone": "mobilenet_v2", "weights": r"C:\weights\w.safetensors"}, "file"),
    ({"backbone": "mobilenet_v2", "weights": "default", "detector": "yolov8n"}, "detector"),
]


def spec_of(name, folder):
    """An encoder of each source that can be had without a network; of a source that is not known here by its word."""
    if name == "detector":
        return EncoderSpec(detector="bundled", input_px=160)
    if name == "file":
        path = folder / "some.safetensors"
        save_file(build_backbone("squeezenet1_1", weights="none").state_dict(), path)
        return EncoderSpec(backbone="squeezenet1_1", weights=str(path), input_px=64)
    if name == "autoencoder":
        path = folder / "some.safetensors"
        path.write_bytes(pack_autoencoder(Autoencoder("autoencoder_conv", input_px=64, bottleneck=8)))
        return EncoderSpec(backbone="autoencoder_conv", weights=str(path), input_px=64)
    return EncoderSpec(backbone=SOURCES[name].backbone, weights=SOURCES[name].word, input_px=64)


@pytest.mark.parametrize(("values", "name"), WRITTEN_BEFORE)
def test_encoders_written_down_before_mean_what_they_meant(values, name):
    assert find_source(EncoderSpec.from_values(values)) is SOURCES[name]


@every_source
def test_an_encoder_comes_from_one_source(name, tmp_path):
    spec = spec_of(name, tmp_path)

    assert find_source(spec) is SOURCES[name]
    assert [one for one, source in SOURCES.items() if source.has(spec)] == ([name] if name != "file" else [])


@every_source
def test_what_a_card_calls_an_encoder_says_nothing_of_this_computer(name, tmp_path):
    spec = spec_of(name, tmp_path)

    assert spec.name
    assert str(tmp_path) not in spec.name


@every_source
def test_a_network_turns_crops_into_vectors(name, tmp_path):
    if name in ("published", "hub"):
        pytest.skip("its weights are downloaded")
    network, mean, scale, _ = SOURCES[name].load(spec_of(name, tmp_path))

    assert (len(mean), len(scale)) == (3, 3)
    if isinstance(network, torch.nn.Module):
        assert not network.training
        with torch.inference_mode():
            assert network(torch.zeros(2, 3, 64, 64)).ndim == 2
    else:
        assert len(network.output(0).get_partial_shape()) == 2


@every_source
def test_an_encoder_in_a_bundle_is_the_same_encoder_and_needs_no_file_outside(name, tmp_path):
    spec, bundle = spec_of(name, tmp_path), tmp_path / "bundles" / "b"
    bundle.mkdir(parents=True)

    kept, file = find_source(spec).copy_into(spec, "encoder-0.safetensors")
    if file is not None:
        (bundle / "encoder-0.safetensors").write_bytes(file.read_bytes())
        (tmp_path / "some.safetensors").unlink(missing_ok=True)
    opened = find_source(kept).locate(kept, bundle)

    if Path(opened.weights).is_absolute():
        assert Path(opened.weights).parent == bundle
    elif not spec.detector:
        assert opened == spec
    assert str(tmp_path) not in str(kept.to_values())
    assert find_source(opened).identify(opened, tmp_path) == find_source(kept).identify(opened, tmp_path)
    if name == "bundled":
        assert find_source(opened).identify(opened, tmp_path) == find_source(spec).identify(spec, tmp_path)


@pytest.mark.parametrize("weights", ["../outside.safetensors", "/etc/passwd", ".."])
def test_a_bundle_that_names_a_file_outside_is_refused(weights, tmp_path):
    spec = replace(EncoderSpec(), weights=weights)

    with pytest.raises(BundleError, match="directly in its folder"):
        find_source(spec).locate(spec, tmp_path)


def test_the_default_is_listed_first_and_listing_loads_no_learning_library():
    assert next(iter(SOURCES)) == DEFAULT
    code = (
        "import sys; from models.encoders.sources.source import list_sources; list_sources()\n"
        "print([name for name in ('torch', 'openvino', 'ultralytics') if name in sys.modules])"
    )

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("backbone", "weights", "px"),
    [
        ("efficientnet_lite2", "bundled", 224),
        ("efficientnet_lite2", "/some/file.safetensors", 224),
        ("mobilenet_v2", "bundled", 96),
        ("mobilenet_v2", "default", 224),
        ("resnet50", "none", 224),
    ],
)
def test_an_encoder_gets_crops_of_the_size_that_suits_its_weights(backbone, weights, px):
    assert at_best_size(EncoderSpec(backbone=backbone, weights=weights)).input_px == px
