"""``cli.py scenes``: train, score, experiment; and what is said where it cannot be done."""

import csv
import json
import shutil
from pathlib import Path

import pytest

import cli
from core.scenes.scene_set import make_scene_set
from tests.fakes.project import make_project
from tests.fakes.scenes import keep_company_model, make_scenes, write_coco_sets

PACKAGE = Path(__file__).resolve().parents[3] / "shared/data/formats/camtrap_dp"


@pytest.fixture(scope="module", autouse=True)
def short_trainings():
    """What is learned well is tested beside the models; here a few steps do."""
    with pytest.MonkeyPatch.context() as patch:
        for module in ("masked", "autoencoder"):
            patch.setattr(f"models.scenes.{module}.LEAST_STEPS", 60)
        yield


@pytest.fixture(scope="module")
def coco(tmp_path_factory):
    path = tmp_path_factory.mktemp("labels") / "sets.json"
    write_coco_sets(path, make_scenes(300))
    return path


@pytest.fixture(scope="module")
def project(tmp_path_factory, coco):
    place = tmp_path_factory.mktemp("made") / "project"
    assert cli.main(["scenes", "train", "--name", "first", "--labels", str(coco), "--project", str(place)]) == 0
    return place


def call(capsys, *words):
    """The exit code of a command, what ``--json`` printed, and what was said beside it."""
    capsys.readouterr()
    try:
        code = cli.main(["scenes", *map(str, words), "--json"])
    except SystemExit as ended:
        code = ended.code
    out, said = capsys.readouterr()
    return code, json.loads(out), said


def test_training_says_what_was_made(capsys, coco, tmp_path):
    code, made, _ = call(capsys, "train", "--name", "m", "--labels", coco, "--leave-out", "dog", "--project", tmp_path)

    assert code == 0
    assert (made["model"], made["method"], made["by"], made["scenes"]) == ("m", "masked", "photo", 300)
    assert (made["classes"], made["left_out"]) == (6, ["dog"])


def test_scoring_finds_what_is_odd_and_writes_a_table(capsys, project, coco, tmp_path):
    content = json.loads(coco.read_text())
    ids = {one["name"]: one["id"] for one in content["categories"]}
    content["images"].append({"id": 999, "file_name": "bus in a kitchen.jpg"})
    content["annotations"] += [
        {"id": 9000 + i, "image_id": 999, "category_id": ids[name]}
        for i, name in enumerate(("cup", "fork", "oven", "bus"))
    ]
    (tmp_path / "more.json").write_text(json.dumps(content))
    out = tmp_path / "odd.csv"

    code, found, _ = call(capsys, "score", "--labels", tmp_path / "more.json", "--project", project, "--out", out)

    assert (code, found["model"], found["scenes"]) == (0, "first", 301)
    first = found["findings"][0]
    assert (first["photo"], first["class"], first["kind"]) == ("bus in a kitchen.jpg", "bus", "unexpected")
    assert "bus is here; it is expected in" in first["explanation"]
    with out.open(newline="") as file:
        assert len(list(csv.DictReader(file))) == len(found["findings"])


def test_the_project_can_stand_before_the_job_as_well(capsys, project, coco):
    code = cli.main(["scenes", "--project", str(project), "score", "--labels", str(coco)])

    assert code == 0
    assert "model: first" in capsys.readouterr().out


def test_an_experiment_has_a_row_for_each_model(capsys, coco, tmp_path):
    code, made, _ = call(
        capsys,
        "experiment",
        "--labels",
        coco,
        "--seeds",
        1,
        "--bottlenecks",
        2,
        "--min-classes",
        2,
        "--project",
        tmp_path,
    )

    assert code == 0
    assert [row["model"] for row in made["models"]] == ["base_rates", "autoencoder 2", "masked"]
    assert 0 <= made["models"][-1]["uniform_most_anomalous"] <= 1
    assert not (tmp_path / "scenes").exists()


