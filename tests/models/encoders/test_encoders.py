"""Encoders: any backbone, the detector's features, joined; a crop's embedding is its own wherever it stands."""

import json

import cv2
import numpy as np
import openvino as ov
import openvino.opset13 as ops
import pytest
import torch
import torchvision
from PIL import Image
from safetensors.torch import save_file

from core.errors import AnomalureError, BundleError, ConsentNeeded, FileFormatError
from models.encoders import backbones
from models.encoders import loading as encoder
from models.encoders.backbones import build_backbone
from models.encoders.loading import EncoderSpec, list_engines, load_encoder
from models.encoders.sources import bundled
from models.encoders.spec import sample_encoder
from models.encoders.with_openvino import OpenVinoEncoder
from models.engines.device import choose_device
from tests.fakes.tiny_models import make_grid_model, write_export

SMALL = "mobilenet_v3_small"


def paint_crops(n, *, px=64, seed=0):
    """Smooth coloured blotches, a little like crops of animals."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (n, 5, 5, 3), dtype=np.uint8)
    return np.stack([cv2.resize(one, (px, px), interpolation=cv2.INTER_CUBIC) for one in coarse])


def compare(a, b):
    """Cosine similarity of each row with its partner."""
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory):
    """Weights of a small network that has seen something, so that its features differ between crops."""
    torch.manual_seed(0)
    network = torchvision.models.get_model(SMALL, weights=None)
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.momentum = 1.0
    with torch.no_grad():
        network(torch.from_numpy(paint_crops(16, seed=9)).permute(0, 3, 1, 2).float() / 128 - 1)
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    save_file({key: tensor.contiguous() for key, tensor in network.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module", params=["openvino", "torch"])
def small_encoder(request, weights_file):
    spec = EncoderSpec(backbone=SMALL, weights=str(weights_file), input_px=64)
    return load_encoder(spec, engine=request.param, device="cpu")


def test_embeddings_are_finite_float32_rows_in_the_order_of_the_crops(small_encoder):
    crops = paint_crops(24)

    embeddings = small_encoder.embed(crops)

    assert embeddings.shape == (24, sum(small_encoder.sections))
    assert embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()
    alone = np.concatenate([small_encoder.embed(crops[i : i + 1]) for i in range(24)])
    similar = np.corrcoef(embeddings, alone)[:24, 24:]
    assert similar.argmax(axis=1).tolist() == list(range(24))
    np.testing.assert_allclose(embeddings, alone, atol=0.02 * np.abs(embeddings).max())


def test_the_same_crop_has_the_same_embedding_whatever_stands_beside_it(small_encoder):
    crop = paint_crops(1)

    first = small_encoder.embed(np.concatenate([crop, paint_crops(5, seed=1)]))[0]
    last = small_encoder.embed(np.concatenate([paint_crops(18, seed=2), crop]))[-1]

    assert compare(first[None], last[None])[0] > 0.9999


def test_no_crops_give_no_rows(small_encoder):
    assert small_encoder.embed(np.empty((0, 64, 64, 3), np.uint8)).shape == (0, sum(small_encoder.sections))


def test_a_view_of_crops_is_embedded_like_a_copy_and_left_as_it_was(small_encoder):
    crops = paint_crops(6)
    before = crops.copy()

    backwards = small_encoder.embed(crops[::-1])

    np.testing.assert_allclose(backwards[::-1], small_encoder.embed(crops), atol=1e-3 * np.abs(backwards).max() + 1e-3)
    np.testing.assert_array_equal(crops, before)


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 64, 64, 3), np.float32),
        np.zeros((1, 32, 64, 3), np.uint8),
        np.zeros((64, 64, 3), np.uint8),
        np.zeros((1, 3, 64, 64), np.uint8),
    ],
)
def test_what_is_not_crops_is_refused(small_encoder, crops):
    with pytest.raises(ValueError, match=r"crops must be uint8 of shape \(n, 64, 64, 3\)"):
        small_encoder.embed(crops)


def test_both_engines_compute_torchvisions_own_features(weights_file):
    spec = EncoderSpec(backbone=SMALL, weights=str(weights_file), input_px=64)
    crops = paint_crops(8)
    pictures = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
    pictures = torchvision.transforms.functional.normalize(pictures, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    with torch.inference_mode():
        expected = build_backbone(SMALL, weights=weights_file)(pictures).numpy()

    for engine in ("openvino", "torch"):
        embeddings = load_encoder(spec, engine=engine, device="cpu", precise=True).embed(crops)
        np.testing.assert_allclose(embeddings, expected, atol=1e-3 * np.abs(expected).max())


def test_auto_takes_an_engine_that_is_there_and_remembers_it(weights_file, tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))  # elsewhere an earlier process has measured it already
    spec = EncoderSpec(backbone=SMALL, weights=str(weights_file), input_px=64)
    seconds = {"openvino": 2.0, "torch cpu": 1.0}
    trials = []

    def time_trial(candidate):
        trials.append(candidate.engine)
        return seconds[candidate.engine]

    monkeypatch.setattr(encoder, "_faster", {})
    monkeypatch.setattr(encoder, "_time_trial", time_trial)

    assert load_encoder(spec, device="cpu").engine == "torch cpu"
    assert load_encoder(spec, device="cpu").engine == "torch cpu"
    assert sorted(trials) == ["openvino", "torch cpu"]  # measured once
    seconds["torch cpu"] = 3.0
    encoder._faster.clear()
    assert load_encoder(spec, device="cpu").engine == "openvino"


@pytest.mark.parametrize(
    ("name", "length", "px"),
    [
        ("resnet18", 512, 64),
        ("mobilenet_v2", 1280, 64),
        ("efficientnet_b0", 1280, 64),
        ("squeezenet1_1", 512, 64),
        ("shufflenet_v2_x0_5", 1024, 64),
        ("regnet_y_400mf", 440, 64),
        ("convnext_tiny", 768, 64),
        ("mnasnet0_5", 1280, 64),
        ("googlenet", 1024, 64),
    ],
)
@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
def test_any_classifier_gives_its_features_without_the_class_scores(name, length, px):
    network = build_backbone(name, weights="none")

    with torch.inference_mode():
        features = network(torch.zeros(2, 3, px, px))

    assert features.shape == (2, length)


def test_a_misspelt_backbone_is_answered_with_close_names():
    with pytest.raises(AnomalureError, match="Close to it: mobilenet_v2"):
        load_encoder(EncoderSpec(backbone="mobilnet_v2", weights="none"))


def test_a_backbone_that_cannot_take_the_crop_size_says_so():
    with pytest.raises(AnomalureError, match="cannot take crops of 100 px"):
        load_encoder(EncoderSpec(backbone="vit_b_16", weights="none", input_px=100), device="cpu", engine="torch")


def change_weights(weights, how):
    if how == "one is missing":
        del weights["features.1.block.0.0.weight"]
    elif how == "one is foreign":
        weights["teacher.weight"] = torch.zeros(1)
    elif how == "one has another shape":
        weights["features.0.0.weight"] = torch.zeros(16, 1, 3, 3)
    return weights


@pytest.mark.parametrize("how", ["one is missing", "one is foreign", "one has another shape"])
def test_weights_that_do_not_fit_are_refused(weights_file, tmp_path, how):
    from safetensors.torch import load_file

    path = tmp_path / "odd.safetensors"
    save_file(change_weights(load_file(weights_file), how), path)

    with pytest.raises(FileFormatError, match=f"does not fit {SMALL}"):
        build_backbone(SMALL, weights=path)


def test_weights_in_half_precision_without_the_classifier_are_welcome(weights_file, tmp_path):
    from safetensors.torch import load_file

    path = tmp_path / "half.safetensors"
    whole = load_file(weights_file)
    save_file({k: v.half() for k, v in whole.items() if not k.startswith("classifier.3")}, path)

    half = build_backbone(SMALL, weights=path)
    full = build_backbone(SMALL, weights=weights_file)
    with torch.inference_mode():
        picture = torch.rand(2, 3, 64, 64)
        np.testing.assert_allclose(compare(half(picture).numpy(), full(picture).numpy()), 1, atol=1e-3)


@pytest.mark.parametrize(("content", "complaint"), [(None, "no file of weights"), (b"PK\x03\x04", "cannot be read")])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content, complaint):
    path = tmp_path / "w.safetensors"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(AnomalureError, match=complaint):
        build_backbone(SMALL, weights=path)


def test_weights_that_cannot_be_downloaded_say_what_to_do_instead(monkeypatch):
    from urllib.error import URLError

    def fail(name, *, weights):
        raise URLError("name resolution failed")

    monkeypatch.setattr("models.engines.downloads._ask", lambda address: "")
    monkeypatch.setattr(backbones.torchvision.models, "get_model", fail)

    with pytest.raises(AnomalureError, match=r"could not be downloaded \(name resolution failed\).*bundled"):
        load_encoder(EncoderSpec(backbone="resnet18"))


def test_missing_small_weights_are_said(monkeypatch, tmp_path):
    monkeypatch.setattr(bundled, "SAMPLE_WEIGHTS", tmp_path / "nothing")

    with pytest.raises(BundleError, match="incomplete"):
        load_encoder(sample_encoder())
    with pytest.raises(AnomalureError, match="not for resnet18"):
        load_encoder(EncoderSpec(backbone="resnet18", weights="bundled"))


def test_joined_encoders_stand_side_by_side_and_say_where_each_ends(weights_file):
    spec = EncoderSpec(backbone=SMALL, weights=str(weights_file), input_px=64)
    other = EncoderSpec(backbone="squeezenet1_1", weights="none", input_px=64)
    crops = paint_crops(3)

    joined = load_encoder([spec, other], engine="openvino", device="cpu")
    embeddings = joined.embed(crops)

    assert joined.sections == (1024, 512)
    assert embeddings.shape == (3, 1536)
    alone = load_encoder(spec, engine="openvino", device="cpu").embed(crops)
    np.testing.assert_array_equal(embeddings[:, :1024], alone)


def test_encoders_of_different_crop_sizes_are_not_joined():
    specs = [EncoderSpec(backbone="squeezenet1_1", weights="none", input_px=px) for px in (64, 96)]

    with pytest.raises(AnomalureError, match="64 and 96 px"):
        load_encoder(specs, engine="torch", device="cpu")


def activate_by_silu_of_onnx(end):
    return ops.multiply(end, ops.sigmoid(end))


ACTIVATIONS = [
    (ops.swish, lambda maps: maps / (1 + np.exp(-maps))),
    (activate_by_silu_of_onnx, lambda maps: maps / (1 + np.exp(-maps))),
    (ops.relu, lambda maps: np.maximum(maps, 0)),
]


def make_yolo_like_model(activation):
    """A convolution named as Ultralytics names the end of its backbone, and a head behind it."""
    picture = ops.parameter([1, 3, 640, 640], np.float32, name="images")
    kernel = np.random.default_rng(0).normal(size=(5, 3, 1, 1)).astype(np.float32)
    convolution = ops.convolution(picture, ops.constant(kernel), [32, 32], [0, 0], [0, 0], [1, 1])
    end = ops.add(convolution, ops.constant(np.arange(-2, 3, dtype=np.float32).reshape(1, 5, 1, 1)))
    end.set_friendly_name("__module.model.8.cv2.conv/aten::_convolution/Add")
    head = ops.reshape(activation(end), ops.constant([1, 5, 400], dtype="int64"), False)
    return ov.Model([ops.result(head)], [picture], "yolo"), kernel


@pytest.mark.parametrize(("activation", "expected"), ACTIVATIONS)
def test_the_detectors_features_are_the_mean_of_its_last_backbone_map(tmp_path, activation, expected):
    model, kernel = make_yolo_like_model(activation)
    folder = write_export(tmp_path / "m", model)
    crops = paint_crops(3, px=224)

    features = load_encoder(EncoderSpec(detector=str(folder)), precise=True)

    seen = crops[:, ::32, ::32].astype(np.float64) / 255  # what a stride of 32 and a kernel of one pixel look at
    maps = seen @ kernel[:, :, 0, 0].T + np.arange(-2, 3)
    np.testing.assert_allclose(features.embed(crops), expected(maps).mean(axis=(1, 2)), atol=1e-4)
    assert features.sections == (5,)


def test_a_detector_that_does_not_name_its_layers_gives_no_features(tmp_path):
    folder = write_export(tmp_path / "m", make_grid_model())

    with pytest.raises(AnomalureError, match="does not name its layers"):
        load_encoder(EncoderSpec(detector=str(folder)))


def test_features_of_a_pt_detector_need_consent_too(tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"")

    with pytest.raises(ConsentNeeded, match="runs code"):
        load_encoder(EncoderSpec(detector=str(tmp_path / "mine.pt")))


def test_a_spec_survives_json():
    spec = EncoderSpec(backbone="resnet50", weights="none", input_px=160)

    assert EncoderSpec.from_values(json.loads(json.dumps(spec.to_values()))) == spec


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"backbone": 3}, "backbone must be of type"),
        ({"input_px": "224"}, "input_px must be of type"),
        ({"input_px": True}, "input_px must be of type"),
        ({"input_px": 16}, "between 32 and 1024"),
        ({"colour": "red"}, "no colour"),
    ],
)
def test_a_spec_with_odd_values_is_refused(values, complaint):
    with pytest.raises(AnomalureError, match=complaint):
        EncoderSpec.from_values(values)


def test_unknown_engines_devices_and_no_encoder_are_refused():
    with pytest.raises(AnomalureError, match="engine must be one of"):
        load_encoder(EncoderSpec(), engine="tensorflow")
    with pytest.raises(AnomalureError, match="device must be one of"):
        choose_device("tpu")
    with pytest.raises(AnomalureError, match="At least one encoder"):
        load_encoder([])


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(AnomalureError, match="no cuda device"):
        choose_device("cuda")


@pytest.fixture(scope="module")
def animal_crops():
    """Thirty-two real crops; skipped without the data."""
    from tests.conftest import SHARED_DATA

    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not here")
    truth = json.loads((SHARED_DATA / "wildlife" / "annotations.json").read_text(encoding="utf-8"))
    files = {file.name: file for file in (SHARED_DATA / "wildlife" / "images").rglob("*.jpg")}
    names = {image["id"]: files[image["file_name"].rsplit("/")[-1]] for image in truth["images"]}
    crops = []
    for label in [label for label in truth["annotations"] if "bbox" in label][::45][:32]:
        x, y, width, height = label["bbox"]
        with Image.open(names[label["image_id"]]) as photo:
            crops.append(np.asarray(photo.convert("RGB").crop((x, y, x + width, y + height)).resize((224, 224))))
    return np.stack(crops)


def test_half_precision_keeps_the_embeddings_of_real_crops(shared_data, animal_crops):
    spec = EncoderSpec(weights=str(shared_data / "weights" / "mobilenet_v2.safetensors"))
    fast = load_encoder(spec, engine="openvino", device="cpu")
    precise = load_encoder(spec, engine="openvino", device="cpu", precise=True)
    if not isinstance(fast, OpenVinoEncoder) or fast.precision == "f32":
        pytest.skip("this CPU has no bfloat16, so both are the same")

    similar = compare(fast.embed(animal_crops), precise.embed(animal_crops))

    # Without the correction of models/engines/bf16_correction.py: 0.993 on average and 0.965 at worst.
    assert similar.mean() > 0.996
    assert similar.min() > 0.98


def test_features_of_a_real_detector_tell_crops_apart(shared_data, animal_crops):
    spec = EncoderSpec(detector=str(shared_data / "weights" / "yolov8n_int8_openvino_model"))

    embeddings = load_encoder(spec).embed(animal_crops)

    assert embeddings.shape == (len(animal_crops), 256)
    assert np.unique(embeddings.round(3), axis=0).shape[0] == len(animal_crops)


def test_what_computed_a_run_can_be_asked_for_again():
    specs = (EncoderSpec(weights="none", input_px=32), EncoderSpec(weights="none", input_px=32))

    first = load_encoder(specs, engine=("torch", "openvino"))

    assert list_engines(first) == ["torch", "openvino"]
    assert list_engines(load_encoder(specs, engine=list_engines(first))) == ["torch", "openvino"]
