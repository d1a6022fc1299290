"""What is computed of a run for looking around in it: kept, found again, never done twice, and stopped on request."""

import json
import platform

import numpy as np
import pytest

import cli
from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.exploration_work import Cancelled, WorkStatus
from core.maps.projection import Projection, ProjectionKind
from tests.fakes.project import make_project
from ui.explore.stand_in import find_stand_in, say_stand_in
from ui.work import map_process as explore_process
from ui.work.map_process import keep_ready, start_projection, start_tree

PCA = Projection(kind=ProjectionKind.PCA)


@pytest.fixture(scope="module")
def exploration(tmp_path_factory):
    run = make_project(tmp_path_factory.mktemp("explore"), n=30).latest_run()
    return Exploration.of(run)


def test_a_projection_has_one_point_for_each_crop_in_the_order_of_the_run(exploration):
    assert exploration.points(PCA) is None

    exploration.compute(PCA)

    ids = [crop for crops, _ in exploration.run.embedded_shards() for crop in crops["crop_id"]]
    assert exploration.crop_ids == ids
    assert exploration.points(PCA).shape == (30, 2)
    assert exploration.state(PCA).status is WorkStatus.READY


def test_the_ladder_is_made_once_and_holds_the_perplexities_that_the_crops_allow(exploration):
    made = exploration.compute_ladder()

    assert [one.key for one in made] == ["pca", "tsne-5"]
    assert all(exploration.state(one).status is WorkStatus.READY for one in made)
    assert np.isfinite(exploration.points(Projection(perplexity=5))).all()


def test_higher_rungs_lie_over_the_ones_below(tmp_path):
    run = make_project(tmp_path, n=100).latest_run()
    exploration = Exploration.of(run)
    exploration.compute_ladder()

    low, high = (exploration.points(Projection(perplexity=rung)) for rung in (15, 30))
    centred = low - low.mean(0)
    turned = np.linalg.svd(centred.T @ (high - high.mean(0)))
    assert np.abs(turned[0] @ turned[2] - np.eye(2)).max() < 0.1, "neither is turned or mirrored against the other"


def test_a_value_off_the_ladder_shows_the_nearest_rung_until_it_is_there(exploration):
    exploration.compute_ladder()
    odd = Projection(perplexity=7)
    assert exploration.picture(odd) is None
    assert exploration.nearest(odd).projection == Projection(perplexity=5)

    seen = []
    exploration.compute(odd, on_progress=lambda progress: seen.append(progress.done / progress.total))

    assert seen == sorted(seen)
    assert exploration.nearest(odd).projection == odd
    assert exploration.picture(odd).is_final
    assert not list(exploration.folder.glob("*.draft.npz"))


def test_what_is_computed_is_not_computed_again(exploration):
    exploration.compute(PCA)
    written = (exploration.folder / "pca.npz").stat().st_mtime_ns

    exploration.compute(PCA)

    assert (exploration.folder / "pca.npz").stat().st_mtime_ns == written


def test_a_projection_under_way_is_not_started_twice(exploration):
    odd = Projection(perplexity=8)
    inside = []

    def start_again(progress):
        if not inside:
            inside.append(exploration.state(odd).status)
            with pytest.raises(AnomalureError, match="being computed already"):
                Exploration.of(exploration.run).compute(odd)
            inside.append(start_projection(exploration, odd))

    exploration.compute(odd, on_progress=start_again)

    assert inside == [WorkStatus.RUNNING, False]


def test_a_cancelled_projection_says_so_and_keeps_its_last_picture(exploration):
    odd = Projection(perplexity=6)

    def cancel(progress):
        if exploration.picture(odd) is not None:
            exploration.request_cancel(odd.key)

    with pytest.raises(Cancelled):
        exploration.compute(odd, on_progress=cancel)

    assert exploration.state(odd).status is WorkStatus.CANCELLED
    assert not exploration.picture(odd).is_final
    assert exploration.compute(odd).is_final


def test_a_run_that_was_never_looked_at_shows_its_pca_until_the_map_is_there(tmp_path):
    fresh = Exploration.of(make_project(tmp_path, n=12).latest_run())
    wanted = Projection(perplexity=3)

    stand_in = find_stand_in(fresh, wanted)
    assert stand_in.projection == PCA
    assert np.isfinite(stand_in.points).all()
    assert say_stand_in(PCA, wanted) == "PCA until the t-SNE is ready"

    fresh.compute(Projection(perplexity=2))
    near = find_stand_in(fresh, wanted).projection
    assert say_stand_in(near, wanted) == "t-SNE, perplexity 2, until perplexity 3 is ready"


def test_a_rung_that_somebody_deleted_is_missing_though_its_ladder_is_done(tmp_path):
    made = Exploration.of(make_project(tmp_path, n=20).latest_run())
    made.compute_ladder()
    (made.folder / "tsne-5.npz").unlink()

    assert made.state(Projection(perplexity=5)).status is WorkStatus.MISSING


def test_a_process_that_went_away_leaves_an_interrupted_state(exploration):
    odd = Projection(perplexity=4)
    gone = {"phase": "projections", "done": 300, "total": 1000, "pid": 2**22 + 1, "host": platform.node()}
    (exploration.folder / f"{odd.key}.progress.json").write_text(json.dumps(gone))

    assert exploration.state(odd).status is WorkStatus.INTERRUPTED