@pytest.mark.shared
def test_a_camtrap_dp_package_is_scenes_by_event(capsys, tmp_path):
    if not PACKAGE.is_dir():
        pytest.skip("../shared/data is not there")

    code, made, _ = call(capsys, "train", "--name", "m", "--labels", PACKAGE, "--project", tmp_path)

    assert (code, made["by"], made["cameras"]) == (0, "event", 4)


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


ONE = {
    "images": [{"id": 1, "file_name": "a.jpg"}],
    "categories": [{"id": 1, "name": "cup"}],
    "annotations": [{"id": 1, "image_id": 1, "category_id": 1}],
}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "empty"),
        ("{", "JSON"),
        ({"images": [], "annotations": [], "categories": []}, "No scene has"),
        (ONE, "at least 20 scenes, got 1"),
    ],
    ids=["empty", "cut", "no photos", "one scene"],
)
@pytest.mark.parametrize("job", ["train", "experiment"])
def test_labels_that_nothing_can_be_learned_from_leave_nothing_behind(capsys, tmp_path, content, says, job):
    labels = write(tmp_path / "labels.json", content)
    named = ["--name", "m"] if job == "train" else ["--min-classes", "1"]

    code, answer, said = call(capsys, job, *named, "--labels", labels, "--project", tmp_path / "project")

    assert code == 1
    assert says in answer["error"]
    assert "Traceback" not in said
    assert not list((tmp_path / "project").rglob("*.safetensors"))
    assert not list((tmp_path / "project").rglob("*.tmp"))


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["train", "--name", "../up", "--labels", "LABELS"], 2, "cannot be the name"),
        (["train", "--name", "first", "--labels", "LABELS"], 1, "named first already"),
        (["train", "--name", "m", "--labels", "nowhere.json"], 1, "There is no file"),
        (["train", "--name", "m", "--labels", "LABELS", "--bottleneck", "17"], 2, "between 1 and 16"),
        (["train", "--name", "m", "--labels", "LABELS", "--by", "event"], 1, "--by photo"),
        (["train", "--name", "m", "--labels", "LABELS", "--modle", "masked"], 2, "Did you mean --model?"),
        (["train", "--name", "m", "--labels", "LABELS", "--model", "maksed"], 2, "Did you mean masked?"),
        (["score", "--labels", "LABELS", "--name", "frist"], 1, "Did you mean first?"),
        (["score", "--labels", "LABELS", "--false-alarm-rate", "2"], 2, "between 0 and 1"),
        (["score"], 1, "There is no run in"),
        (["score", "--labels", "LABELS", "--run", "spring"], 2, "not both"),
        (["experiment", "--labels", "LABELS", "--seeds", "0"], 2, "at least 1 seed"),
        (["experiment"], 2, "Give --labels"),
        ([], 2, "required"),
        (["trian"], 2, "Did you mean train?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_done_is_said_plainly(capsys, project, coco, words, code, says):
    words = [str(coco) if word == "LABELS" else word for word in words]

    got, answer, said = call(capsys, *words, "--project", project) if words else call(capsys)

    assert says in answer["error"]
    assert got == code
    assert "Traceback" not in said


def test_a_foreign_model_file_is_a_sentence(capsys, project, coco, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    (tmp_path / "copy/scenes/first/model.safetensors").write_bytes(b"\x80\x04pickle")

    code, answer, _ = call(capsys, "score", "--labels", coco, "--project", tmp_path / "copy")

    assert code == 1
    assert "not a model of scenes" in answer["error"]


def test_a_failed_training_can_be_asked_for_again_under_its_name(capsys, coco, tmp_path):
    bad = write(tmp_path / "bad.json", ONE)

    assert call(capsys, "train", "--name", "m", "--labels", bad, "--project", tmp_path / "p")[0] == 1
    assert call(capsys, "train", "--name", "m", "--labels", coco, "--project", tmp_path / "p")[0] == 0


def test_a_run_is_looked_through_with_a_model_of_other_events(capsys, tmp_path):
    made = make_project(tmp_path, 24)
    keep_company_model(made)
    out = tmp_path / "odd.csv"

    code, found, _ = call(capsys, "score", "--project", made.path, "--out", out)

    assert (code, found["by"], found["run"]) == (0, "event", made.latest_run().run_id)
    assert {"fox", "owl"} <= {row["class"] for row in found["findings"]}
    with out.open(newline="") as file:
        assert {"crop_ids", "verdict", "explanation"} <= set(next(csv.DictReader(file)))


def test_a_projects_own_history_can_be_learned_from(capsys, tmp_path):
    made = make_project(tmp_path, 60)

    code, trained, _ = call(capsys, "train", "--name", "own", "--project", made.path)

    assert (code, trained["by"], trained["cameras"]) == (0, "event", 2)


def test_a_project_without_a_history_says_what_to_do(capsys, tmp_path):
    code, answer, _ = call(capsys, "train", "--name", "own", "--project", tmp_path / "new")

    assert code == 1
    assert "no animal of a known species" in answer["error"]
    assert "Camtrap DP package" in answer["error"]


def test_a_detectors_file_says_how_often_it_sees_what_is_missing(capsys, project, tmp_path):
    """Of a street without its car the detector sees the car in one of two photos."""
    members = [{"bus": 1, "lamp": 1}] * 2
    write_coco_sets(tmp_path / "asked.json", make_scene_set(["one.jpg", "two.jpg"], members))
    detections = {
        "info": {},
        "detection_categories": {"1": "car"},
        "images": [
            {"file": "one.jpg", "detections": [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.2, 0.2]}]},
            {"file": "two.jpg", "detections": [{"category": "1", "conf": 0.2, "bbox": [0.1, 0.1, 0.2, 0.2]}]},
        ],
    }
    file = write(tmp_path / "md.json", detections)
    words = ["--labels", tmp_path / "asked.json", "--detections", file, "--false-alarm-rate", 1, "--project", project]

    code, answer, _ = call(capsys, "agree", *words)

    assert code == 0
    (car,) = answer["per_class"]
    assert (car["class"], car["missing"], car["seen"]) == ("car", 2, 1)
    assert answer["share"] == 0.5


