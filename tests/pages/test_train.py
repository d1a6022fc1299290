"""What a user notices on the Train page."""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.settings.run import SETTINGS, RunSettings
from core.settings.training import TRAINING_SETTINGS, TrainingSettings
from core.study.project import Project
from core.work.folder import Status
from core.work.progress import Phase, Progress
from core.work.trainings import CurvePoint, TrainingFolder
from models.encoders.sources.source import NETWORKS, EncoderSource
from models.encoders.spec import EncoderSpec, bundled_encoder
from models.jobs.bundle import BundleRequest
from tests.fakes.project import write_photo
from tests.fakes.starts import Starts, watch_starts
from ui.train.estimate import estimate_seconds, say_estimate
from ui.work import start
from ui.work.curves import build_loss_figure
from ui.work.words import FINISHING, say_progress

PAGE = str(Path(__file__).resolve().parents[2] / "pages" / "train.py")


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    home = tmp_path / "home"
    home.mkdir()
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(home))
    made = Project(tmp_path / "project")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


@pytest.fixture
def started(monkeypatch) -> Starts:
    """What the page asked to be started; nothing really starts."""
    return watch_starts(monkeypatch)


@pytest.fixture
def season(tmp_path) -> Path:
    """Four photos and their labels beside them."""
    folder = tmp_path / "season" / "photos"
    names = [write_photo(folder, i).file_name for i in range(4)]
    labels = {
        "images": [
            {"id": i, "file_name": name, "width": 64, "height": 48, "split": "train" if i < 3 else "test"}
            for i, name in enumerate(names)
        ],
        "annotations": [
            {"id": i, "image_id": i, "category_id": i % 2, "bbox": [2, 2, 20, 20]} for i in range(len(names))
        ],
        "categories": [{"id": 0, "name": "deer"}, {"id": 1, "name": "fox"}],
    }
    (folder.parent / "labels.json").write_text(json.dumps(labels))
    return folder


def open_page() -> AppTest:
    page = AppTest.from_file(PAGE, default_timeout=60).run()
    assert not page.exception
    return page


def fill_in(page: AppTest, season: Path) -> AppTest:
    page.text_input(key="train_folder").set_value(str(season)).run()
    return page.text_input(key="train_labels").set_value(str(season.parent / "labels.json")).run()


def texts(page: AppTest) -> str:
    kinds = (page.info, page.success, page.warning, page.error, page.caption, page.subheader, page.markdown)
    return " ".join(str(item.value) for kind in kinds for item in kind).replace("\\", "")


def add_training(
    project: Project, name: str, phase: Phase | None, *, method: str = "simclr", **facts
) -> TrainingFolder:
    request = BundleRequest(
        name=name,
        images=Path("/photos"),
        labels=Path("/labels.json"),
        encoders=(EncoderSpec(),),
        method=method,
        training=TrainingSettings(epochs=4),
    )
    training = TrainingFolder(project.trainings_dir / name)
    training.ask(request)
    (training.path / "progress.json").unlink()
    training.write_curve([CurvePoint(epoch=0.5, loss=4.1), CurvePoint(epoch=1.0, loss=3.2, held_out=3.5)])
    if phase is not None:
        training.write_progress(Progress(phase=phase, **facts))
    return training


def test_an_empty_page_says_what_to_do_and_cannot_start(project):
    page = open_page()
    assert page.button(key="start-training").disabled
    assert "Choose the folder that holds the labelled photos." in texts(page)
    assert "Earlier trainings" not in texts(page)


def test_start_asks_for_what_was_filled_in(project, season, started):
    page = fill_in(open_page(), season)
    page.session_state["train_method"] = "triplet"
    page.run()
    page.selectbox(key="train_start").set_value("bundled").run()
    page.number_input(key="setting-epochs").set_value(3).run()
    page.text_input(key="train_name").set_value("spring").run()
    page.button(key="start-training").click().run()

    (asked,) = started
    assert (asked.name, asked.images, asked.labels) == ("spring", season, season.parent / "labels.json")
    assert (asked.method, asked.encoders, asked.split) == ("triplet", (bundled_encoder(),), "train")
    assert asked.training == TrainingSettings(epochs=3)
    assert asked.settings == RunSettings()
    assert page.text_input(key="train_name").value == ""


