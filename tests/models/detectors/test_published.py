"""Published detectors by name; MegaDetectors among them have the form of the YOLOv5 and YOLOv9 repositories."""

import lzma
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import AnomalureError, ConsentNeeded, FileFormatError
from core.records import LoadedPhoto, Photo
from core.settings.run import RunSettings
from models.detectors import loading, published
from models.detectors.loading import load_detector, load_usual_detector
from models.detectors.source import open_detector_source
from models.detectors.training import open_start
from models.detectors.yolo_metadata import YoloMetadata
from models.detectors.yolov5.opening import is_of_repository, open_yolov5
from models.engines import downloads
from models.published import table
from models.published.cache import remove_model
from models.published.entry import PublishedFile, PublishedModel
from models.published.table import USUAL_DETECTOR
from tests.fakes.file_server import FileServer

FIXTURES = Path(__file__).parents[2] / "fixtures/yolo_repositories"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repositories")
    for name in ("v5", "v9"):
        (folder / f"{name}.pt").write_bytes(lzma.decompress((FIXTURES / f"{name}.pt.xz").read_bytes()))
    return folder


@pytest.mark.parametrize(("name", "stride"), [("v5", 64), ("v9", 32)])
def test_a_file_of_a_repository_gives_the_boxes_of_its_own_package(files, name, stride):
    network, metadata = open_yolov5(files / f"{name}.pt")
    pictures = torch.linspace(0, 1, 3 * 128 * 192).view(1, 3, 128, 192)

    with torch.inference_mode():
        found = network(pictures)[0, :, ::13]

    np.testing.assert_allclose(found, np.load(FIXTURES / f"{name}.npy"), rtol=1e-4, atol=1e-3)
    assert (metadata.class_names, metadata.stride) == (("animal", "person", "vehicle"), stride)


def test_files_of_repositories_are_told_from_others(files, tmp_path):
    assert is_of_repository(files / "v5.pt")
    torch.save({"model": torch.nn.Linear(2, 2)}, tmp_path / "other.pt")
    (tmp_path / "damaged.pt").write_bytes((files / "v5.pt").read_bytes()[:5000])
    for name in ("other.pt", "damaged.pt", "missing.pt"):
        assert not is_of_repository(tmp_path / name)
        with pytest.raises(FileFormatError, match=r"cannot be read|holds no detector"):
            open_yolov5(tmp_path / name)