def test_a_detector_looks_at_the_photos_itself(project, tmp_path, monkeypatch):
    from core.formats.labelled import LabelledPhoto
    from core.records import Box, Detection, Found
    from models.scenes.seeing import see_photos
    from tests.fakes.project import write_photo

    for i in range(11):
        write_photo(tmp_path / "photos", i)
    (tmp_path / "photos/north/broken.jpg").write_text("no picture")
    batches = []

    class Fake:
        image_px = 640

        def detect(self, photos):
            batches.append(len(photos))
            return [Found((Detection(Box(0, 0, 5, 5), "Car", 0.8), Detection(Box(0, 0, 5, 5), "bus", 0.1)))] * len(
                photos
            )

    annotated = [LabelledPhoto(f"{('north', 'south')[i % 2]}/photo-{i:03}.jpg") for i in range(11)]
    annotated.append(LabelledPhoto("north/broken.jpg"))

    seen, failed = see_photos(Fake(), tmp_path / "photos", annotated, min_confidence=0.5)

    assert set(map(tuple, (one.items() for one in seen.values()))) == {(("car", 0.8),)}
    assert (len(seen), failed) == (11, ["north/broken.jpg"])
    assert max(batches) <= 8


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--labels", "LABELS"], 2, "Give --detections"),
        (["--labels", "LABELS", "--images", "."], 2, "Give --detections"),
        (["--labels", "LABELS", "--detections", "LABELS", "--min-confidence", "2"], 2, "between 0 and 1"),
        (["--labels", "LABELS", "--images", "nowhere", "--detector", "bundled"], 2, "There is no folder nowhere"),
        (["--detections", "LABELS"], 2, "Give --labels"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_comparison_that_cannot_be_made_says_why(capsys, project, coco, words, code, says):
    words = [str(coco) if word == "LABELS" else word for word in words]

    got, answer, _ = call(capsys, "agree", *words, "--project", project)

    assert (got, says in answer["error"]) == (code, True)
