"""What a user notices on the Run page."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import AnomalureError
from core.runs.account import RunAccount, write_account
from core.runs.folder import Phase, Progress
from core.settings.run import SETTINGS, RunSettings
from core.study.project import Project
from models.encoders.spec import EncoderSpec, bundled_encoder
from models.jobs import registry
from tests.fakes.project import add_run, make_project, write_photo
from tests.fakes.starts import Starts, watch_starts
from ui.forms.folders import count_photos, explain_folder, list_subfolders, read_path
from ui.shared.csv_download import make_csv
from ui.work import start
from ui.work.words import FINISHING

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "run.py")
SUFFIXES = frozenset({".jpg", ".png"})


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    """An empty project; looking for a folder starts in an empty home."""
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def unhurried(monkeypatch):
    """As if there were time enough between two clicks that they are not one double click."""
    monkeypatch.setattr("ui.forms.start_button.DOUBLE_CLICK_S", 0)


@pytest.fixture
def started(monkeypatch) -> Starts:
    """What the page asked to be started; nothing really starts."""
    return watch_starts(monkeypatch)


@pytest.fixture
def photos(tmp_path) -> Path:
    for i in range(3):
        write_photo(tmp_path / "my photos", i)
    return tmp_path / "my photos"


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert not page.exception
    return page


def choose(page: AppTest, folder: Path | str) -> AppTest:
    return page.text_input(key="folder").set_value(str(folder)).run()


def texts(page: AppTest) -> str:
    """Everything that is said in messages, captions and headings."""
    kinds = (page.info, page.success, page.warning, page.error, page.caption, page.subheader)
    return " ".join(str(item.value) for kind in kinds for item in kind).replace("\\", "")


def bars(page: AppTest) -> list[str]:
    return [item.proto.text for item in page.get("progress")]


def figures(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def open_line(page: AppTest, run_id: str) -> AppTest:
    page.session_state[f"past-{run_id}"] = True
    return page.run()


# The folder


def test_nothing_can_start_before_a_folder_is_chosen(project):
    assert open_page().button(key="start-run").disabled


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "There is no folder"),
        ("a file", "is a file. Choose the folder that holds it."),
        ("empty", "There are no photos in"),
        ("no photos", "There are no photos in"),
        ("nul", "There is no folder"),
        ("far too long", "is not a path that this computer understands"),
    ],
)
def test_a_wrong_folder_is_a_plain_sentence(project, tmp_path, kind, said):
    (tmp_path / "file.jpg").write_text("")
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "notes.txt").write_text("")
    folder = {
        "missing": tmp_path / "no_such *folder*",
        "a file": tmp_path / "file.jpg",
        "empty": tmp_path / "empty",
        "no photos": tmp_path / "texts",
        "nul": "photos\0",
        "far too long": "x" * 5_000,
    }[kind]

    page = choose(open_page(), folder)

    assert not page.exception
    assert said in texts(page)
    assert page.button(key="start-run").disabled


def test_a_pasted_path_may_have_quotes_and_a_tilde(project, tmp_path):
    (tmp_path / "home" / "season").mkdir()

    assert read_path(f'  "{tmp_path}" ') == tmp_path
    assert explain_folder("~/season") == ""
    assert read_path("   ") is None


def test_the_folder_can_be_found_by_clicking(project, tmp_path, started):
    photo = write_photo(tmp_path / "home" / "seasons" / "2026_*spring*", 0)
    (tmp_path / "home" / "nothing").mkdir()
    page = open_page()

    page.button(key=f"open-{tmp_path / 'home' / 'nothing'}").click().run()
    assert page.button(key="use-folder").disabled, "there are no photos in it"
    page.button(key=f"crumb-3-{tmp_path / 'home'}").click().run()

    page.button(key=f"open-{tmp_path / 'home' / 'seasons'}").click().run()
    page.button(key=f"open-{tmp_path / 'home' / 'seasons' / '2026_*spring*'}").click().run()
    page.button(key="use-folder").click().run()

    assert photo.file_name
    assert page.text_input(key="folder").value == str(tmp_path / "home" / "seasons" / "2026_*spring*")
    assert "1 photo in this folder and below" in texts(page)


@pytest.mark.parametrize("name", ["Camera 1 ", " x", "Dave's '23'", '"quoted"', "it's"])
def test_a_folder_is_found_by_its_whole_name_also_if_that_has_spaces_or_quotes_around_it(tmp_path, name):
    (tmp_path / name).mkdir()

    assert read_path(str(tmp_path / name)) == tmp_path / name
    assert read_path(f' "{tmp_path / name}" ') == tmp_path / name
    assert explain_folder(str(tmp_path / name)) == ""


def test_a_path_with_quotes_around_it_is_understood_and_one_of_nothing_is_said_as_it_would_be_read(tmp_path):
    assert read_path(f"'{tmp_path}/nowhere '") == tmp_path / "nowhere"


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are not text")
def test_a_folder_whose_name_is_not_valid_text_is_named_and_the_page_works(project, tmp_path):
    home = Path(os.environ["HOME"])
    (home / "fine").mkdir()
    try:
        os.mkdir(os.fsencode(home) + b"/Fl\xe4che")
    except OSError:
        pytest.skip("this disk takes no such names")

    page = open_page()

    assert "1 folder cannot be chosen, because the name is not valid text: Fl\ufffdche" in texts(page).replace("\\", "")
    assert [button.key for button in page.button if (button.key or "").startswith("open-")] == [f"open-{home / 'fine'}"]


def test_folders_are_listed_with_their_photos_and_without_hidden_ones(tmp_path):
    for name in ("b/c/one.jpg", "b/two.JPG", "b/notes.txt", "a/.hidden/three.jpg", ".git/four.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")

    found = list_subfolders(tmp_path, suffixes=SUFFIXES, most_seconds=30)

    assert [(sub.path.name, str(sub.photos)) for sub in found] == [("a", "no photos"), ("b", "2 photos")]
    assert list_subfolders(tmp_path / "gone", suffixes=SUFFIXES) == []


def test_counting_stops_at_its_limit_and_says_so(tmp_path):
    for i in range(12):
        (tmp_path / f"{i}.jpg").write_text("")

    assert str(count_photos(tmp_path, suffixes=SUFFIXES, most_entries=10, most_seconds=30)) == "10+ photos"
    assert str(count_photos(tmp_path, suffixes=SUFFIXES, most_entries=12, most_seconds=30)) == "12 photos"


# Starting


def test_start_starts_a_run_with_what_was_chosen(project, photos, started):
    page = choose(open_page(), photos)
    page.number_input(key="setting-event_gap_s").set_value(120.0)
    page.text_input(key="run_name").set_value("spring")
    page.run()

    page.button(key="start-run").click().run()

    assert not page.exception
    (request,) = started
    assert (request.folder, request.name, request.bundle, request.detector) == (photos, "spring", "", "")
    assert request.settings == RunSettings(event_gap_s=120.0)
    assert project.runs() == [], "it is no run before its process has made it"


def test_a_run_without_a_name_gets_the_date_and_the_folder(project, photos, started):
    page = choose(open_page(), photos)

    page.button(key="start-run").click().run()

    assert started[0].name.endswith("-my-photos")
    assert project.new_run_folder(started[0].name, folder=photos, file_names=[]), "it can be a run's name"


@pytest.mark.parametrize(
    ("name", "said"), [("taken", "There is a run named taken already"), ("a/b", "cannot be the name")]
)
def test_a_name_that_cannot_be_used_is_said(project, photos, name, said):
    project.new_run_folder("taken", folder=photos, file_names=[])
    page = choose(open_page(), photos)

    page.text_input(key="run_name").set_value(name).run()

    assert said in texts(page)
    assert page.button(key="start-run").disabled


def test_the_active_bundle_is_chosen_at_first_and_a_first_look_stays_possible(unhurried, project, photos, started):
    project.store.register_bundle("forest-1")
    project.store.register_bundle("forest-2")
    project.store.activate_bundle("forest-1")
    page = choose(open_page(), photos)
    assert page.selectbox(key="bundle").value == "forest-1"

    page.button(key="start-run").click().run()
    page.selectbox(key="bundle").set_value("").run()
    page.button(key="start-run").click().run()

    assert [request.bundle for request in started] == ["forest-1", ""]


def test_a_pt_file_needs_consent(project, photos, tmp_path, started):
    (tmp_path / "mine.pt").write_bytes(b"")
    page = choose(open_page(), photos)
    page.selectbox(key="detector_kind").set_value("own").run()
    page.text_input(key="detector_path").set_value(str(tmp_path / "mine.pt")).run()
    assert "runs the code in it" in texts(page)
    assert page.button(key="start-run").disabled

    page.checkbox(key="detector_consent").check().run()
    page.button(key="start-run").click().run()

    assert started[0].detector == str(tmp_path / "mine.pt")
    assert started.allow_code == [True]


@pytest.mark.parametrize("kind", ["own", "boxes"])
def test_a_detector_or_boxes_file_that_is_not_there_is_said(project, photos, tmp_path, kind):
    page = choose(open_page(), photos)
    page.selectbox(key="detector_kind").set_value(kind).run()
    assert page.button(key="start-run").disabled

    page.text_input(key="detector_path" if kind == "own" else "boxes").set_value(str(tmp_path / "none.json")).run()

    assert f"There is no file {'or folder ' if kind == 'own' else ''}{tmp_path / 'none.json'}" in texts(page)
    assert page.button(key="start-run").disabled


def test_boxes_of_a_file_take_the_detectors_place(project, photos, tmp_path, started):
    (tmp_path / "boxes.json").write_text("{}")
    page = choose(open_page(), photos)
    page.selectbox(key="detector_kind").set_value("boxes").run()
    page.text_input(key="boxes").set_value(str(tmp_path / "boxes.json")).run()

    page.button(key="start-run").click().run()

    assert (started[0].boxes, started[0].detector) == (tmp_path / "boxes.json", "")


def test_a_first_look_can_compare_crops_by_another_network(unhurried, project, photos, started):
    page = choose(open_page(), photos)
    page.button(key="start-run").click().run()
    page.selectbox(key="encoder_kind").select("published").run()
    page.selectbox(key="encoder_name").select("resnet50").run()
    page.button(key="start-run").click().run()

    assert [request.encoders for request in started] == [
        (bundled_encoder(),),
        (EncoderSpec(backbone="resnet50", weights="default"),),
    ]


@pytest.mark.parametrize(("name", "said"), [("gone.safetensors", "no file"), ("weights.pt", "not a .safetensors")])
def test_weights_that_cannot_be_used_are_said(project, photos, tmp_path, name, said):
    (tmp_path / "weights.pt").write_bytes(b"")
    page = choose(open_page(), photos)
    page.selectbox(key="encoder_kind").select("file").run()
    assert "Give the .safetensors file of the encoder" in texts(page)
    page.text_input(key="encoder_path").set_value(str(tmp_path / name)).run()

    assert said in texts(page)
    assert page.button(key="start-run").disabled


def test_a_bundle_brings_its_own_network(project, photos, started):
    project.store.register_bundle("2025")
    project.store.activate_bundle("2025")
    page = choose(open_page(), photos)

    assert "encoder_kind" not in {box.key for box in page.selectbox}
    page.button(key="start-run").click().run()
    assert started[0].encoders == ()


def test_a_table_of_cameras_goes_along_and_has_to_be_there(project, photos, tmp_path, started):
    page = choose(open_page(), photos)
    page.text_input(key="deployments").set_value(str(tmp_path / "cameras.csv")).run()
    assert f"There is no file {tmp_path / 'cameras.csv'}" in texts(page)
    (tmp_path / "cameras.csv").write_text("file_name,deployment\n")

    page.run()
    page.button(key="start-run").click().run()

    assert started[0].deployments_csv == tmp_path / "cameras.csv"


def test_a_file_of_classifications_goes_along_and_has_to_be_there(project, photos, tmp_path, started):
    page = choose(open_page(), photos)
    page.text_input(key="classifications").set_value(str(tmp_path / "predictions.json")).run()
    assert f"There is no file {tmp_path / 'predictions.json'}" in texts(page)
    (tmp_path / "predictions.json").write_text("{}")

    page.run()
    page.button(key="start-run").click().run()

    assert started[0].classifications == tmp_path / "predictions.json"


def test_a_double_click_starts_one_run(project, photos, started):
    page = choose(open_page(), photos)

    page.button(key="start-run").click().run()
    page.button(key="start-run").click().run()

    assert len(started) == 1


def test_what_was_typed_just_before_the_click_counts(project, photos, started):
    page = choose(open_page(), photos)

    page.text_input(key="run_name").set_value("hill-side")
    page.button(key="start-run").click().run()  # both in one go: no run of the page in between

    assert [request.name for request in started] == ["hill-side"]


# Settings


def widget_keys(page: AppTest) -> set[str]:
    kinds = (page.number_input, page.toggle, page.selectbox, page.text_input, page.text_area)
    return {item.key for kind in kinds for item in kind if item.key}


def test_every_setting_can_be_set_and_says_what_it_is(project):
    page = open_page()

    assert {f"setting-{setting.name}" for setting in SETTINGS} <= widget_keys(page)
    gap = page.number_input(key="setting-event_gap_s")
    assert gap.label == "Event gap (s)"
    assert "belong to one event" in gap.help
    assert (gap.min, gap.max, gap.value) == (0.0, 86_400.0, 60.0)


def test_the_settings_page_starts_with_the_defaults_of_a_run(project, photos, started):
    page = choose(open_page(), photos)

    page.button(key="start-run").click().run()

    assert started[0].settings == RunSettings()


def test_a_changed_setting_is_marked_and_can_be_reset(project):
    page = open_page()
    page.number_input(key="setting-batch_photos").set_value(8).run()
    assert "changed" in page.number_input(key="setting-batch_photos").label
    assert "changed" not in page.number_input(key="setting-shard_photos").label

    page.button(key="reset-settings").click().run()

    assert page.number_input(key="setting-batch_photos").value == 32
    assert "changed" not in page.number_input(key="setting-batch_photos").label


def test_a_setting_that_does_not_fit_is_a_plain_sentence(project, photos):
    page = choose(open_page(), photos)

    page.text_area(key="setting-species_table").set_value("{sheep: deer}").run()

    assert "species_table must be JSON" in texts(page)
    assert page.button(key="start-run").disabled


# While it goes on


def make_running(project: Project, folder: Path, *, name: str = "now"):
    run = project.new_run_folder(name, folder=folder, file_names=[f"{i}.jpg" for i in range(4)])
    run.write_progress(Progress(phase=Phase.PHOTOS, done=1, total=4, photos_per_s=2.5, seconds_left=200, failures=1))
    return run


def test_a_folder_that_was_looked_through_before_is_said_to_be(project, photos):
    make_running(project, photos)
    page = choose(open_page(), photos)
    assert "Looked through before: run **now**" in texts(page)

    choose(page, photos / "north")

    assert "Looked through before" not in texts(page)


def test_a_run_under_way_is_shown_in_every_tab(project, photos):
    make_running(project, photos)

    page = open_page()

    assert bars(page) == ["**Looking at the photos** · 1 of 4 photos · 2.5 photos/s · 3 min 20 s left · 1 failure"]


def test_a_run_that_was_cancelled_before_it_began_is_no_error(project):
    page = AppTest.from_file(PAGE, default_timeout=30)
    page.session_state["watched_run"] = "gone"
    page.run()

    assert not page.error
    assert "The run gone is gone. It was cancelled before it began" in " ".join(one.value for one in page.info)


def test_a_cancel_promises_what_is_on_the_disk(tmp_path, monkeypatch):
    project = make_project(tmp_path, 6, shard_photos=4)
    run = project.latest_run()
    (run.path / "done-00001.json").unlink()
    run.write_progress(Progress(phase=Phase.PHOTOS, done=7, total=8))
    run.request_cancel()
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))

    page = AppTest.from_file(PAGE, default_timeout=30).run()
    assert "Kept so far: 4 of 8 photos." in texts(page)

    monkeypatch.setattr("core.work.folder.is_alive", lambda progress: False)  # its process is killed
    page.run()
    assert "What was finished is kept: 4 of 8 photos." in texts(page)


def test_cancel_asks_the_run_to_stop(project, photos):
    run = make_running(project, photos)
    page = open_page()

    page.button(key="cancel-now").click().run()

    assert run.cancel_requested
    assert "Stopping after the current photos" in texts(page)


def test_a_run_that_has_not_made_its_folder_yet_is_getting_ready(project, photos, monkeypatch):
    watch_starts(monkeypatch)
    page = choose(open_page(), photos)

    page.button(key="start-run").click().run()

    assert bars(page)[0].startswith("**Getting ready**")


def test_a_run_whose_process_only_tidies_up_is_not_getting_ready_again(project, photos, monkeypatch):
    run = make_running(project, photos)
    monkeypatch.setitem(start._started, run.path, SimpleNamespace(poll=lambda: None, pid=os.getpid()))
    page = open_page()

    run.write_progress(Progress(phase=Phase.CANCELLED, done=2, total=4))
    page.run()

    assert bars(page) == [FINISHING]
    assert "cancel-now" not in [button.key for button in page.button]


def test_a_run_that_could_not_start_says_why_and_is_no_run(project, photos, started):
    project.store.register_bundle("gone")
    project.store.activate_bundle("gone")
    page = choose(open_page(), photos)
    page.text_input(key="run_name").set_value("bad").run()
    page.button(key="start-run").click().run()

    with pytest.raises(AnomalureError):
        registry.do(project, "runs/bad")
    page.run()

    assert "This run stopped because of an error. There is no bundle named gone." in texts(page)
    assert project.runs() == []
    page.button(key="close-panel").click().run()
    assert "stopped because" not in texts(page)


@pytest.mark.parametrize(
    ("progress", "said"),
    [
        (None, "stopped without an end"),
        (Progress(phase=Phase.CANCELLED, done=1, total=2), "was cancelled. What was finished is kept: 1 of 2 photos."),
        (Progress(phase=Phase.FAILED, done=1, total=2, message="The disk is full."), "The disk is full."),
    ],
)
def test_a_run_that_was_cut_short_can_be_resumed(project, photos, started, progress, said):
    run = project.new_run_folder("then", folder=photos, file_names=["north/photo-000.jpg", "a.jpg"])
    if progress is not None:
        run.write_progress(progress)
    page = open_line(open_page(), "then")
    assert said in texts(page)

    assert not page.get("bidi_component")
    page.button(key="resume-then").click().run()

    assert started.resumed == ["runs/then"]
    assert page.get("bidi_component"), "the panel of its progress, far above the button, is brought into view"
    assert not page.run().get("bidi_component"), "once"


# When it has ended


def test_a_finished_run_accounts_for_every_file(tmp_path, monkeypatch):
    made = make_project(tmp_path, 10, n_flagged=3)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    page = open_line(open_page(), made.runs()[0].run_id)

    assert figures(page) == {
        "Photos": "12",
        "With animals": "8",
        "Whole frames": "2",
        "Duplicates": "1",
        "Failures": "1",
        "Flagged": "3",
    }
    assert "12 photos = 8 with animals + 2 whole frames + 1 duplicate + 1 failure." in texts(page)


def test_what_a_run_did_not_look_at_is_counted_and_named(tmp_path, monkeypatch):
    made = make_project(tmp_path, 4)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    (run,) = made.runs()
    write_account(
        run,
        RunAccount(
            passed_over={".mp4": 2, "unreadable folder": 1, ".txt": 1},
            passed_over_names={".mp4": ["a.MP4", "b.MP4"], "unreadable folder": ["north/locked"]},
            boxes_problems=["1 photos of the file that are not in the folder"],
            boxes_without_photo=1,
            boxes_without_photo_names=["IMG_9.JPG"],
        ),
    )

    page = open_line(open_page(), run.run_id)

    said = [text.replace("\\", "") for text in (page.warning[0].value, texts(page))]
    assert "1 folder could not be read, so the photos in it are missing here." in said[0]
    assert "2 other files that may show animals were passed over." in said[0]
    assert "1 photo of the file of boxes met no photo in the folder." in said[0]
    assert "Passed over: 2 .mp4, 1 .txt, 1 unreadable folder." in said[1]
    named = [row["File"] for row in page.dataframe[1].value.to_dict("records")]
    assert named == ["a.MP4", "b.MP4", "north/locked", "IMG_9.JPG"]
    assert page.button(key=f"again-{run.run_id}").label == "Try 1 file again"


def test_failures_are_listed_with_their_reason(tmp_path, monkeypatch):
    made = make_project(tmp_path, 4)
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    page = open_line(open_page(), made.runs()[0].run_id)

    assert page.dataframe[0].value.to_dict("records") == [
        {"File": "north/not-a-photo.jpg", "Step": "read", "Reason": "This file is not a picture."}
    ]
    assert page.download_button[0].label == "Download as CSV"


def test_the_csv_of_failures_holds_them_and_runs_nothing_in_a_spreadsheet():
    rows = [{"file_name": "=cmd|calc.jpg", "reason": "a, b"}, {"file_name": "träd.jpg", "reason": "empty"}]

    lines = make_csv(rows, columns=("file_name", "reason")).decode().splitlines()

    assert lines == ["\ufefffile_name,reason", '\'=cmd|calc.jpg,"a, b"', "träd.jpg,empty"]


def test_earlier_runs_are_listed_newest_first_with_how_they_ended(tmp_path, monkeypatch):
    made = make_project(tmp_path, 4)
    add_run(made, tmp_path / "more", n=4, name="second")
    (made.runs_dir / "torn").mkdir()
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))

    labels = [line.label.replace("\\", "") for line in open_page().expander if "·" in line.label]

    assert len(labels) == 3
    assert "**second** · done · 6 photos · 1 failure" in labels[0]
    assert "**torn** · cannot be read" in labels[2]


def test_a_run_that_cannot_be_read_says_why(project):
    (project.runs_dir / "torn").mkdir()

    page = open_line(open_page(), "torn")

    assert not page.exception
    assert "run.json is missing" in texts(page)