class Runs:
    """Pickled, it asks whoever opens it to make a folder."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


def test_nothing_of_a_file_is_run(tmp_path):
    torch.save({"model": Runs(str(tmp_path / "made"))}, tmp_path / "evil.pt")
    with pytest.raises(FileFormatError):
        open_yolov5(tmp_path / "evil.pt")
    assert not (tmp_path / "made").exists()

    torch.load(tmp_path / "evil.pt", weights_only=False)  # it would have
    assert (tmp_path / "made").exists()


@pytest.fixture
def server(tmp_path, monkeypatch, files):
    """A table of two models, whose files lie on a server of this computer."""
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "cache"))
    with FileServer() as server:
        server.files = {name: (files / name).read_bytes() for name in ("v5.pt", "v9.pt")}
        rows = {
            f"mega-{name}": PublishedModel(
                name=f"mega-{name}",
                kind="detector",
                loader="yolov5",
                about="",
                licence="MIT",
                class_names=("animal", "person", "vehicle"),
                input_px=256,
                files=(PublishedFile(name=f"{name}.pt", address=f"{server.url}/{name}.pt"),),
            )
            for name in ("v5", "v9")
        }
        monkeypatch.setattr(table, "list_models", lambda: rows)
        yield server


def load_photo():
    pixels = np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    return LoadedPhoto(Photo("1", "a.jpg", "d", 128, 96, size_bytes=1), pixels)


def test_a_megadetector_is_downloaded_opened_and_converted_once_and_names_people(server, tmp_path, caplog, monkeypatch):
    settings = RunSettings(detector_image_px=128, min_confidence=0.01)
    told = []
    caplog.set_level("INFO")
    with downloads.telling(told.append):
        detector = load_detector("mega-v5", settings, device="cpu")
    photo = load_photo()
    found = detector.detect([photo])[0].detections

    assert {one.detector_class for one in found} <= {"animal", "person", "vehicle"}
    assert found
    assert "was trained on photos of 256 px" in caplog.text
    assert any(message.startswith("Downloading mega-v5") for message in told)
    kept = list((tmp_path / "cache/openvino").glob("*/model.xml"))
    assert len(kept) == 1

    monkeypatch.setattr("models.detectors.source.load_published", lambda name: pytest.fail("its network was made"))
    caplog.clear()
    again = load_detector("mega-v5", settings, device="cpu").detect([photo])[0].detections
    assert "was trained on photos of 256 px" in caplog.text
    assert again == found
    assert server.asked["v5.pt"] == 1
    assert list((tmp_path / "cache/openvino").glob("*/model.xml")) == kept

    remove_model(table.get_model("mega-v5"))
    assert list((tmp_path / "cache/openvino").iterdir()) == []


def test_notes_of_a_converted_network_that_were_changed_are_not_used(server, tmp_path):
    settings = RunSettings(detector_image_px=128)
    names = load_detector("mega-v5", settings, device="cpu").class_names
    (notes,) = (tmp_path / "cache/openvino").glob("*/notes.json")

    for damaged in ("", "[]", '{"class_names": "animal"}', '{"class_names": [], "stride": 7}'):
        notes.write_text(damaged)
        assert load_detector("mega-v5", settings, device="cpu").class_names == names


def test_a_file_of_ones_own_in_this_form_can_be_named_by_its_path(files, server):
    with pytest.raises(ConsentNeeded):
        open_detector_source(str(files / "v9.pt"))
    assert open_detector_source(str(files / "v9.pt"), allow_code=True).metadata.class_names[1] == "person"


def test_a_megadetector_of_that_form_cannot_be_trained(server):
    with pytest.raises(AnomalureError, match="can be run but not trained"):
        open_start("mega-v5")


def test_consent_is_asked_only_where_no_checksum_is_published(server, monkeypatch, tmp_path):
    asked = []

    def load(path, *, allow_code=False):
        asked.append(allow_code)
        if not allow_code:
            raise ConsentNeeded("it runs code")
        return None, YoloMetadata(class_names=("animal",))

    monkeypatch.setattr("models.detectors.ultralytics_model.load_pt", load)
    monkeypatch.setattr(published, "YOLOV5", "")
    with pytest.raises(ConsentNeeded):
        published.load_published("mega-v5")
    assert asked == [False]

    monkeypatch.setattr(PublishedModel, "is_checked", property(lambda model: True))
    published.load_published("mega-v5")
    assert asked == [False, False, True]


def test_a_damaged_file_in_the_cache_is_said(server, tmp_path):
    path = tmp_path / "cache/detectors/v5.pt"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut short")
    with pytest.raises(FileFormatError, match="cannot be read as a YOLOv5"):
        load_detector("mega-v5", RunSettings())


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        ((), None),  # no network: the caller has another one
        (("yolov8n",), "yolov8n"),
        ((USUAL_DETECTOR,), "yolov8n"),  # it is there and cannot be opened
    ],
)
def test_who_chooses_no_detector_gets_one_that_can_be_had(tmp_path, monkeypatch, here, expected):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path))
    for name in here:
        path = published.published_file(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"")

    def load(name, settings):
        if name == USUAL_DETECTOR:
            raise AnomalureError("it cannot be had")
        return name

    monkeypatch.setattr(loading, "load_detector", load)
    if expected is None:
        with pytest.raises(AnomalureError, match="it cannot be had"):
            load_usual_detector(RunSettings())
    else:
        assert load_usual_detector(RunSettings()) == expected
