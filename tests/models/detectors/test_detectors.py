"""Detectors by name and by path: what they find, and what they say when they cannot be used."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from core.errors import AnomalureError, BundleError, ConsentNeeded, FileFormatError
from core.records import Box, LoadedPhoto, Photo
from core.settings.run import RunSettings
from models.detectors import published, ultralytics_opening
from models.detectors import source as detector_source
from models.detectors.letterbox import Letterbox
from models.detectors.loading import load_detector
from models.detectors.yolo_metadata import parse_metadata
from tests.fakes.tiny_models import make_fixed_output_model, make_grid_model, write_export, write_onnx

METADATA = {"task": "detect", "stride": 32, "imgsz": [64, 64], "names": {0: "lion", 1: "deer"}}


def load_pixels(pixels, name="a.jpg"):
    height, width = pixels.shape[:2]
    photo = Photo(photo_id=name, file_name=name, deployment="d", width_px=width, height_px=height, size_bytes=1)
    return LoadedPhoto(photo, np.asarray(pixels, dtype=np.uint8))


def paint(red, green=0, *, height=64, width=64):
    return load_pixels(np.full((height, width, 3), (red, green, 0)))


def test_boxes_come_back_in_pixels_of_each_photo_in_the_photos_order(tmp_path):
    detector = load_detector(str(write_export(tmp_path / "m", make_grid_model(), METADATA)), RunSettings())
    photos = [paint(200), paint(0), paint(0, 250), paint(255, 128)] * 5

    found = detector.detect(photos)

    classes = [[detection.detector_class for detection in one.detections] for one in found]
    assert classes == [["lion"], [], ["deer"], ["lion", "deer"]] * 5
    assert found[0].detections[0].box == Box(22, 27, 20, 10)
    assert found[0].detections[0].confidence == pytest.approx(200 / 255, abs=0.01)
    assert detector.image_px == 64


def test_boxes_of_a_wide_photo_are_moved_back_and_clipped_to_its_frame(tmp_path):
    # 320 x 80 becomes 64 x 16 in the middle of the canvas, rows 24 to 39; the grey above and below is not the photo.
    detector = load_detector(
        str(write_export(tmp_path / "m", make_grid_model(), METADATA)), RunSettings(min_confidence=0.01)
    )

    found = detector.detect([paint(255, 255, height=80, width=320)])[0]

    boxes = {detection.detector_class: detection.box for detection in found.detections}
    assert boxes["lion"] == Box(110, 15, 100, 50)
    assert boxes["deer"] == Box(60, 79, 40, 1)  # it lay in the grey: what is left is one row at the frame's edge


def test_no_photos_no_answers(tmp_path):
    detector = load_detector(str(write_export(tmp_path / "m", make_grid_model(), METADATA)), RunSettings())

    assert detector.detect([]) == []


def test_a_detector_for_any_size_takes_the_size_of_the_settings_and_only_the_canvas_a_photo_needs(tmp_path):
    folder = write_export(tmp_path / "m", make_grid_model(side_px=None), METADATA)

    detector = load_detector(str(folder), RunSettings(detector_image_px=100))
    found = detector.detect([paint(255, height=50, width=100), paint(255, height=100, width=100)])

    assert detector.image_px == 128  # whole strides of 32
    assert [len(one.detections) for one in found] == [1, 1]
    # 100 x 50 becomes 128 x 64: no border, so the box is only scaled.
    assert found[0].detections[0].box.x == pytest.approx(22 * 100 / 128)
    assert found[0].detections[0].box.y == pytest.approx(27 * 50 / 64)


def test_signs_that_nobody_sees_are_left_out_of_the_names_of_classes(tmp_path):
    names = {0: "li\u202eon", 1: "de\x1ber", 2: "\u2066\u2069"}

    assert parse_metadata({**METADATA, "names": names}, source="x.pt").class_names == ("lion", "deer", "class 2")


def test_a_detector_without_names_numbers_its_classes(tmp_path):
    detector = load_detector(str(write_export(tmp_path / "m", make_grid_model())), RunSettings())

    assert detector.detect([paint(255)])[0].detections[0].detector_class == "class 0"
    assert detector.class_names == ()


def test_a_detector_that_gives_sifted_boxes_is_understood(tmp_path):
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [10, 20, 30, 40, 0.9, 1]
    rows[0, 1] = [40, 40, 60, 60, 0.1, 0]
    detector = load_detector(str(write_export(tmp_path / "m", make_fixed_output_model(rows), METADATA)), RunSettings())

    found = detector.detect([paint(0)])[0]

    assert [(one.detector_class, one.box) for one in found.detections] == [("deer", Box(10, 20, 20, 20))]


def test_boxes_over_the_limit_are_counted(tmp_path):
    grid = np.zeros((1, 6, 400), np.float32)
    grid[0, 0] = np.arange(400) % 20 * 3 + 2
    grid[0, 1] = np.arange(400) // 20 * 3 + 2
    grid[0, 2:4], grid[0, 4] = 2, 0.5
    folder = write_export(tmp_path / "m", make_fixed_output_model(grid), METADATA)

    found = load_detector(str(folder), RunSettings(max_detections=100)).detect([paint(0)])[0]

    assert len(found.detections) == 100
    assert found.n_over_limit == 300


def test_an_onnx_file_brings_its_names_along(tmp_path):
    detector = load_detector(str(write_onnx(tmp_path / "d.onnx", names="{0: 'lion', 1: 'deer'}")), RunSettings())

    assert detector.class_names == ("lion", "deer")
    assert len(detector.detect([paint(0)])) == 1


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({**METADATA, "task": "segment"}, "task 'segment'"),
        ({**METADATA, "names": {0: "lion"}}, "1 class names"),
        ({**METADATA, "names": {3: "lion", 7: "deer"}}, "each of the classes"),
        ({**METADATA, "names": "lion"}, "each of the classes"),
        ({**METADATA, "stride": "wide"}, "stride"),
        ("[1, 2]", "got list"),
        ("names: {0: [", "not readable as YAML"),
        ("", "got NoneType"),
    ],
)
def test_odd_metadata_is_refused_in_plain_words(tmp_path, metadata, complaint):
    folder = write_export(tmp_path / "m", make_grid_model(), metadata)

    with pytest.raises(AnomalureError, match=complaint):
        load_detector(str(folder), RunSettings())


@pytest.mark.parametrize(
    ("model", "complaint"),
    [
        (make_fixed_output_model(np.zeros((1, 25_200, 8))), "MegaDetector 5"),
        (make_fixed_output_model(np.zeros((1, 1000))), r"\(1, 4 \+ classes, n\)"),
        (make_fixed_output_model(np.zeros((1, 6, 9)), input_shape=(1, 1, 64, 64)), "one picture"),
    ],
)
def test_a_model_that_is_no_yolo_detector_is_refused(tmp_path, model, complaint):
    folder = write_export(tmp_path / "m", model)

    with pytest.raises(AnomalureError, match=complaint):
        load_detector(str(folder), RunSettings())


def spoil(folder, how):
    if how == "no model":
        (folder / "tiny.xml").unlink()
    elif how == "two models":
        (folder / "other.xml").write_text("<net/>", encoding="utf-8")
    elif how == "no weights":
        (folder / "tiny.bin").unlink()
    elif how == "weights cut short":
        (folder / "tiny.bin").write_bytes(b"1234")
    elif how == "not a model":
        (folder / "tiny.xml").write_text("<html>Not found</html>", encoding="utf-8")


@pytest.mark.parametrize("how", ["no model", "two models", "no weights", "weights cut short", "not a model"])
def test_a_damaged_export_is_refused_in_plain_words(tmp_path, how):
    folder = write_export(tmp_path / "m", make_grid_model(), METADATA)
    spoil(folder, how)

    with pytest.raises(FileFormatError, match=r"must hold one|is missing|cannot be read"):
        load_detector(str(folder), RunSettings())


@pytest.mark.parametrize("name", ["d.onnx", "d.engine", "d.txt"])
def test_a_file_that_is_no_model_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")

    with pytest.raises(FileFormatError, match=name):
        load_detector(str(tmp_path / name), RunSettings())


@pytest.mark.parametrize("name", ["", "no/such/folder", "megadetector", "yolo.onnx"])
def test_a_name_that_is_nothing_says_what_there_is(name):
    with pytest.raises(AnomalureError, match="called bundled"):
        load_detector(name, RunSettings())


def test_a_missing_bundled_detector_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(detector_source, "BUNDLED_FOLDER", tmp_path / "nothing")

    with pytest.raises(BundleError, match="incomplete"):
        load_detector("bundled", RunSettings())


def test_a_pt_file_needs_consent_before_anything_of_it_is_loaded(tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"not even a model")

    with pytest.raises(ConsentNeeded, match="runs code"):
        load_detector(str(tmp_path / "mine.pt"), RunSettings())


def test_a_pt_file_that_is_no_model_is_refused_in_plain_words(tmp_path):
    (tmp_path / "mine.pt").write_bytes(b"not even a model")

    with pytest.raises(FileFormatError, match="not a YOLO model"):
        load_detector(str(tmp_path / "mine.pt"), RunSettings(), allow_code=True)


def test_a_published_name_never_means_a_file_of_that_name_in_the_current_folder(tmp_path, monkeypatch):
    (tmp_path / "yolov8n.pt").write_bytes(b"evil")
    monkeypatch.chdir(tmp_path)
    asked = []
    monkeypatch.setattr(detector_source, "load_published", lambda name: asked.append(name) or (None, None, ""))
    monkeypatch.setattr("models.detectors.ultralytics_model.load_pt", lambda path: pytest.fail(f"{path} was loaded"))

    detector_source.open_detector_source("yolov8n.pt")

    assert asked == ["yolov8n.pt"]


def test_a_download_that_fails_says_what_to_do_instead(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    monkeypatch.setattr("models.engines.downloads._ask", lambda address: "name resolution failed")

    with pytest.raises(
        AnomalureError, match=r"could not be downloaded \(github.com: name resolution failed\).*bundled"
    ):
        load_detector("yolov8n", RunSettings())


def test_a_name_that_nobody_publishes_is_refused_without_a_download():
    with pytest.raises(AnomalureError, match="publishes no detector named yolov99z"):
        load_detector("yolov99z", RunSettings())


@pytest.mark.parametrize(
    "name", ["yolov8n", "yolov8x.pt", "yolo11s", "yolo26n", "yolov5n6u", "yolov8n-oiv7", "yolov3u"]
)
def test_published_names_are_known_by_their_form(name):
    assert published.looks_published(name)


@pytest.mark.parametrize("name", ["bundled", "yolov8n.onnx", "./yolov8n.pt", "yolov8n-seg", "yolo_nas_s", "my.pt"])
def test_other_names_are_not_taken_for_published_ones(name):
    assert not published.looks_published(name)


@pytest.mark.parametrize("photo_hw", [(1, 1), (3, 4000), (480, 640), (641, 640), (1080, 1920), (639, 333)])
def test_a_letterbox_is_that_of_ultralytics(photo_hw):
    ultralytics_opening.import_ultralytics()
    from ultralytics.data.augment import LetterBox

    pixels = np.random.default_rng(0).integers(0, 256, (*photo_hw, 3), dtype=np.uint8)
    canvas = np.empty((640, 640, 3), np.uint8)

    Letterbox(photo_hw, (640, 640)).draw(pixels, canvas)

    np.testing.assert_array_equal(canvas, LetterBox((640, 640), auto=False)(image=pixels))


TRAINED_A_LITTLE = """
import sys
from pathlib import Path
import numpy as np, torch
from models.detectors.ultralytics_opening import import_ultralytics
import_ultralytics()
from ultralytics import YOLO
torch.manual_seed(0)
yolo = YOLO("yolov8n.yaml")
for layer in yolo.model.modules():
    if isinstance(layer, torch.nn.BatchNorm2d):
        layer.momentum = 1.0  # so that one pass gives activations of a sensible size
