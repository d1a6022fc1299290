"""Damaged files of a run: caches are made anew, and one damaged table says so without hiding the other runs."""

import errno
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cli import main
from core.errors import AnomalureError
from core.maps.clusters import build_tree
from core.maps.exploration import Exploration
from core.maps.pictures import Picture, write_picture
from core.maps.projection import Projection
from core.runs.catalogue import find_kept, open_catalogue
from core.study.project import Project
from core.work.folder import LOCK
from core.work.progress import Phase, Progress
from models.jobs.groups import GroupsRequest
from models.jobs.registry import ask, ask_to_resume
from tests.fakes.project import add_run, make_project


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def write_arrow(path, table):
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def break_offset(path):
    """One offset of a text column points far behind the end: reading it where it lies would end the process."""
    table = open_arrow(path)
    ids = table.column("crop_id").combine_chunks()
    offsets = np.frombuffer(ids.buffers()[1], dtype=np.int32).copy()
    offsets[3] = 2_000_000_000
    broken = pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), ids.buffers()[2])
    write_arrow(path, table.set_column(0, "crop_id", broken))


def open_arrow(path):
    return pa.ipc.open_file(path.read_bytes()).read_all()


def turn_bit_of_score(path):
    """All is as it should be, except that one score is another number."""
    table = open_arrow(path)
    at = table.column_names.index("score")
    scores = table.column("score").combine_chunks()
    bits = np.frombuffer(scores.buffers()[1], dtype=np.int64).copy()
    bits[3] ^= 1 << 50
    turned = pa.Array.from_buffers(pa.float64(), len(scores), [scores.buffers()[0], pa.py_buffer(bits)])
    write_arrow(path, table.set_column(at, "score", turned))


def turn_bit_of_values(path):
    """Turn one bit over in the values of the last column."""
    group = pq.read_metadata(path).row_group(0)
    chunk = group.column(group.num_columns - 1)
    content = bytearray(path.read_bytes())
    content[(chunk.dictionary_page_offset or chunk.data_page_offset) + chunk.total_compressed_size - 3] ^= 4
    path.write_bytes(content)


DAMAGE = {
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-200]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "something else": lambda path: path.write_bytes(b"ARROW1\0\0 no catalogue"),
    "a wrong offset": break_offset,
    "a bit of a score": turn_bit_of_score,
    "columns missing": lambda path: write_arrow(path, open_arrow(path).select(["crop_id"])),
    "another type": lambda path: write_arrow(path, open_arrow(path).set_column(0, "crop_id", pa.array(range(12)))),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_catalogue_is_made_anew(project, how):
    run = project.latest_run()
    good = open_catalogue(run).table.to_pylist()
    kept = find_kept(run)
    DAMAGE[how](kept)

    assert open_catalogue(run).table.to_pylist() == good
    assert open_arrow(kept).num_rows == len(good)
    assert len(project.review_queue(run, flagged_only=False).rows) == len(good)


def test_a_run_on_a_disk_that_may_only_be_read_can_be_looked_at(project, monkeypatch):
    run = project.latest_run()
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()

    def refuse(*_, **__):
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr("core.runs.catalogue._write_arrow", refuse)
    monkeypatch.setattr(Path, "unlink", refuse)  # there, to remove what is not there fails, too

    assert len(Project(project.path).review_queue(run.run_id, flagged_only=False).rows) == 12
    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(AnomalureError, match="nothing can be written"):
        ask(project, GroupsRequest(run=run.run_id))


@pytest.mark.parametrize("name", ["crops-00000", "photos-00001", "scores-00000", "events"])
def test_a_damaged_table_of_one_run_is_a_sentence_and_the_others_are_listed(project, tmp_path, capsys, name):
    damaged = project.latest_run()
    add_run(project, tmp_path / "photos", n=4, name="good")
    (damaged.path / f"{name}.parquet").write_bytes(b"PAR1 cut short")

    with pytest.raises(AnomalureError, match="cannot be read"):
        open_catalogue(damaged)

    assert main(["runs", "--project", str(project.path), "--json"]) == 0
    rows = {row["run"]: row for row in json.loads(capsys.readouterr().out)["runs"]}
    assert set(rows) == {damaged.run_id, "good"}
    assert rows["good"]["flagged"] == 1
    if name == "scores-00000":
        assert "scores of run" in rows[damaged.run_id]["problem"]


@pytest.mark.parametrize("name", ["crops-00000", "photos-00001", "scores-00000", "events"])
def test_a_table_in_which_a_bit_turned_over_is_not_read(project, name):
    run = project.latest_run()
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()
    turn_bit_of_values(run.path / f"{name}.parquet")

    with pytest.raises(AnomalureError, match=rf"tables of run .* cannot be read \({name}\.parquet is damaged"):
        open_catalogue(run)


