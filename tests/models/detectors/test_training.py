"""A detector is trained, goes on after a stop, is kept whole, and can be run."""

import json

import numpy as np
import pytest
from PIL import Image

from core.errors import AnomalureError, ConsentNeeded
from core.records import LoadedPhoto, Photo
from core.settings.detector import DetectorSettings
from core.settings.run import RunSettings
from core.study.project import Project
from core.work.detector_trainings import DetectorTrainingFolder, list_detector_trainings
from core.work.folder import Status
from models.detectors.loading import load_detector
from models.detectors.training import DetectorTrainingCancelled, open_start
from models.jobs.detector import DetectorRequest, resume_detector_training, start_detector_training


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path / "project")


@pytest.fixture
def request_of(tmp_path):
    """A request for a tiny training on six photos, with changes."""
    photos, rng = tmp_path / "photos", np.random.default_rng(0)
    photos.mkdir()
    images, annotations = [], []
    for number in range(6):
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(photos / f"{number}.png")
        images.append({"id": number, "file_name": f"{number}.png", "width": 64, "height": 48})
        annotations.append({"id": number, "image_id": number, "category_id": 1, "bbox": [8, 8, 40, 30]})
    coco = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "fox"}]}
    (tmp_path / "labels.json").write_text(json.dumps(coco))

    def make(**changes):
        tiny = DetectorSettings(detector_epochs=2, detector_image_size=64, detector_batch=4)
        values = {
            "name": "mine",
            "images": photos,
            "labels": tmp_path / "labels.json",
            "start": "scratch",
            "detector": tiny,
        }
        return DetectorRequest(**{**values, **changes})

    return make


def test_a_trained_detector_goes_on_after_a_cancel_and_finds_in_photos(project, request_of):
    def cancel(progress):
        if progress.unit == "epoch" and progress.done == 1:
            DetectorTrainingFolder(project.detectors_dir / "mine").request_cancel()

    with pytest.raises(DetectorTrainingCancelled):
        start_detector_training(project, request_of(), on_progress=cancel)
    cut = DetectorTrainingFolder(project.detectors_dir / "mine")
    assert (cut.status, cut.can_resume, len(cut.read_curve())) == (Status.CANCELLED, True, 1)
    with pytest.raises(AnomalureError, match=r"unfinished. Go on with it \(--resume mine\)"):
        start_detector_training(project, request_of())

    made = resume_detector_training(project, "mine")

    assert made.status is Status.DONE
    assert [epoch.epoch for epoch in made.read_curve()] == [1, 2]
    card = made.read_result()
    assert (card["photos"], card["classes"]) == ({"train": 5, "val": 1}, ["animal"])
    assert card["settings"]["detector_epochs"] == 2
    assert not (made.path / "photos").exists()
    assert [item.name for item in list_detector_trainings(project.detectors_dir)] == ["mine"]
    detector = load_detector(str(made.model), RunSettings())
    photo = Photo("0" * 32, "a.jpg", "d", 64, 48, 1)
    assert len(list(detector.detect([LoadedPhoto(photo, np.zeros((48, 64, 3), np.uint8))]))) == 1
    with pytest.raises(AnomalureError, match="There is a detector named mine already"):
        start_detector_training(project, request_of())
    with pytest.raises(AnomalureError, match="nothing to go on with"):
        resume_detector_training(project, "mine")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"start": "nothing.pt"}, AnomalureError, "cannot be trained from 'nothing.pt'"),
        ({"name": "../up"}, AnomalureError, "cannot be the name of a detector"),
        ({"split": "season"}, AnomalureError, "No photo of the labels is in the split 'season'"),
        ({"labels": None}, AnomalureError, "expected one folder a species"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_made(project, request_of, changes, error, message):
    with pytest.raises(error, match=message):
        start_detector_training(project, request_of(**changes))

    assert not project.detectors_dir.exists()


def test_a_foreign_file_is_loaded_only_by_consent(tmp_path):
    (tmp_path / "foreign.pt").write_bytes(b"no network")

    with pytest.raises(ConsentNeeded, match="runs code from the file"):
        open_start(str(tmp_path / "foreign.pt"))
    with pytest.raises(AnomalureError, match="is not a YOLO model or plan"):
        open_start(str(tmp_path / "foreign.pt"), allow_code=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"detector_epochs": 0}, "detector_epochs must be between 1 and 10000"),
        ({"detector_image_size": 100}, "must be a multiple of 32 px, got 100"),
        ({"epochs": 3}, "epochs"),
    ],
)
def test_bad_settings_are_refused(settings, message):
    with pytest.raises(AnomalureError, match=message):
        DetectorSettings.from_values(settings)


def test_going_on_with_what_is_not_there_names_what_is(project):
    with pytest.raises(AnomalureError, match=r"no training of a detector named mine\. There are: none yet"):
        resume_detector_training(project, "mine")