def test_start_asks_for_the_models_that_were_chosen(project, season, started, tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"")
    page = fill_in(open_page(), season)
    page.selectbox(key="train_one_class").set_value("knn").run()
    page.number_input(key="train_components").set_value(32).run()
    page.toggle(key="train_join").set_value(False).run()
    page.selectbox(key="train_detector").set_value("own").run()
    assert page.button(key="start-training").disabled
    page.text_input(key="train_detector_path").set_value(str(tmp_path / "mine.onnx")).run()
    page.button(key="start-training").click().run()

    (asked,) = started
    assert (asked.one_class, asked.components, asked.complete) == ("knn", 32, False)
    assert asked.detector == str(tmp_path / "mine.onnx")


def test_whole_frames_can_be_judged_by_their_strangest_patch(project, season, started):
    page = fill_in(open_page(), season)
    page.selectbox(key="train_frames").set_value("patches").run()
    page.button(key="start-training").click().run()

    (asked,) = started
    assert asked.frames == "patches"


def test_a_network_without_patches_is_a_plain_sentence(project, season, monkeypatch):
    monkeypatch.setattr(EncoderSource, "networks", (*NETWORKS, "vit_b_16"))  # as if it was typed
    page = fill_in(open_page(), season)
    page.selectbox(key="train_frames").set_value("patches").run()
    page.selectbox(key="train_start").set_value("published").run()
    page.selectbox(key="train_network").set_value("vit_b_16").run()

    assert "vit_b_16 has no map of a whole frame's patches. Choose a network such as mobilenet_v2" in texts(page)
    assert page.button(key="start-training").disabled


def test_a_training_left_as_it_is_takes_the_usual_detector_and_models(project, season, started):
    page = fill_in(open_page(), season)
    page.button(key="start-training").click().run()

    (asked,) = started
    assert (asked.one_class, asked.frames, asked.components) == ("ocsvm", "embedding", 0)
    assert (asked.detector, asked.complete) == ("auto", True)
    assert asked.encoders == (bundled_encoder(),)


def test_labels_beside_the_photos_are_offered(project, season):
    page = open_page()
    page.text_input(key="train_folder").set_value(str(season)).run()
    page.button(key=f"labels-{season.parent / 'labels.json'}").click().run()
    assert page.text_input(key="train_labels").value == str(season.parent / "labels.json")
    assert not page.button(key="start-training").disabled


def test_labels_of_all_splits_are_offered_for_the_photos_of_one(project, season):
    page = open_page()
    page.text_input(key="train_folder").set_value(str(next(season.iterdir()))).run()
    assert page.button(key=f"labels-{season.parent / 'labels.json'}")


def test_found_labels_are_asked_for_before_folders_are_complained_about(project, season):
    (season.parent / "labels.json").rename(season / "labels.json")
    camera = next(season.rglob("*.jpg")).parent  # its photos lie in no folder that could name a species
    page = open_page()
    page.text_input(key="train_folder").set_value(str(camera)).run()
    assert "Choose the file of labels: click one of those found" in texts(page)
    assert not page.error
    assert page.button(key="start-training").disabled


def test_found_labels_are_chosen_before_camera_folders_train_as_species(project, season, started):
    page = open_page()
    page.text_input(key="train_folder").set_value(str(season)).run()
    assert page.button(key="start-training").disabled
    assert "or say that the folders are species" in texts(page)

    page.checkbox(key=f"train_folders-{season}").check().run()

    assert "or say that the folders are species" not in texts(page)