yolo.model.train()
with torch.no_grad():
    yolo.model(torch.rand(4, 3, 128, 128))
torch.nn.init.normal_(yolo.model.model[-1].cv3[0][-1].weight, std=0.2)
yolo.save(sys.argv[1])
"""


@pytest.fixture(scope="module")
def pt_file(tmp_path_factory):
    """A YOLOv8n in Ultralytics' own format, made in a process of its own: it takes seconds and settles global state."""
    path = tmp_path_factory.mktemp("pt") / "mine.pt"
    subprocess.run([sys.executable, "-c", TRAINED_A_LITTLE, str(path)], check=True, capture_output=True)
    return path


def test_a_pt_file_finds_in_torch_what_ultralytics_finds(pt_file, tmp_path, monkeypatch):
    import torch

    from models.detectors.ultralytics_model import GridOnly, load_pt
    from models.detectors.with_torch import TorchDetector

    monkeypatch.chdir(tmp_path)
    settings = RunSettings(detector_image_px=128, min_confidence=0.05)
    rng = np.random.default_rng(3)
    photos = [load_pixels(rng.integers(0, 256, (*hw, 3))) for hw in [(96, 128), (96, 128), (128, 60)]]
    network, metadata = load_pt(pt_file)
    detector = TorchDetector(
        GridOnly(network), name="mine", metadata=metadata, settings=settings, device=torch.device("cpu")
    )

    found = detector.detect(photos)

    from ultralytics import YOLO

    yolo = YOLO(pt_file)
    assert sum(len(one.detections) for one in found) > 0
    for photo, one in zip(photos, found, strict=True):
        boxes = yolo.predict(
            photo.pixels[..., ::-1], imgsz=128, conf=0.05, iou=settings.nms_iou, agnostic_nms=True, verbose=False
        )[0].boxes
        assert [detection.confidence for detection in one.detections] == pytest.approx(boxes.conf.tolist(), abs=1e-3)
    assert list(tmp_path.iterdir()) == []  # nothing is written where the user happens to be


