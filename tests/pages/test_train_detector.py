"""What a user notices when a detector is trained on the Train page."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.settings.detector import DetectorSettings
from core.study.project import Project
from core.work.detector_trainings import DetectorEpoch, DetectorTrainingFolder, find_trained_detectors
from core.work.progress import Phase, Progress
from models.jobs import registry
from models.jobs.detector import DetectorRequest
from tests.fakes.project import write_photo
from tests.fakes.starts import Starts, watch_starts
from ui.work import start
from ui.work.curves import build_detector_figure
from ui.work.words import FINISHING, say_progress

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "train.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> Starts:
    """What the page asked to be started; nothing really starts."""
    return watch_starts(monkeypatch)


def open_page(**state) -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["train_what"] = "A detector"
    for key, value in state.items():
        page.session_state[key] = value
    page.run()
    assert not page.exception
    return page


def make_training(project, *, trained: bool) -> DetectorTrainingFolder:
    folder = DetectorTrainingFolder(project.detectors_dir / "ours")
    folder.ask(DetectorRequest(name="ours", images=Path("/x")))
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
    season = tmp_path / "season"
    said = {"train_folder": str(season), f"train_folders-{season}": True}
    page = open_page(**said, trained_start="scratch", trained_by_species=True)

    page.button(key="start-detector").click().run()

    assert not page.exception
    (asked,) = started
    assert (asked.images, asked.labels, asked.start, asked.by_species) == (tmp_path / "season", None, "scratch", True)
    assert asked.detector == DetectorSettings()


def test_a_pt_file_needs_consent_before_start(project, started, tmp_path):
    write_photo(tmp_path / "season" / "fox", 1)
    (tmp_path / "mine.pt").write_bytes(b"")
    chosen = {
        "train_folder": str(tmp_path / "season"),
        f"train_folders-{tmp_path / 'season'}": True,
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


def test_a_training_that_is_still_starting_can_be_cancelled(project, started, monkeypatch):
    ended: list[bool] = []
    process = SimpleNamespace(poll=lambda: None, pid=1, terminate=lambda: ended.append(True))
    training = registry.ask(project, DetectorRequest(name="ours", images=Path("/x")))
    monkeypatch.setitem(start._started, training.path, process)

    page = open_page(watched_detector="ours")

    assert page.get("progress")[0].text.startswith("**Getting ready**")
    page.button(key="cancel-ours").click().run()
    assert ended == [True]
    assert training.cancel_requested


def test_a_training_whose_process_only_tidies_up_is_not_getting_ready_again(project, started, monkeypatch):
    training = make_training(project, trained=False)
    process = SimpleNamespace(poll=lambda: None, pid=os.getpid())
    monkeypatch.setitem(start._started, training.path, process)

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

    open_page().button(key="resume-ours").click().run()

    assert started.resumed == ["detectors/ours"]


def test_a_training_that_could_not_start_says_why(project, started):
    training = registry.ask(project, DetectorRequest(name="lost", images=Path("/x")))
    training.write_progress(Progress(phase=Phase.FAILED, message="The detector yolov8n could not be downloaded."))

    page = open_page(watched_detector="lost")

    assert "could not be downloaded" in page.warning[0].value.replace("\\", "")


def test_the_curve_shows_each_epoch_and_progress_says_how_good_it_is():
    first, second = DetectorEpoch(1, 3, 0.5, 0.25, 0.4, 0.2, 3.0), DetectorEpoch(2, 3, 0.6, 0.3, 0.5, 0.3, 2.0)
    figure = build_detector_figure([first, second])

    assert {trace.name: list(trace.y) for trace in figure.data}["mAP 50"] == [0.4, 0.5]
    progress = Progress(
        phase=Phase.TRAINING, done=1, total=3, unit="epoch", message="mAP 0.40 at 50% overlap.", seconds_left=120
    )
    assert say_progress(progress) == ("**Training** · mAP 0\\.40 at 50% overlap · 1 of 3 epochs · 2 min 0 s left")