def test_folders_alone_train_as_species_only_when_somebody_says_so(project, season):
    (season.parent / "labels.json").unlink()
    page = open_page()
    page.text_input(key="train_folder").set_value(str(season)).run()

    assert "type its path, or say that the folders are species" in texts(page)
    assert page.button(key="start-training").disabled


def test_the_night_can_be_set_where_labels_have_times(project, season):
    labels = json.loads((season.parent / "labels.json").read_text())
    for i, image in enumerate(labels["images"]):
        image["datetime"] = f"2026-06-01 {20 + i}:30:00"
    (season.parent / "labels.json").write_text(json.dumps(labels))
    page = fill_in(open_page(), season)
    page.selectbox(key="train_split").set_value("all")
    page.session_state["train_look"] = True
    page.run()
    assert "Labels by day 0, by night (grey) 4" in texts(page)

    page.number_input(key="train_night_begins").set_value(22).run()

    assert "Labels by day 2, by night (grey) 2" in texts(page)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"n_photos": 200, "n_boxes": 300, "method": "none", "epochs": 0}, "about 1 to 2 minutes"),
        ({"n_photos": 2_000, "n_boxes": 3_000, "method": "none", "epochs": 0}, "about 2 to 8 minutes"),
        ({"n_photos": 2_000, "n_boxes": 3_000, "method": "simclr", "epochs": 10}, "about 8 to 33 minutes"),
        ({"n_photos": 50_000, "n_boxes": 60_000, "method": "triplet", "epochs": 10}, "about 3 to 11 hours"),
        ({"n_photos": 20, "n_boxes": 20, "method": "none", "epochs": 0}, "under a minute"),
    ],
)
def test_a_training_says_before_how_long_it_will_take(asked, said):
    assert say_estimate(*estimate_seconds(**asked)) == said


def test_what_is_in_the_labels_is_shown_on_demand(project, season):
    page = fill_in(open_page(), season)
    page.session_state["train_look"] = True
    page.run()
    assert not page.exception
    assert "4 labelled photos, 4 of them in the folder." in texts(page)
    assert "Photos per species" in texts(page)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "JSON"),
        ("[1, 2]", "cannot be used"),
        ('{"images": [], "annotations": [], "categories": []}', ""),
        (None, "There is no file"),
    ],
)
def test_labels_that_cannot_be_used_are_a_plain_sentence(project, season, content, said):
    labels = season.parent / "labels.json"
    labels.unlink() if content is None else labels.write_text(content)
    page = fill_in(open_page(), season)
    assert not page.exception
    assert said in texts(page)
    assert page.button(key="start-training").disabled


def test_labels_without_boxes_are_taken_where_the_detector_finds_the_animals(project, season, started):
    labels = season.parent / "labels.json"
    content = json.loads(labels.read_text())
    labels.write_text(json.dumps({**content, "annotations": [{**one, "bbox": None} for one in content["annotations"]]}))
    page = fill_in(open_page(), season)

    assert not page.button(key="start-training").disabled
    assert "where it finds a single animal in a photo" in texts(page)
    page.selectbox(key="train_boxes_from").set_value("labels").run()
    assert page.button(key="start-training").disabled
    assert "These labels have no boxes." in texts(page)
    page.selectbox(key="train_boxes_from").set_value("detector").run()
    page.button(key="start-training").click().run()
    assert [(one.labels, one.boxes_from) for one in started] == [(labels, "detector")]


def test_folders_that_are_taken_as_species_are_named(project, season):
    page = open_page()
    page.text_input(key="train_folder").set_value(str(season)).run()
    cameras = ", ".join(sorted(path.name for path in season.iterdir()))
    assert f"The names of the folders are taken as species: {cameras}." in texts(page)


def test_photos_in_one_folder_are_said_to_count_as_one_species(project, tmp_path):
    write_photo(tmp_path / "photos", 0)
    page = open_page()
    page.text_input(key="train_folder").set_value(str(tmp_path / "photos")).run()
    assert "All photos are taken as one species, **north**, by the name of their folder." in texts(page)


