"""A study's folder: names, runs old and broken, pictures by id, and who may be asked for what."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.errors import AnomalureError
from core.records import Decision
from core.runs.folder import Phase, Progress, RunFolder, RunInfo, Status
from core.runs.shards import as_table
from core.study.project import Project, check_name
from tests.fakes.project import add_run, make_project


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path, n=6)


def add_bare_run(project: Project, name: str, *, days: int = 0, phase: Phase | None = Phase.DONE) -> RunFolder:
    info = RunInfo(run_id=name, name=name, folder="/photos", created_at=datetime.now(UTC) + timedelta(days=days))
    run = RunFolder.create(project.runs_dir / name, info, ["a.jpg"])
    if phase is not None:
        run.write_progress(Progress(phase=phase))
    return run


# The folder


def test_a_project_is_made_where_there_is_none(tmp_path):
    project = Project(tmp_path / "new" / "käfer 2026")
    assert project.runs() == []
    assert project.latest_run() is None
    assert project.verdicts().empty
    assert project.review_queue().is_empty
    assert project.species() == project.cameras() == {}


def test_opening_a_project_again_finds_what_was_there(project):
    project.save_verdict(project.review_queue().rows.iloc[0], "anomaly")
    again = Project(str(project.path))
    assert [run.run_id for run in again.runs()] == [run.run_id for run in project.runs()]
    assert again.verdicts()["verdict"].tolist() == ["anomaly"]


def test_a_file_is_no_project(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(AnomalureError, match="A project is a folder, but"):
        Project(tmp_path / "photo.jpg")


def test_a_project_inside_a_file_cannot_be_made(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(AnomalureError, match="cannot be made"):
        Project(tmp_path / "photo.jpg" / "project")


# Runs


def test_runs_are_listed_newest_first_and_broken_ones_last(tmp_path):
    project = Project(tmp_path)
    add_bare_run(project, "old", days=-2)
    add_bare_run(project, "new", days=1)
    add_bare_run(project, "middle", days=-1)
    (project.runs_dir / "half").mkdir()
    (project.runs_dir / "notes.txt").write_text("not a run")
    (project.runs_dir / ".hidden").mkdir()

    runs = project.runs()

    assert [run.run_id for run in runs] == ["new", "middle", "old", "half"]
    assert runs[-1].status is Status.BROKEN
    assert "run.json is missing" in runs[-1].problem


@pytest.mark.parametrize(
    ("runs", "latest"),
    [
        ([("a", -1, Phase.DONE), ("b", 0, Phase.DONE)], "b"),
        ([("a", -1, Phase.DONE), ("b", 0, Phase.PHOTOS)], "a"),  # the one under way has nothing to show yet
        ([("a", -1, Phase.FAILED), ("b", 0, Phase.PHOTOS)], "b"),
        ([("a", -1, None)], "a"),
    ],
)
def test_the_run_on_show_is_the_newest_that_is_done(tmp_path, runs, latest):
    project = Project(tmp_path)
    (project.runs_dir / "half").mkdir()
    for name, days, phase in runs:
        add_bare_run(project, name, days=days, phase=phase)
    assert project.latest_run().run_id == latest


def test_runs_over_the_same_folder_get_names_of_their_own(tmp_path):
    project = Project(tmp_path)
    today = f"{datetime.now():%Y-%m-%d}"
    runs = [project.new_run_folder(folder="/photos/Käfer & Co/", file_names=["a.jpg"]) for _ in range(3)]
    assert [run.run_id for run in runs] == [f"{today}-Käfer-Co", f"{today}-Käfer-Co-2", f"{today}-Käfer-Co-3"]
    assert [run.run_id for run in project.runs()] == [run.run_id for run in reversed(runs)]
    assert project.store.runs()["run_id"].tolist() == [run.run_id for run in reversed(runs)]


def test_a_run_over_the_root_of_a_disk_gets_a_name(tmp_path):
    assert Project(tmp_path).new_run_folder(folder="/", file_names=[]).run_id.endswith("-photos")


def test_a_run_keeps_what_it_was_told(tmp_path):
    run = Project(tmp_path).new_run_folder(
        "spring",
        folder="photos",
        file_names=["a.jpg"],
        bundle="b",
        detector="d",
        encoder="e",
        settings={"shard_photos": 7},
        code_version="0.0.1",
    )
    info = RunFolder.open(run.path).info
    assert (info.run_id, info.name, info.bundle, info.detector, info.encoder) == ("spring", "spring", "b", "d", "e")
    assert Path(info.folder) == Path.cwd() / "photos"
    assert info.settings == {"shard_photos": 7}


def test_a_name_is_given_once(project):
    with pytest.raises(AnomalureError, match="Choose another name, or resume that run"):
        project.new_run_folder(project.latest_run().run_id, folder="/photos", file_names=["a.jpg"])


BAD_NAMES = [
    "",
    ".",
    "..",
    "../x",
    "a/b",
    "a\\b",
    "/x",
    "C:x",
    "a\0b",
    "a\nb",
    " a",
    "a ",
    "a.",
    "-a",
    ".a",
    "con",
    "NUL.txt",
    "com1",
    "x" * 81,
    "a?b",
    "a*b",
    "a:b",
    'a"b',
    "a<b",
    "~",
]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_name_that_is_no_file_name_everywhere_is_refused(project, name):
    before = sorted(os.listdir(project.runs_dir))
    with pytest.raises(AnomalureError, match="cannot be the name of a run"):
        project.new_run_folder(name, folder="/photos", file_names=["a.jpg"])
    assert sorted(os.listdir(project.runs_dir)) == before


@pytest.mark.parametrize("name", ["a", "2026-05 (spring)", "Frühling_1.2", "狐", "run+1", "console"])
def test_a_name_in_any_language_is_taken(name):
    check_name(name, what="run")


@pytest.mark.parametrize("run_id", [*BAD_NAMES, "nothing"])
def test_a_run_that_is_not_there_is_said_with_those_that_are(project, run_id):
    with pytest.raises(AnomalureError, match=r"There is no run .* the latest are: 20\d\d-"):
        project.run(run_id)


# Pictures


def test_the_small_picture_of_a_crop_is_found(project):
    for crop_id in project.review_queue(flagged_only=False).rows["crop_id"]:
        assert project.crop_path(crop_id).read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "crop_id",
    [
        "",
        "abc",
        "g" * 20,
        "a" * 19,
        "a" * 21,
        "A" * 20,
        "../../../../etc/pass",
        "a" * 20 + "\n",
        "..%2f..%2f..%2f..%2f",
    ],
)
def test_what_is_no_crops_id_has_no_picture(project, crop_id):
    assert project.crop_path(crop_id) is None


def test_a_photo_is_found_through_its_run_only(project):
    run = project.latest_run()
    row = project.review_queue().rows.iloc[0]
    assert project.photo_path(run.run_id, row["photo_id"]) == Path(run.info.folder) / "north" / "photo-000.jpg"
    assert project.photo_path("other", row["photo_id"]) is None
    assert project.photo_path(run.run_id, "f" * 32) is None


@pytest.mark.parametrize("photo_id", ["", "../" * 10, "a' OR 1=1 --", "F" * 32, "a" * 31, "a" * 32 + "\n"])
def test_what_is_no_photos_id_has_no_photo(project, photo_id):
    assert project.photo_path(project.latest_run().run_id, photo_id) is None


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/passwd", "a/../../secret.txt"])
def test_a_foreign_runs_table_does_not_lead_out_of_its_folder(project, name):
    run = project.latest_run()
    photos = run.read_table("photos")
    photo_id = photos.loc[photos["file_name"] == "north/photo-000.jpg", "photo_id"].iloc[0]
    for path in run.tables("photos"):
        table = pd.read_parquet(path)
        table.loc[table["photo_id"] == photo_id, "file_name"] = name
        pq.write_table(as_table("photos", table), path)
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()
    assert project.photo_path(run.run_id, photo_id) is None


# Verdicts


def test_a_verdict_keeps_what_was_on_show_when_it_was_given(project):
    row = project.review_queue().rows.iloc[0]
    given = project.save_verdict(row, "anomaly", reviewer="R", note="white tail", species="stoat")
    (kept,) = project.verdicts().to_dict("records")
    assert kept["verdict_id"] == given.verdict_id
    assert (kept["crop_id"], kept["verdict"], kept["species"], kept["note"]) == (
        row["crop_id"],
        "anomaly",
        "stoat",
        "white tail",
    )
    assert (kept["run"], kept["bundle"], kept["score"], kept["p_value"], kept["false_alarm_rate"]) == (
        project.latest_run().run_id,
        "",
        6.0,
        0.01,
        0.05,
    )


@pytest.mark.parametrize("as_given", [lambda row: row, lambda row: row.to_dict(), lambda row: row["crop_id"]])
def test_a_crop_can_be_named_by_its_row_or_its_id(project, as_given):
    row = project.review_queue().rows.iloc[0]
    project.save_verdict(as_given(row), Decision.UNSURE)
    assert project.verdicts()[["crop_id", "verdict", "score"]].values.tolist() == [[row["crop_id"], "unsure", 6.0]]


def test_a_crop_that_no_run_has_cannot_be_decided_about(project):
    with pytest.raises(AnomalureError, match="There is no crop 'aaaa'"):
        project.save_verdict("aaaa", "anomaly")
    assert project.verdicts().empty


@pytest.mark.parametrize("verdict", ["", "yes", "Anomaly", None])
def test_a_verdict_is_one_of_three(project, verdict):
    with pytest.raises(AnomalureError, match="anomaly, normal, unsure"):
        project.save_verdict(project.review_queue().rows.iloc[0], verdict)


def test_several_crops_can_be_decided_about_at_once(project):
    rows = [row for _, row in project.review_queue(flagged_only=False).rows.iterrows()]
    assert len(project.save_verdicts(rows, "normal")) == 6
    assert project.verdicts()["verdict"].tolist() == ["normal"] * 6
    assert project.save_verdicts([], "normal") == []


def test_a_verdict_given_before_the_run_was_scored_has_no_score(tmp_path):
    project = make_project(tmp_path, n=1)
    run = project.latest_run()
    for path in run.tables("scores"):
        path.unlink()
    run.write_progress(Progress(phase=Phase.SCORES))
    given = project.save_verdict(project.review_queue(run, flagged_only=False).rows.iloc[0], "normal")
    assert (given.score, given.p_value) == (None, None)


def test_a_crop_is_looked_up_in_the_newest_run_that_has_it(project, tmp_path):
    first = project.latest_run()
    later = add_run(project, tmp_path / "photos", n=2, name="later")
    rows = project.review_queue(first, flagged_only=False).rows
    assert project.find_crop(rows["crop_id"][0])["run"] == later.run_id
    assert project.find_crop(rows["crop_id"][5])["run"] == first.run_id
    assert project.find_crop(rows["crop_id"][0], first)["run"] == first.run_id
