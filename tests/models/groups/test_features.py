"""A run's crops become main directions and a tree of groups, also from broken, few or alike embeddings."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.disk.files import write_whole
from core.disk.json import to_json
from core.errors import AnomalureError
from core.groups.tree import GroupTree, find_tree, fingerprint_run, open_tree
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from core.work.meter import Cancelled
from models.groups.features import Directions, choose_columns, group_run
from models.jobs import registry
from models.jobs.groups import GroupsRequest
from models.jobs.run import finish
from tests.fakes.project import make_project


@pytest.fixture
def project(tmp_path) -> Project:
    return make_project(tmp_path, n=24)


@pytest.fixture
def run(project) -> RunFolder:
    return project.run(project.runs()[0].run_id)


def set_embeddings(run: RunFolder, change) -> None:
    """Replace the embeddings by what ``change`` makes of them."""
    for path in run.tables("embeddings"):
        table = pq.read_table(path)
        if not len(table):
            continue
        rows = change(np.stack(table["embedding"].to_numpy()).astype(np.float32))
        column = pa.array(rows.tolist(), table.schema.field("embedding").type)
        pq.write_table(table.set_column(table.schema.get_field_index("embedding"), "embedding", column), path)


def test_the_work_writes_a_tree_of_all_crops_in_the_order_of_the_catalogue(project, run):
    result = registry.do_at_once(project, GroupsRequest(run=run.run_id))

    tree = open_tree(run)
    assert tree.crop_ids.tolist() == read_catalogue(run, ["crop_id"])["crop_id"].tolist()
    assert {key: result[key] for key in ("run", "crops", "leaves", "groups")} == {
        "run": run.run_id,
        "crops": 24,
        "leaves": tree.n_leaves,
        "groups": tree.suggested,
    }
    assert result["seconds"] >= 0
    assert 1 <= tree.suggested <= 6
    work = WorkFolder(run.path / "groups")
    assert (work.status, work.read_result()["crops"]) == (Status.DONE, 24)


def test_other_scores_change_neither_the_leaves_nor_the_version(run):
    before = group_run(run)
    for shard in run.done_shards():
        scores = pq.read_table(run.path / f"scores-{shard:05d}.parquet").to_pandas()
        run.write_scores(shard, scores.assign(score=-scores["score"], p_value=1 - scores["p_value"]))
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()

    after = group_run(run)

    assert after.crop_ids.tolist() == before.crop_ids.tolist()[::-1]
    assert after.version == before.version
    np.testing.assert_array_equal(after.children, before.children)
    leaf_of = dict(zip(before.crop_ids, before.leaf_of, strict=True))
    assert all(leaf_of[crop_id] == leaf for crop_id, leaf in zip(after.crop_ids, after.leaf_of, strict=True))


def test_other_crops_or_another_encoder_change_the_version(project, run):
    before = fingerprint_run(run)
    write_whole(run.path / "run.json", to_json(replace(run.info, encoder="another")))
    other = RunFolder.open(run.path)
    assert fingerprint_run(other) != before
    registry.do_at_once(project, GroupsRequest(run=run.run_id))
    (run.path / f"done-{run.done_shards()[0]:05d}.json").unlink()
    with pytest.raises(AnomalureError, match="of other crops"):
        open_tree(RunFolder.open(run.path))


def test_a_first_look_is_grouped_at_its_end_and_if_that_fails_the_run_is_still_done(project, run, caplog):
    finish(project, run)
    assert len(open_tree(run).crop_ids) == 24

    run.tables("embeddings")[0].write_bytes(b"damaged")
    finish(project, run)
    assert f"The crops of run {run.run_id} were not grouped: The embeddings of run" in caplog.text
    assert run.status is Status.DONE


@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_crops_that_are_all_alike_or_broken_are_one_leaf(run, value):
    set_embeddings(run, lambda rows: np.full_like(rows, value))
    tree = group_run(run)
    assert (tree.n_leaves, tree.suggested, len(tree.crop_ids)) == (1, 1, 24)


def test_a_crop_whose_embedding_is_broken_is_in_the_tree(run):
    def spoil(rows):
        rows[0, 2] = np.inf
        return rows

    set_embeddings(run, spoil)
    tree = group_run(run)
    assert len(tree.crop_ids) == 24
    assert np.isfinite(tree.points.astype(float)).all()


def test_one_crop_of_one_photo_is_one_leaf(tmp_path):
    project = make_project(tmp_path, n=1)
    registry.do_at_once(project, GroupsRequest(run=project.runs()[0].run_id))
    assert open_tree(project.runs()[0]).suggested == 1


def test_a_run_without_crops_has_nothing_to_group(project, run):
    for path in run.path.glob("done-*.json"):
        path.unlink()
    with pytest.raises(AnomalureError, match="no crops yet"):
        registry.do_at_once(project, GroupsRequest(run=run.run_id))
    assert not find_tree(run).exists()


def test_a_cancel_leaves_no_tree(project, run):
    work = registry.ask(project, GroupsRequest(run=run.run_id))

    def cancel(progress):
        if progress.done:
            work.request_cancel()

    with pytest.raises(Cancelled):
        registry.do(project, f"runs/{run.run_id}/groups", on_progress=cancel)
    assert work.status is Status.CANCELLED
    assert not find_tree(run).exists()
    assert isinstance(registry.do_at_once(project, GroupsRequest(run=run.run_id)), dict)
    assert isinstance(open_tree(run), GroupTree)


def test_the_features_of_a_detector_are_left_out_unless_there_are_no_others():
    columns, sections, weights = choose_columns(["features", "detector"], (8, 4), (1.0, 0.5))
    assert (columns.tolist(), sections, weights) == (list(range(8)), (8,), (1.0,))
    assert choose_columns(["features", "classes"], (8, 4), (1.0, 0.7))[2] == (1.0, 1.0)
    columns, sections, weights = choose_columns(["detector"], (4,), ())
    assert (columns.tolist(), sections, weights) == (list(range(4)), (4,), ())
    columns, sections, _ = choose_columns([], (8, 4), ())
    assert (len(columns), sections) == (12, (8, 4))


def test_directions_keep_distances_and_older_runs_have_one_section():
    rows = np.random.default_rng(0).normal(size=(90, 12)).astype(np.float32)
    found = Directions.fit(rows, (8, 4), (1.0, 0.5))
    assert (found.normaliser.sections, found.normaliser.weights, found.width) == ((8, 4), (1.0, 0.5), 12)
    whole, reduced = found.normaliser.transform(rows), found.transform(rows)
    np.testing.assert_allclose(
        np.linalg.norm(whole[0] - whole, axis=1), np.linalg.norm(reduced[0] - reduced, axis=1), atol=1e-5
    )
    assert Directions.fit(rows).normaliser.sections == (12,)
    assert Directions.fit(rows[:1]).width == 1
