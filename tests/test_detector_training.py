"""A detector is taught, kept whole, and can be run."""

import json

import numpy as np
import pytest

from core.errors import AnomalureError, ConsentNeeded
from core.formats.labelled import Label, LabelledPhoto
from core.formats.yolo import write_yolo_dataset
from core.records import Box, LoadedPhoto, Photo
from core.settings import RunSettings
from models.detector import load_detector
from models.detector_training import DetectorSettings, read_curve, train_detector

TINY = DetectorSettings(epochs=1, image_size=64, batch=4)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    photos = []
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(folder / f"{number}.png")
        photos.append(LabelledPhoto(f"{number}.png", (Label("fox", Box(8, 8, 40, 30)),), frame=(64, 48)))
    return write_yolo_dataset(photos, folder, tmp_path_factory.mktemp("made") / "yolo", settings=RunSettings())


def test_a_taught_detector_has_its_curve_and_card_and_finds_in_photos(dataset, tmp_path):
    epochs = []

    made = train_detector(
        dataset, name="mine", out_dir=tmp_path, start="scratch", settings=TINY, on_epoch=epochs.append
    )

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert [epoch.epoch for epoch in epochs] == [1]
    assert [(epoch.epoch, epoch.map50) for epoch in read_curve(made.folder)] == [
        (1, pytest.approx(epochs[0].map50, abs=1e-3))
    ]
    card = json.loads((made.folder / "detector.json").read_text())
    assert (card["photos"], card["classes"], card["settings"]["epochs"]) == ({"train": 5, "val": 1}, ["animal"], 1)
    detector = load_detector(str(made.model), RunSettings())
    pixels = np.zeros((48, 64, 3), np.uint8)
    photo = Photo("0" * 32, "a.jpg", "d", 64, 48, 1)
    assert len(list(detector.detect([LoadedPhoto(photo, pixels)]))) == 1


def test_a_training_that_is_stopped_leaves_nothing(dataset, tmp_path):
    def stop(epoch):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_detector(dataset, name="mine", out_dir=tmp_path, start="scratch", settings=TINY, on_epoch=stop)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"start": "nothing.pt"}, AnomalureError, "cannot be taught from 'nothing.pt'"),
        ({"start": "model.xml"}, AnomalureError, "can be run but not taught"),
        ({"start": "foreign.pt"}, ConsentNeeded, "runs code from the file"),
        ({"start": "foreign.pt", "allow_code": True}, AnomalureError, "is not a YOLO model or plan"),
        ({"name": "taken"}, AnomalureError, "There is a detector named taken already"),
        ({"name": "../up"}, AnomalureError, "cannot be the name of a detector"),
    ],
)
def test_a_bad_start_or_name_is_said_before_anything_is_made(dataset, tmp_path, monkeypatch, options, error, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "foreign.pt").write_bytes(b"no network")
    out = tmp_path / "detectors"
    (out / "taken").mkdir(parents=True)

    with pytest.raises(error, match=message):
        train_detector(dataset, out_dir=out, settings=TINY, **{"name": "mine", "start": "scratch", **options})

    assert [path.name for path in out.iterdir()] == ["taken"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "epochs must be from 1 to 1000, got 0"),
        ({"image_size": 100}, "multiple of 32 from 64 to 2048, got 100"),
        ({"learning_rate": -1.0}, "learning rate must be 0"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(AnomalureError, match=message):
        DetectorSettings(**settings)
