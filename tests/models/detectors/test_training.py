"""A detector is trained, goes on after a stop, is kept whole, and can be run."""

import json

import numpy as np
import pytest
from PIL import Image

from cli import main
from core.errors import AnomalureError, ConsentNeeded
from core.records import LoadedPhoto, Photo
from core.settings.detector import DetectorSettings
from core.settings.run import RunSettings
from core.study.project import Project
from core.work.detector_trainings import DetectorEpoch, DetectorTrainingFolder
from core.work.folder import Status
from core.work.meter import Cancelled
from models.detectors.loading import load_detector
from models.detectors.training import open_start
from models.jobs.detector import DetectorRequest
from models.jobs.registry import do_at_once, resume_at_once


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

    with pytest.raises(Cancelled):
        do_at_once(project, request_of(), on_progress=cancel)
    cut = DetectorTrainingFolder(project.detectors_dir / "mine")
    assert (cut.status, cut.can_resume, len(cut.read_curve(DetectorEpoch))) == (Status.CANCELLED, True, 1)
    with pytest.raises(AnomalureError, match=r"unfinished detector training named mine. Resume it \(--resume mine\)"):
        do_at_once(project, request_of())

    resume_at_once(project, "detectors/mine")

    made = DetectorTrainingFolder(project.detectors_dir / "mine")
    assert made.status is Status.DONE
    assert [epoch.epoch for epoch in made.read_curve(DetectorEpoch)] == [1, 2]
    card = made.read_result()
    assert (card["photos"], card["classes"]) == ({"train": 5, "val": 1}, ["animal"])
    assert card["settings"]["detector_epochs"] == 2
    assert not (made.path / "photos").exists()
    assert [item.name for item in DetectorTrainingFolder.list_all(project.detectors_dir)] == ["mine"]
    detector = load_detector(str(made.model), RunSettings())
    photo = Photo("0" * 32, "a.jpg", "d", 64, 48, 1)
    assert len(list(detector.detect([LoadedPhoto(photo, np.zeros((48, 64, 3), np.uint8))]))) == 1
    with pytest.raises(AnomalureError, match="There is a detector training named mine already"):
        do_at_once(project, request_of())
    with pytest.raises(AnomalureError, match="nothing to resume"):
        resume_at_once(project, "detectors/mine")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"start": "nothing.pt"}, AnomalureError, "cannot be trained from 'nothing.pt'"),
        ({"name": "../up"}, AnomalureError, "cannot be the name of a detector"),
        ({"split": "season"}, AnomalureError, "No photo of the labels is in the split 'season'"),
        ({"labels": None}, AnomalureError, "expected one folder for each species"),
    ],
)
def test_what_cannot_be_trained_is_said_before_anything_is_made(project, request_of, changes, error, message):
    with pytest.raises(error, match=message):
        do_at_once(project, request_of(**changes))

    assert DetectorTrainingFolder.list_all(project.detectors_dir) == []


def test_a_foreign_file_is_loaded_only_by_consent(tmp_path):
    (tmp_path / "foreign.pt").write_bytes(b"no network")

    with pytest.raises(ConsentNeeded, match="runs code from the file"):
        open_start(str(tmp_path / "foreign.pt"))
    with pytest.raises(AnomalureError, match="is not a YOLO model, nor the"):
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


def test_resuming_what_is_not_there_names_what_is(project, capsys):
    assert main(["detector", "--project", str(project.path), "--resume", "mine", "--json"]) == 1
    assert "no training of a detector named mine. There are: none yet" in capsys.readouterr().out


def test_a_project_that_was_moved_resumes_its_training_in_its_new_place(project, request_of, tmp_path):
    def cancel(progress):
        if progress.unit == "epoch" and progress.done == 1:
            DetectorTrainingFolder(project.detectors_dir / "mine").request_cancel()

    with pytest.raises(Cancelled):
        do_at_once(project, request_of(), on_progress=cancel)
    project.path.rename(tmp_path / "moved")
    moved = Project(tmp_path / "moved")

    resume_at_once(moved, "detectors/mine")

    made = DetectorTrainingFolder(moved.detectors_dir / "mine")
    assert [epoch.epoch for epoch in made.read_curve(DetectorEpoch)] == [1, 2]
    assert made.is_trained
    assert not project.path.exists()


def test_a_detector_that_cannot_be_exported_is_a_plain_sentence(project, request_of, monkeypatch):
    def fail(self, **options):
        raise AssertionError("no such format")

    monkeypatch.setattr("ultralytics.engine.model.Model.export", fail)
    tiny = DetectorSettings(detector_epochs=1, detector_image_size=64, detector_batch=4)

    with pytest.raises(AnomalureError, match="could not be turned into an OpenVINO model: no such format"):
        do_at_once(project, request_of(detector=tiny))