def test_a_folder_without_labels_or_species_folders_is_a_plain_sentence(project, season):
    (season.parent / "labels.json").unlink()
    page = open_page()
    page.text_input(key="train_folder").set_value(str(next(season.iterdir()))).run()
    assert "each folder in the folder of photos must have the name of its species" in texts(page)
    assert not page.error
    assert page.button(key="start-training").disabled


@pytest.mark.parametrize(
    ("name", "said"), [("a/b", "cannot be the name"), ("there", "bundle named there already"), ("cut", "unfinished")]
)
def test_a_name_that_cannot_be_is_refused_at_once(project, season, name, said):
    (project.bundles_dir / "there").mkdir()
    (add_training(project, "cut", Phase.CANCELLED).path / "checkpoint.safetensors").write_bytes(b"")
    page = fill_in(open_page(), season)
    page.text_input(key="train_name").set_value(name).run()
    assert said in texts(page)
    assert page.button(key="start-training").disabled


def test_a_file_of_weights_is_asked_for(project, season):
    page = fill_in(open_page(), season)
    page.selectbox(key="train_start").set_value("file").run()
    assert "Give the .safetensors file" in texts(page)
    page.text_input(key="train_weights").set_value("/nowhere.safetensors").run()
    assert "There is no file /nowhere.safetensors" in texts(page)
    assert page.button(key="start-training").disabled


def test_a_training_that_goes_on_is_followed_and_can_be_cancelled(project):
    training = add_training(
        project,
        "spring",
        Phase.TRAINING,
        done=120,
        total=400,
        photos_per_s=21.4,
        seconds_left=13.0,
        unit="crop",
        message="Epoch 2 of 4.",
    )
    page = open_page()
    (bar,) = [item.proto.text for item in page.get("progress")]
    assert bar == "**Training** · Epoch 2 of 4 · 21.4 crops/s · 13 s left"
    assert len(page.get("plotly_chart")) == 1
    page.button(key="cancel-spring").click().run()
    assert training.cancel_requested
    assert "Stopping after the current step" in texts(page)


def test_a_training_whose_process_only_tidies_up_is_not_getting_ready_again(project, monkeypatch):
    training = add_training(project, "spring", Phase.TRAINING, done=120, total=400)
    process = SimpleNamespace(poll=lambda: None, pid=os.getpid())
    monkeypatch.setitem(start._started, training.path, process)
    page = open_page()

    training.write_progress(Progress(phase=Phase.CANCELLED))
    page.run()

    assert [item.proto.text for item in page.get("progress")] == [FINISHING]


@pytest.mark.parametrize(
    ("phase", "checkpoint", "said", "button"),
    [
        (Phase.CANCELLED, True, "was cancelled. The encoder as trained so far is kept.", "Resume"),
        (Phase.FAILED, False, "stopped because of an error. The disk is full.", "Start again"),
        (None, False, "stopped without an end", "Start again"),
    ],
)
def test_a_training_that_was_cut_short_says_why_and_can_go_on(project, started, phase, checkpoint, said, button):
    training = add_training(project, "spring", phase, message="The disk is full.")
    if checkpoint:
        (training.path / "checkpoint.safetensors").write_bytes(b"")
    page = open_page()
    page.session_state["past-training-spring"] = True
    page.run()
    assert said in texts(page)
    assert page.button(key="resume-spring").label == button
    page.button(key="resume-spring").click().run()
    assert started.resumed == ["trainings/spring"]


def test_a_finished_training_shows_its_card_and_can_be_made_the_one_to_judge_by(project):
    add_training(project, "spring", Phase.DONE, done=1, total=1)
    (project.bundles_dir / "spring").mkdir()
    (project.bundles_dir / "spring" / "MODEL_CARD.md").write_text("# spring\n\n| deer | 30 |")
    project.store.register_bundle("spring")
    add_training(project, "autumn", Phase.DONE, method="none")
    page = open_page()
    page.session_state["past-training-spring"] = True
    page.session_state["past-training-autumn"] = True
    page.run()
    assert "| deer | 30 |" in texts(page)
    assert "The bundle of this training is no longer there." in texts(page)
    if project.store.active_bundle() != "spring":
        page.button(key="activate-spring").click().run()
    assert project.store.active_bundle() == "spring"


