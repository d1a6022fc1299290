"""A project that the version before made opens with all that is in it, and its unfinished work resumes to the end."""

import importlib.util
import json
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from cli import main
from core.formats.csv import read_csv_rows
from core.records import JudgedBy
from core.store.saved_views import list_views
from core.study.project import Project
from core.work.detector_trainings import DetectorEpoch, DetectorTrainingFolder
from core.work.folder import Status
from core.work.trainings import CurvePoint
from models.bundles.bundle import Bundle
from models.jobs.bundle import BundleRequest
from models.jobs.detector import DetectorRequest

FIXTURE = Path(__file__).parent / "fixtures" / "project_before"


def load_file(name: str) -> ModuleType:
    """A file of the fixture, which is no package."""
    spec = importlib.util.spec_from_file_location(name, FIXTURE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def unpack(place: Path) -> tuple[Project, dict[str, Any]]:
    """A placed copy of the project, and what the version before said of it."""
    with tarfile.open(FIXTURE / "project.tar.xz") as packed:
        packed.extractall(place / "packed", filter="data")
    placing = load_file("place_project")
    path = placing.place_project(place / "packed", place / "placed")
    return Project(path), placing.read_expected(FIXTURE, place / "placed")


@pytest.fixture(scope="module")
def opened(tmp_path_factory) -> tuple[Project, dict[str, Any]]:
    return unpack(tmp_path_factory.mktemp("read"))


@pytest.fixture
def fresh(tmp_path) -> tuple[Project, dict[str, Any]]:
    return unpack(tmp_path)


def call(project: Project, capsys, *words: str) -> tuple[int, dict[str, Any]]:
    code = main([*words, "--project", str(project.path), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_its_runs_are_listed_as_before(opened, capsys):
    project, expected = opened

    code, said = call(project, capsys, "runs")

    assert code == 0
    known = list(expected["runs"][0])
    assert [{name: run[name] for name in known} for run in said["runs"]] == expected["runs"]


def test_its_bundles_can_be_read_and_the_active_one_is_active(opened):
    project, expected = opened

    assert project.store.active_bundle() == next(row["name"] for row in expected["bundles"] if row["active"])
    for name, values in expected["bundle_values"].items():
        assert Bundle.load(project.bundles_dir / name).species == tuple(values["species"])


def test_its_verdicts_hold_as_before(opened):
    project, expected = opened

    holding = project.verdicts()

    found = {row["crop_id"]: [row["verdict"], row["species"], row["reviewer"]] for row in holding.to_dict("records")}
    assert found == expected["verdicts"]["holding_by_crop"]
    assert len(project.store.verdicts(with_second=True)) == expected["verdicts"]["given"]


def test_the_review_lists_the_same_crops_by_their_p_values(opened):
    project, expected = opened

    queue = project.review_queue("spring", limit=20, flagged_only=False)

    wanted = expected["queue"]["all"]
    assert (queue.total, queue.n_decided, queue.n_flagged) == (wanted["total"], wanted["decided"], wanted["flagged"])
    # It was listed by score, which did not agree with the p-values of different species.
    assert list(zip(queue.rows["p_value"], -queue.rows["score"], strict=True)) == sorted(
        zip(queue.rows["p_value"], -queue.rows["score"], strict=True)
    )
    was = {row["crop_id"]: row["verdict"] for row in wanted["rows"]}
    both = queue.rows[queue.rows["crop_id"].isin(was)]
    assert len(both) > len(was) / 2
    assert both["verdict"].tolist() == [was[crop_id] for crop_id in both["crop_id"]]


def test_the_csv_of_a_run_is_the_same(opened, tmp_path, capsys):
    project, expected = opened
    options = ["--run", "spring", "--all", "--people", "include", "--out", str(tmp_path / "spring.csv")]

    code, _ = call(project, capsys, "export", *options)

    assert code == 0
    rows = list(read_csv_rows(tmp_path / "spring.csv"))
    known = list(expected["export_all"]["rows"][0])
    later = [{name: value for name, value in row.items() if name not in known} for row in rows]
    assert list(rows[0])[: len(known)] == known, "columns that came later stand at the end"
    assert {row.pop("given_to_group") for row in later} == {"false"}
    taken_for = [row.pop("most_like") for row in later]
    assert {value for row in later for value in row.values()} == {""}, "an encoder without guesses"
    was = {row["crop_id"]: row for row in expected["export_all"]["rows"]}
    assert {row["crop_id"] for row in rows} == set(was)
    changed = ("species", "decided_at")
    for row, model_says in zip(rows, taken_for, strict=True):
        before = was[row["crop_id"]]
        assert {name: row[name] for name in known if name not in changed} == {
            name: before[name] for name in known if name not in changed
        }
        assert model_says == before["species"], "what the model took a crop for was called its species"
        assert row["decided_at"] == (before["decided_at"] and before["decided_at"] + "+00:00")


def test_its_selections_and_saved_views_are_there(opened):
    project, expected = opened

    assert [(one.name, one.crop_ids(), one.problem) for one in project.selections()] == [
        (one["name"], one["crops"], one["problem"]) for one in expected["selections"]
    ]
    assert [(view.name, view.address) for view in list_views(project.store)] == [
        (one["name"], one["address"]) for one in expected["saved_views"]
    ]


def test_its_trainings_and_detectors_say_how_they_ended_and_what_was_asked_for(opened):
    project, expected = opened

    trainings = [
        (one.name, str(one.status), one.can_resume, one.read_request(BundleRequest).method)
        for one in project.trainings()
    ]
    detectors = [
        (one.name, str(one.status), one.can_resume, one.is_trained)
        for one in DetectorTrainingFolder.list_all(project.detectors_dir)
    ]

    assert trainings == [(o["name"], o["status"], o["can_resume"], o["method"]) for o in expected["trainings"]]
    assert detectors == [(o["name"], o["status"], o["can_resume"], o["is_taught"]) for o in expected["detectors"]]
    burrow = DetectorTrainingFolder(project.detectors_dir / "burrow").read_request(DetectorRequest)
    assert burrow.start.endswith("detector-plan.yaml")
    assert burrow.species is None


@pytest.mark.parametrize("name", ["autumn", "winter"])
def test_an_unfinished_run_resumes_to_the_same_scores(fresh, capsys, name):
    project, expected = fresh
    wanted = expected["resumed"]["runs"][name]

    code, said = call(project, capsys, "run", "--resume", name)

    assert code == 3, "one file is no picture"
    assert {key: said[key] for key in wanted if key in said} == {key: wanted[key] for key in wanted if key in said}
    run = project.run(name)
    assert run.done_shards() == wanted["shards"]
    table = run.read_table("scores").set_index("crop_id")
    # The name of a crop is of its box in whole pixels, and another processor can round a box to the pixel beside it.
    same = set(table.index) & set(wanted["scores"])
    assert len(table) == len(wanted["scores"])
    assert len(table) - len(same) <= 1
    # Frames of a camera that the bundle does not know are compared with each other, by a newer method than before.
    by_bundle = table["score"][(table["judged_by"] != JudgedBy.OWN_FRAMES) & table.index.isin(same)].to_dict()
    assert len(by_bundle) > len(table) / 2
    # Photos that are much larger than the detector's input are decoded smaller than then: one crop differs by 0.06.
    assert by_bundle == pytest.approx({crop_id: wanted["scores"][crop_id] for crop_id in by_bundle}, abs=0.1)


@pytest.mark.parametrize("name", ["stripes", "spots"])
def test_an_unfinished_training_of_an_encoder_resumes_to_the_end(fresh, capsys, monkeypatch, name):
    project, expected = fresh
    tiny = load_file("tiny_backbone")
    monkeypatch.setattr("models.encoders.backbones.build_backbone", tiny.build_tiny_backbone)
    monkeypatch.setattr("models.encoders.loading._choose_faster", lambda key, use_openvino, use_torch: use_torch())
    wanted = expected["resumed"]["trainings"][name]

    code, _ = call(project, capsys, "work", f"trainings/{name}")

    assert code == 0
    training = project.training(name)
    assert training.status is Status.DONE
    ends = [point for point in training.read_curve(CurvePoint) if point.held_out is not None]
    assert [point.epoch for point in ends] == wanted["epochs"]
    assert [point.held_out for point in ends] == pytest.approx(wanted["held_out"], rel=0.05)
    assert Bundle.load(project.bundles_dir / name).species == tuple(wanted["species"])


def test_an_unfinished_training_of_a_detector_resumes_to_the_end(fresh, capsys):
    project, expected = fresh

    code, _ = call(project, capsys, "detector", "--resume", "burrow")

    assert code == 0
    made = DetectorTrainingFolder(project.detectors_dir / "burrow")
    assert made.is_trained
    assert [one.epoch for one in made.read_curve(DetectorEpoch)] == expected["resumed"]["detectors"]["burrow"]["epochs"]