def test_embeddings_in_which_a_bit_turned_over_are_not_scored(project):
    run = project.latest_run()
    turn_bit_of_values(run.path / "embeddings-00001.parquet")

    with pytest.raises(OSError, match=r"embeddings-00001\.parquet is damaged"):
        list(run.embedded_shards())


@pytest.mark.parametrize("command", [["export", "--out", "x.csv"], ["groups"], ["rank"]])
def test_a_command_without_a_run_names_the_one_that_is_damaged(project, tmp_path, capsys, caplog, command, monkeypatch):
    monkeypatch.chdir(tmp_path)
    damaged = project.latest_run()
    (damaged.path / "listing.parquet").write_bytes(b"PAR1 cut short")

    assert main([*command, "--project", str(project.path), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)["error"]
    assert said.startswith(
        f"No run in {project.path} can be read. The list of photos of run {damaged.run_id} cannot be"
    )

    add_run(project, tmp_path / "photos", n=4, name="good")
    assert project.run_or_latest().run_id == "good"
    assert f"Run {damaged.run_id} is left out, and good is used." in caplog.text


def test_a_run_is_read_where_its_project_has_signs_of_a_pattern_in_its_path(tmp_path):
    for name in ("a[b]c*", "abc"):
        (tmp_path / name).mkdir()
        project = make_project(tmp_path / name)
        run = project.latest_run()
        assert len(open_catalogue(run)) == 12
        find_kept(run).unlink()


@pytest.mark.parametrize("name", ["what?", "back\\slash"])
def test_a_project_whose_database_could_not_be_opened_there_is_refused_in_a_sentence(tmp_path, capsys, name):
    assert main(["runs", "--project", str(tmp_path / name), "--json"]) == 1
    assert "A project cannot be in" in capsys.readouterr().out
    assert not (tmp_path / name).exists()


def change_tree(path, **arrays):
    with np.load(path) as file:
        whole = dict(file)
    np.savez(path, **{**whole, **{name: change(whole[name]) for name, change in arrays.items()}})


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(path.read_bytes()[:100]),
        lambda path: change_tree(path, row=lambda row: np.zeros_like(row)),
        lambda path: change_tree(path, core_sq=lambda values: values * np.nan),
        lambda path: change_tree(path, neighbours=lambda values: values + 100_000),
        lambda path: build_tree(np.random.default_rng(0).normal(size=(30, 2)), min_samples=3).save(path),
        lambda path: build_tree(np.random.default_rng(0).normal(size=(12, 2)), min_samples=2).save(path),
    ],
)
def test_a_damaged_tree_of_clusters_is_made_anew(project, change):
    exploration = Exploration(project.latest_run())
    projection = Projection(perplexity=5.0)
    points = np.random.default_rng(1).normal(size=(12, 2)).astype(np.float32)
    write_picture(exploration.picture_path(projection), Picture(projection=projection, points=points))
    expected = exploration.tree(projection, min_samples=3).cut(1.0)
    (path,) = exploration.folder.glob("tree-*.npz")
    change(path)

    tree = exploration.tree(projection, min_samples=3)

    assert (tree.n_points, tree.min_samples) == (12, 3)
    assert tree.cut(1.0).tolist() == expected.tolist()


def test_resuming_a_run_that_is_worked_on_leaves_the_progress_of_who_works_on_it(project):
    run = project.latest_run()
    with run.working():
        run.write_progress(Progress(phase=Phase.PHOTOS, done=3, total=14, message="under way"))
        # As seen from another computer, or another container: its process cannot be found there.
        far = json.loads((run.path / "progress.json").read_text())
        (run.path / "progress.json").write_text(json.dumps({**far, "pid": 2**22 + 1}))
        before = (run.path / "progress.json").read_text()

        with pytest.raises(AnomalureError, match="is being worked on by process"):
            ask_to_resume(project, f"runs/{run.run_id}")

        assert (run.path / "progress.json").read_text() == before
    assert (run.path / LOCK).is_file()


def test_a_table_with_numbers_where_texts_belong_is_a_sentence(project):
    run = project.latest_run()
    path = run.path / "photos-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["file_name"]), path)

    with pytest.raises(AnomalureError, match="cannot be read"):
        open_catalogue(run)


@pytest.mark.parametrize("name", ["scores-00000.parquet", "events.parquet"])
def test_a_finished_run_that_lost_its_scores_or_events_is_not_shown_without_them(project, name):
    run = project.latest_run()
    for path in run.path.glob("catalogue-*"):
        path.unlink()
    (run.path / name).unlink()

    with pytest.raises(AnomalureError, match=f"cannot be read .*{name.split('-')[0].split('.')[0]}"):
        open_catalogue(run)