def test_a_training_folder_that_cannot_be_read_is_said_and_stops_nothing_else(project):
    (project.trainings_dir / "torn").mkdir(parents=True)
    (project.trainings_dir / "torn" / "training.json").write_text("{")
    page = open_page()
    page.session_state["past-training-torn"] = True
    page.run()
    assert not page.exception
    assert "is not what Anomalure wrote" in texts(page)


def test_a_training_that_could_not_start_shows_why(project, started):
    training = add_training(project, "spring", Phase.FAILED, message="There is no folder /photos.")
    start.log_of(project.path, "trainings/spring").parent.mkdir()
    start.log_of(project.path, "trainings/spring").write_text("Reading\nThere is no folder /photos.\n")
    page = AppTest.from_file(PAGE, default_timeout=60)
    page.session_state["watched_training"] = "spring"
    page.run()
    assert "This training stopped because of an error. There is no folder /photos." in texts(page)
    assert page.code[0].value.startswith("Reading")
    page.button(key="close-panel").click().run()
    assert "stopped because" not in texts(page)
    assert training.status is Status.FAILED


def test_the_figure_marks_the_epoch_that_is_kept():
    points = [CurvePoint(epoch=i, loss=5 - i, held_out=held) for i, held in ((1, 3.0), (2, 2.0), (3, 2.5))]
    figure = build_loss_figure(points, epochs=3)
    assert figure.data[1].marker.symbol == ("circle", "star", "circle")
    assert build_loss_figure(points, epochs=3, best_epoch=3).data[1].marker.symbol[2] == "star"
    assert len(build_loss_figure([CurvePoint(epoch=0.1, loss=4.0)], epochs=3).data) == 1


def test_progress_is_said_in_the_unit_of_its_phase():
    cutting = Progress(phase=Phase.CROPS, done=30, total=40, photos_per_s=12.0, seconds_left=3.0)
    assert say_progress(cutting) == "**Cutting out the crops** · 30 of 40 photos · 12.0 photos/s · 3 s left"
    patches = Progress(phase=Phase.MODELS, done=3, total=48, message="Learning the patches of whole frames.")
    assert " · Learning the patches of whole frames · 3 of 48 photos" in say_progress(patches).replace("\\", "")


def test_settings_of_runs_and_of_trainings_have_names_of_their_own():
    assert not {setting.name for setting in SETTINGS} & {setting.name for setting in TRAINING_SETTINGS}


def test_only_what_is_alive_counts_as_running(project):
    training = add_training(project, "spring", Phase.TRAINING)
    assert training.status is Status.RUNNING
    values = json.loads((training.path / "progress.json").read_text())
    (training.path / "progress.json").write_text(json.dumps({**values, "process_started_at": 1.0}))
    assert training.status is Status.INTERRUPTED


def test_labels_of_empty_photos_alone_make_a_bundle_of_whole_frames(project, started, season):
    place = season.parent / "labels.json"
    labels = json.loads(place.read_text())
    labels["categories"], labels["annotations"] = (
        [{"id": 0, "name": "empty"}],
        [{"id": i, "image_id": i, "category_id": 0} for i in range(4)],
    )
    place.write_text(json.dumps(labels))

    page = fill_in(open_page(), season)

    assert any("the empty whole frames of each camera are learned" in one.value for one in page.caption)
    assert not page.button(key="start-training").disabled
    page.segmented_control(key="train_method").set_value("simclr").run()
    assert page.button(key="start-training").disabled
    assert any("only empty photos" in one.value for one in page.caption)