def test_photos_of_many_shapes_get_in_torch_what_each_gets_alone(pt_file):
    import torch

    from models.detectors.ultralytics_model import GridOnly, load_pt
    from models.detectors.with_torch import TorchDetector

    settings = RunSettings(detector_image_px=128, min_confidence=0.01)
    rng = np.random.default_rng(5)
    shapes = [(96, 128), (128, 60), (48, 64), (128, 60), (96, 128)]
    photos = [load_pixels(rng.integers(0, 256, (*hw, 3)), f"{i}.jpg") for i, hw in enumerate(shapes)]
    network, metadata = load_pt(pt_file)
    detector = TorchDetector(
        GridOnly(network), name="mine", metadata=metadata, settings=settings, device=torch.device("cpu")
    )

    together, alone = detector.detect(photos), [detector.detect([photo])[0] for photo in photos]

    assert all(one.detections for one in alone)
    for one, other in zip(together, alone, strict=True):
        assert [box.confidence for box in one.detections] == pytest.approx(
            [box.confidence for box in other.detections], abs=1e-4
        )
    assert detector.detect([]) == []


def test_a_pt_file_runs_on_a_cpu_through_openvino(pt_file):
    settings = RunSettings(detector_image_px=128, min_confidence=0.001)

    detector = load_detector(str(pt_file), settings, allow_code=True, device="cpu")
    found = detector.detect([load_pixels(np.random.default_rng(3).integers(0, 256, (100, 128, 3)))])

    assert detector.engine == "openvino"
    assert len(detector.class_names) == 80
    assert found[0].detections


