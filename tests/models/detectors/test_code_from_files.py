"""Files of others run no code unless the user agreed: weights, plans, data sets, and what describes them."""

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from core.errors import AnomalureError, ConsentNeeded, FileFormatError
from core.labels.yolo import SUMMARY, read_yolo_dataset
from core.study.project import Project
from core.work.detector_trainings import PHOTOS, DetectorTrainingFolder
from core.work.progress import Phase, Progress
from models.detectors.training import PLAN, open_start
from models.detectors.ultralytics_model import load_pt
from models.detectors.ultralytics_opening import running_code
from models.detectors.yolo_metadata import parse_metadata, read_metadata_file
from models.jobs.detector import DetectorRequest
from models.jobs.registry import resume_at_once


class _Trap:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return Path.touch, (self.marker,)


@pytest.fixture
def marker(tmp_path):
    """A file that is there once code from another file was run."""
    return tmp_path / "code-was-run"


def save_trap(path, marker):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": _Trap(marker), "epoch": 1, "train_args": {}}, path)
    return path


def test_weights_that_hold_code_are_refused_and_run_only_by_consent(tmp_path, marker):
    evil = save_trap(tmp_path / "evil.pt", marker)

    with pytest.raises(ConsentNeeded, match="can only be opened by running code from it"):
        load_pt(evil)
    assert not marker.exists()
    with pytest.raises(FileFormatError):
        load_pt(evil, allow_code=True)
    assert marker.exists()  # this is what the consent is about


def test_consent_ends_with_the_work_that_it_was_given_for(tmp_path, marker):
    evil = save_trap(tmp_path / "evil.pt", marker)
    with running_code(True):
        pass

    with pytest.raises(ConsentNeeded):
        load_pt(evil)
    assert not marker.exists()


@pytest.mark.parametrize(
    ("line", "error", "message"),
    [
        ("activation: __import__('pathlib').Path('{marker}').touch()", ConsentNeeded, "by running code"),
        ("activation: \"(lambda: open('{marker}', 'w'))()\"", ConsentNeeded, "by running code"),
        ("a: &a [1, 1]\nb: &b [*a, *a]\nc: [*b, *b]", FileFormatError, "refers to other values"),
    ],
)
def test_a_plan_that_holds_code_or_never_ends_is_refused(tmp_path, marker, line, error, message):
    plan = tmp_path / "plan.yaml"
    plan.write_text(PLAN.read_text().replace("activation: torch.nn.ReLU()", line.format(marker=marker)))

    with pytest.raises(error, match=message):
        open_start(str(plan))

    assert not marker.exists()


def test_a_plan_with_an_ordinary_activation_needs_no_consent(tmp_path):
    (tmp_path / "plan.yaml").write_text(PLAN.read_text().replace("torch.nn.ReLU()", "nn.LeakyReLU(0.1)"))

    assert open_start(str(tmp_path / "plan.yaml")).model is not None


def make_unfinished_training(project, *, start="scratch"):
    folder = DetectorTrainingFolder(project.detectors_dir / "theirs")
    folder.ask(DetectorRequest(name="theirs", images=project.path, start=start))
    (folder.path / PHOTOS).mkdir()
    (folder.path / PHOTOS / SUMMARY).write_text(
        json.dumps({"classes": ["animal"], "photos": {"train": 1}, "boxes": {"train": 1}, "problems": []})
    )
    folder.checkpoint.parent.mkdir(parents=True)
    folder.write_progress(Progress(phase=Phase.CANCELLED))
    return folder


@pytest.mark.parametrize("which", ["last.pt", "best.pt"])
def test_resuming_a_training_of_a_colleagues_project_runs_no_code_of_it(tmp_path, marker, which):
    project = Project(tmp_path / "project")
    folder = make_unfinished_training(project)
    torch.save({"epoch": 0}, folder.checkpoint)
    save_trap(folder.checkpoint.with_name(which), marker)

    with pytest.raises(ConsentNeeded, match=f"{which} can only be opened by running code.*--allow-code"):
        resume_at_once(project, "detectors/theirs")

    assert not marker.exists()
    assert folder.may_ask_for_code  # so that the page asks, too


def test_resuming_asks_as_the_start_did(tmp_path, marker):
    project = Project(tmp_path / "project")
    assert not make_unfinished_training(project).may_ask_for_code
    project = Project(tmp_path / "other")
    folder = make_unfinished_training(project, start=str(tmp_path / "mine.pt"))
    save_trap(folder.checkpoint, marker)
    assert folder.may_ask_for_code

    with pytest.raises(ConsentNeeded, match=r"Loading .*mine\.pt runs code"):
        resume_at_once(project, "detectors/theirs")

    assert not marker.exists()


def test_a_damaged_checkpoint_is_a_plain_sentence(tmp_path):
    project = Project(tmp_path / "project")
    make_unfinished_training(project).checkpoint.write_bytes(b"PK\3\4 cut")

    with pytest.raises(AnomalureError, match=r"cannot be resumed: .*last\.pt is damaged"):
        resume_at_once(project, "detectors/theirs")


def test_a_data_set_that_was_in_other_hands_is_described_anew_before_a_training(tmp_path, marker):
    (tmp_path / "labels").mkdir()
    summary = {"classes": ["animal"], "photos": {"train": 1}, "boxes": {"train": 1}, "problems": []}
    (tmp_path / SUMMARY).write_text(json.dumps(summary))
    (tmp_path / "elsewhere").write_text("keep me")
    (tmp_path / "data.yaml").symlink_to(tmp_path / "elsewhere")
    # Ultralytics unpickles its own cache of the labels.
    np.save(tmp_path / "labels" / "train.npy", np.array(_Trap(marker), dtype=object), allow_pickle=True)
    os.replace(tmp_path / "labels" / "train.npy", tmp_path / "labels" / "train.cache")
    (tmp_path / "labels" / "val.cache").write_bytes(pickle.dumps(_Trap(marker)))

    dataset = read_yolo_dataset(tmp_path)

    assert "download" not in dataset.plan.read_text()
    assert "names" in dataset.plan.read_text()
    assert not dataset.plan.is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "keep me"
    assert list(tmp_path.rglob("*.cache")) == []
    assert not marker.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nnames: [*c, *c]", "refers to other"),
        ("names: " + "[" * 1_200, "not readable as YAML"),
        ("stride: " + "9" * 6_000, "not readable as YAML"),
        ("task: " + "x" * 5_000, "is a model for the task"),
        ("names: {0: " + "x" * 5_000 + ", 7: b}", "names must give a name"),
        ("- 1", "must hold names and values"),
    ],
)
def test_a_description_of_a_detector_that_means_harm_is_refused_in_a_short_sentence(tmp_path, text, message):
    (tmp_path / "metadata.yaml").write_text(text)

    with pytest.raises(FileFormatError, match=message) as refused:
        read_metadata_file(tmp_path / "metadata.yaml")

    assert len(str(refused.value)) < 500 + len(str(tmp_path))


def test_a_pipe_in_place_of_a_description_is_refused(tmp_path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes by name here")
    os.mkfifo(tmp_path / "metadata.yaml")

    with pytest.raises(FileFormatError, match="not an ordinary file"):
        read_metadata_file(tmp_path / "metadata.yaml")


def test_a_value_without_end_is_quoted_in_short():
    endless: list = []
    endless.append(endless)

    with pytest.raises(FileFormatError, match="stride must be a whole number"):
        parse_metadata({"stride": [10**6_000]}, source="a.onnx")
    with pytest.raises(FileFormatError, match="names must give"):
        parse_metadata({"names": {3: endless}}, source="a.onnx")