def test_a_damaged_picture_or_tree_is_made_again(exploration):
    exploration.compute(PCA)
    exploration.tree(PCA, min_samples=3)
    for path in (exploration.folder / "pca.npz", exploration.folder / "tree-pca-3.npz"):
        path.write_bytes(path.read_bytes()[:60])

    assert exploration.points(PCA) is None
    exploration.compute(PCA)
    assert exploration.tree(PCA, min_samples=3).n_points == 30


def test_clusters_can_be_those_of_the_embeddings(exploration):
    tree = exploration.tree(None, min_samples=4)

    assert tree.n_points == 30
    assert len(tree.cut(float(tree.k_distances[-1]))) == 30


def test_the_grouping_by_look_can_be_made_ahead_and_stopped(exploration):
    def cancel(progress):
        exploration.request_cancel(exploration.tree_job(5))

    with pytest.raises(Cancelled):
        exploration.compute_tree(5, on_progress=cancel)
    assert exploration.job_state(exploration.tree_job(5)).status is WorkStatus.CANCELLED
    assert not exploration.has_tree(min_samples=5)

    project = exploration.run.path.parent.parent
    assert cli.main(["explore", "--project", str(project), "--run", exploration.run.run_id, "--clusters", "5"]) == 0
    assert exploration.has_tree(min_samples=5)
    assert not start_tree(exploration, 5), "there is nothing left to do"


def test_the_dashboard_keeps_a_process_ready_for_the_next_value(exploration):
    first, second = Projection(perplexity=9), Projection(perplexity=3)
    keep_ready(exploration)
    (spare,) = explore_process._spares.values()
    keep_ready(exploration)
    assert list(explore_process._spares.values()) == [spare], "one is enough"

    assert start_projection(exploration, first)
    assert not start_projection(exploration, first)
    assert explore_process._started[exploration.folder, first.key] is spare

    assert start_projection(exploration, second), "without one ready, a process is started"
    processes = [explore_process._started[exploration.folder, one.key] for one in (first, second)]
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert exploration.points(first).shape == exploration.points(second).shape == (30, 2)


def test_a_process_that_waits_ends_with_its_dashboard_or_when_other_runs_are_looked_at(tmp_path):
    explore_process._spares.clear()
    runs = [Exploration.of(make_project(tmp_path / name, n=6).latest_run()) for name in "abc"]
    spares = []
    for run in runs:
        keep_ready(run)
        spares.append(explore_process._spares[run.run.path])
    kept = list(explore_process._spares.values())
    assert kept == spares[1:], "as many as can be compared"
    assert spares[0].wait(timeout=60) == 0

    for spare in kept:  # what happens when the dashboard ends
        spare.communicate(timeout=60)
        assert spare.returncode == 0
    explore_process._spares.clear()


def test_the_command_prints_what_it_made(tmp_path, capsys):
    project = make_project(tmp_path, n=12)

    code = cli.main(
        [
            "explore",
            "--project",
            str(project.path),
            "--run",
            project.latest_run().run_id,
            "--json",
            "--projection",
            "pca",
        ]
    )

    assert code == 0
    assert json.loads(capsys.readouterr().out)["projections"] == ["pca"]


@pytest.mark.parametrize(
    ("n", "projection", "words"),
    [
        (2, PCA, "at least 3 crops, and this run has 2"),
        (12, Projection(perplexity=30), "choose 3 or less"),
        (12, Projection(kind=ProjectionKind.UMAP, n_neighbors=12), "fewer than the 12 crops"),
    ],
)
def test_too_few_crops_are_refused_before_anything_starts(tmp_path, n, projection, words):
    exploration = Exploration.of(make_project(tmp_path, n=n).latest_run())

    for call in (exploration.compute, lambda one: start_projection(exploration, one)):
        with pytest.raises(AnomalureError, match=words):
            call(projection)
    assert not exploration.folder.exists()


def test_a_run_without_embeddings_is_refused_in_a_sentence(tmp_path):
    project = make_project(tmp_path, n=4)
    run = project.new_run_folder("empty", folder=tmp_path, file_names=["a.jpg"])

    for call in (Exploration.of(run).compute_ladder, Exploration.of(run).prepared):
        with pytest.raises(AnomalureError, match="no embeddings yet"):
            call()


def test_crops_that_are_all_alike_are_refused_in_a_sentence(tmp_path, monkeypatch):
    exploration = Exploration.of(make_project(tmp_path, n=6).latest_run())
    shards = [(crops, np.ones_like(rows)) for crops, rows in exploration.run.embedded_shards()]
    monkeypatch.setattr(exploration.run, "embedded_shards", lambda: shards)

    with pytest.raises(AnomalureError, match="exactly alike"):
        find_stand_in(exploration, Projection())
    with pytest.raises(AnomalureError, match="exactly alike"):
        exploration.compute(PCA)
    assert exploration.state(PCA).status is WorkStatus.FAILED
    assert "exactly alike" in exploration.state(PCA).message
