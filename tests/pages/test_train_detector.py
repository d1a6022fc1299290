"""What a user notices when a detector is trained on the Train page."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.settings.detector import DetectorSettings
from core.study.project import Project
from core.work.detector_trainings import (
    DetectorEpoch,
    DetectorTrainingFolder,
    DetectorTrainingInfo,
    find_trained_detectors,
)
from core.work.progress import Phase, Progress
from tests.fakes.project import write_photo
from ui.train.detector_watch import say_teaching
from ui.work import detector_process
from ui.work.detector_curve import build_detector_figure
from ui.work.detector_process import TEACHINGS, DetectorAsked, build_command
from ui.work.words import FINISHING

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "train.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> list[DetectorAsked]:
    """What the page asked to be started; nothing really starts."""
    asked: list[DetectorAsked] = []
    monkeypatch.setattr("ui.train.detector_form.start_teaching", asked.append)
    monkeypatch.setattr("ui.train.detector_watch.start_teaching", asked.append)
    return asked


def open_page(**state) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["train_what"] = "A detector"
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def make_training(project, *, trained: bool) -> DetectorTrainingFolder:
    folder = DetectorTrainingFolder.create(
        project.detectors_dir / "ours", DetectorTrainingInfo(name="ours", images="/x")
    )
    folder.write_curve([DetectorEpoch(1, 2, 0.5, 0.25, 0.4, 0.2, 3.0)])
    if trained:
        folder.model.mkdir()
        folder.write_result(
            {
                "best": {"map50": 0.4, "precision": 0.5, "recall": 0.25, "epoch": 1},
                "photos": {"train": 8},
                "boxes": {"train": 9},
                "not_used": ["1 photos without any label"],
            }
        )
        folder.write_progress(Progress(phase=Phase.DONE, done=1, total=1))
    else:
        folder.checkpoint.parent.mkdir(parents=True)
        folder.checkpoint.write_bytes(b"")
        (folder.path / "photos").mkdir()
        folder.write_progress(Progress(phase=Phase.CANCELLED, message="Cancelled; resume it to go on."))
    return folder


def test_start_asks_for_what_was_chosen(project, started, tmp_path):
    names = [write_photo(tmp_path / "season" / "fox", i).file_name for i in range(2)]
    assert names
    page = open_page(train_folder=str(tmp_path / "season"), trained_start="scratch", trained_by_species=True)

    page.button(key="start-detector").click().run()

    assert not page.exception
    (asked,) = started
    assert (asked.images, asked.labels, asked.start, asked.by_species) == (tmp_path / "season", None, "scratch", True)
    assert asked.settings == DetectorSettings()


def test_a_pt_file_needs_consent_before_start(project, started, tmp_path):
    write_photo(tmp_path / "season" / "fox", 1)
    (tmp_path / "mine.pt").write_bytes(b"")
    chosen = {
        "train_folder": str(tmp_path / "season"),
        "trained_start": "file",
        "trained_file": str(tmp_path / "mine.pt"),
    }

    assert open_page(**chosen).button(key="start-detector").disabled
    assert not open_page(**chosen, trained_consent=True).button(key="start-detector").disabled


def test_a_trained_detector_shows_its_figures_and_how_to_use_it(project, started):
    made = make_training(project, trained=True)

    page = open_page()

    assert "mAP 0.40 at 50% overlap, precision 0.50, recall 0.25" in page.caption[-3].value
    assert "1 photos without any label" in page.caption[-2].value
    assert page.code[0].value == str(made.model)


def test_a_training_that_has_not_made_its_folder_yet_can_be_cancelled(project, started, monkeypatch):
    process = SimpleNamespace(poll=lambda: None, pid=1, terminate=lambda: ended.append(True))
    ended: list[bool] = []
    monkeypatch.setitem(TEACHINGS._started, (project.path, "ours"), process)

    page = open_page(watched_detector="ours")

    assert page.get("progress")[0].text.startswith("**Getting ready**")
    page.button(key="stop-detector-ours").click().run()
    assert ended == [True]


def test_a_training_whose_process_only_tidies_up_is_not_getting_ready_again(project, started, monkeypatch):
    make_training(project, trained=False)
    process = SimpleNamespace(poll=lambda: None, pid=os.getpid())
    monkeypatch.setitem(TEACHINGS._started, (project.path, "ours"), process)

    page = open_page(watched_detector="ours")

    assert page.get("progress")[0].text == FINISHING


def test_a_trained_detector_is_offered_by_its_name_to_bundles_and_runs(project, started):
    made = make_training(project, trained=True)

    train = AppTest.from_file(PAGE, default_timeout=60).run()
    run = AppTest.from_file(str(Path(PAGE).with_name("run.py")), default_timeout=60).run()
    run.selectbox(key="detector_kind").set_value("trained").run()

    assert train.selectbox(key="train_detector").options == ["The usual one", "ours", "A detector file of yours"]
    assert run.selectbox(key="detector_trained").options == ["ours"]
    assert not run.exception
    assert find_trained_detectors(project.detectors_dir) == {"ours": made.model}


def test_a_detector_that_is_not_finished_is_not_offered(project, started):
    make_training(project, trained=False)

    run = AppTest.from_file(str(Path(PAGE).with_name("run.py")), default_timeout=60).run()

    assert "A detector trained in this project" not in run.selectbox(key="detector_kind").options


def test_an_unfinished_training_can_be_resumed(project, started):
    make_training(project, trained=False)

    open_page().button(key="resume-detector-ours").click().run()

    assert [(asked.name, asked.resume) for asked in started] == [("ours", True)]


def test_a_training_that_could_not_start_says_why(project, started):
    log = project.path / "logs" / "detector-lost.log"
    log.parent.mkdir()
    log.write_text("The detector yolov8n could not be downloaded. Is this computer online?\n")

    page = open_page(watched_detector="lost")

    assert "could not be downloaded" in page.error[0].value


def test_the_command_is_what_a_person_would_type(tmp_path):
    asked = DetectorAsked(
        project=tmp_path,
        name="ours",
        images=tmp_path / "photos",
        labels=tmp_path / "a.json",
        start="yolov8n",
        by_species=True,
        settings=DetectorSettings(detector_epochs=3),
    )

    command = build_command(asked)

    assert command[:3] == [sys.executable, str(detector_process.CLI), "detector"]
    assert {"--name=ours", f"--coco={tmp_path / 'a.json'}", "--by-species", "--start=yolov8n"} <= set(command)
    from cli import build_parser
    from commands.options import read_detector_settings

    assert read_detector_settings(build_parser().parse_args(command[2:])).detector_epochs == 3


def test_the_curve_shows_each_epoch_and_progress_says_how_good_it_is():
    first, second = DetectorEpoch(1, 3, 0.5, 0.25, 0.4, 0.2, 3.0), DetectorEpoch(2, 3, 0.6, 0.3, 0.5, 0.3, 2.0)
    figure = build_detector_figure([first, second])

    assert {trace.name: list(trace.y) for trace in figure.data}["mAP 50"] == [0.4, 0.5]
    progress = Progress(
        phase=Phase.TRAINING, done=1, total=3, unit="epoch", message="mAP 0.40 at 50% overlap.", seconds_left=120
    )
    assert say_teaching(progress) == (
        "**Teaching the detector** · 1 of 3 epochs · mAP 0\\.40 at 50% overlap · 2 min 0 s left"
    )