@pytest.mark.parametrize("across", [True, False])
def test_real_photos_get_the_boxes_that_ultralytics_predicts(shared_data, across):
    ultralytics_opening.import_ultralytics()
    from ultralytics import YOLO

    folder = shared_data / "weights" / "yolov8n_int8_openvino_model"
    files = sorted((shared_data / "wildlife" / "images" / "season").iterdir())[::30]
    photos = [load_pixels(np.asarray(Image.open(file).convert("RGB")), file.name) for file in files]
    settings = RunSettings(nms_across_classes=across)

    found = load_detector(str(folder), settings).detect(photos)

    yolo = YOLO(folder, task="detect")
    n_boxes = 0
    for photo, one in zip(photos, found, strict=True):
        result = yolo.predict(
            photo.pixels[..., ::-1],
            rect=False,
            conf=settings.min_confidence,
            iou=settings.nms_iou,
            agnostic_nms=across,
            verbose=False,
        )[0]
        assert [d.detector_class for d in one.detections] == [result.names[int(c)] for c in result.boxes.cls]
        assert [d.confidence for d in one.detections] == pytest.approx(result.boxes.conf.tolist(), abs=0.01)
        ours = [[d.box.x, d.box.y, d.box.x + d.box.width, d.box.y + d.box.height] for d in one.detections]
        np.testing.assert_allclose(np.reshape(ours, (-1, 4)), result.boxes.xyxy.numpy(), atol=1.0)
        n_boxes += len(ours)
    assert n_boxes >= len(photos) // 2  # how sure an int8 network is depends a little on the processor


def test_ultralytics_is_kept_from_reporting_installing_and_the_users_own_settings(tmp_path):
    asked = """
import json, os
from models.detectors.ultralytics_opening import import_ultralytics
import_ultralytics()
from ultralytics import utils
from ultralytics.utils.events import events
print(json.dumps([utils.AUTOINSTALL, utils.ONLINE, events.enabled, utils.SETTINGS["sync"], str(utils.USER_CONFIG_DIR)]))
"""
    answer = subprocess.run(
        [sys.executable, "-c", asked],
        env={**_environment_without_yolo(), "ANOMALURE_CACHE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )

    *switches, config = json.loads(answer.stdout.splitlines()[-1])
    assert switches == [False, False, False, False]
    assert config.startswith(str(tmp_path))


def _environment_without_yolo():
    import os

    return {name: value for name, value in os.environ.items() if not name.startswith("YOLO_")}
