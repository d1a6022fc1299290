"""What is computed of a run for looking around in it: kept, found again, never done twice, and stopped on request."""

import json
import platform
import threading
from types import SimpleNamespace

import numpy as np
import pytest

import cli
import core.work.meter
from core.errors import AnomalureError
from core.maps.exploration import PRESETS_JOB, Exploration, _read_sections
from core.maps.making import make_pca
from core.maps.projection import Projection, ProjectionKind
from core.study.project import Project
from core.work.folder import Status
from core.work.meter import Cancelled
from core.work.progress import Phase
from models.jobs.maps import MapsRequest
from tests.fakes.maps import compute
from tests.fakes.project import make_project
from ui.explore.follow import keep_ready, start_map, start_tree, wait_for_map
from ui.explore.stand_in import find_stand_in, say_stand_in
from ui.work import start

PCA = Projection(kind=ProjectionKind.PCA)


@pytest.fixture(autouse=True)
def every_step_is_told(monkeypatch):
    """Maps of a few crops are done before the meter would write a second time."""
    monkeypatch.setattr(core.work.meter, "TELL_EVERY_S", 0.0)


def project_of(exploration: Exploration) -> Project:
    return Project(exploration.run.path.parent.parent)


def status_of(exploration: Exploration, projection: Projection) -> Status:
    return exploration.work(projection.key).status


@pytest.fixture(scope="module")
def exploration(tmp_path_factory):
    run = make_project(tmp_path_factory.mktemp("explore"), n=30).latest_run()
    return Exploration(run)


def test_a_projection_has_one_point_for_each_crop_in_the_order_of_the_run(exploration):
    assert exploration.points(PCA) is None

    compute(exploration, PCA)

    ids = [crop for crops, _ in exploration.run.embedded_shards() for crop in crops["crop_id"]]
    assert exploration.crop_ids == ids
    assert exploration.points(PCA).shape == (30, 2)
    assert exploration.has(PCA)
    assert status_of(exploration, PCA) is Status.DONE


def test_the_presets_hold_the_perplexities_that_the_crops_allow(exploration):
    made = compute(exploration)

    assert made == {"run": exploration.run.run_id, "crops": 30, "projections": ["pca", "tsne-5"]}
    assert exploration.work(PRESETS_JOB).status is Status.DONE
    assert np.isfinite(exploration.points(Projection(perplexity=5))).all()


def test_higher_presets_lie_over_the_ones_below(tmp_path):
    run = make_project(tmp_path, n=100).latest_run()
    exploration = Exploration(run)
    compute(exploration)

    low, high = (exploration.points(Projection(perplexity=preset)) for preset in (15, 30))
    centred = low - low.mean(0)
    turned = np.linalg.svd(centred.T @ (high - high.mean(0)))
    assert np.abs(turned[0] @ turned[2] - np.eye(2)).max() < 0.1, "neither is turned or mirrored against the other"


def test_another_perplexity_shows_the_nearest_preset_until_it_is_there(exploration):
    compute(exploration)
    odd = Projection(perplexity=7)
    assert exploration.picture(odd) is None
    assert exploration.nearest(odd).projection == Projection(perplexity=5)

    seen = []
    compute(exploration, odd, on_progress=lambda progress: seen.append(progress.done / max(progress.total, 1)))

    assert seen == sorted(seen)
    assert exploration.nearest(odd).projection == odd
    assert exploration.picture(odd).is_final
    assert not list(exploration.folder.glob("*.draft.npz"))


def test_what_is_computed_is_not_computed_again(exploration):
    compute(exploration, PCA)
    written = (exploration.folder / "pca.npz").stat().st_mtime_ns

    compute(exploration, PCA)

    assert (exploration.folder / "pca.npz").stat().st_mtime_ns == written


def test_a_projection_under_way_is_not_started_twice(exploration, monkeypatch):
    odd = Projection(perplexity=8)
    inside, started = [], []
    monkeypatch.setattr(start, "start", lambda *asked, **more: started.append(asked))

    def start_again(progress):
        if not inside:
            inside.append(status_of(exploration, odd))
            with pytest.raises(AnomalureError, match="being computed already"):
                compute(Exploration(exploration.run), odd)
            start_map(project_of(exploration), exploration, odd)

    compute(exploration, odd, on_progress=start_again)

    assert inside == [Status.RUNNING]
    assert started == []


def test_a_preset_is_not_computed_alone_while_the_presets_are(exploration):
    preset = exploration.presets()[0]
    (exploration.folder / f"{preset.key}.npz").unlink(missing_ok=True)
    refused = []

    def ask_for_one(progress):
        if not refused:
            with pytest.raises(AnomalureError, match="being computed already") as error:
                compute(Exploration(exploration.run), preset)
            refused.append(error)

    compute(exploration, on_progress=ask_for_one)

    assert refused
    assert exploration.has(preset)


def test_a_cancelled_projection_says_so_keeps_its_last_picture_and_is_not_started_by_itself(exploration, monkeypatch):
    odd = Projection(perplexity=6)
    started = []
    monkeypatch.setattr("ui.explore.follow.start_map", lambda *asked: started.append(asked))

    def cancel(progress):
        if exploration.picture(odd) is not None:
            exploration.work(odd.key).request_cancel()

    with pytest.raises(Cancelled):
        compute(exploration, odd, on_progress=cancel)

    assert status_of(exploration, odd) is Status.CANCELLED
    assert not exploration.picture(odd).is_final
    waited = wait_for_map(project_of(exploration), exploration, odd, is_there=lambda: False)
    waited.start_unless_tried()
    assert started == []
    compute(exploration, odd)
    assert exploration.picture(odd).is_final


def test_a_cancel_while_the_process_is_starting_holds(exploration, monkeypatch):
    """The process used to throw away what came before its first word."""
    odd = Projection(perplexity=4.5)
    begun, cancelled = threading.Event(), threading.Event()
    monkeypatch.setattr(start, "start_detached", None)  # no process: this thread is it

    def begin(project, work, work_id, **more):
        begun.set()
        assert cancelled.wait(10)
        with pytest.raises(Cancelled):
            start.registry.do(project, work_id)

    monkeypatch.setattr(start, "_begin", begin)
    starter = threading.Thread(target=start_map, args=(project_of(exploration), exploration, odd))
    starter.start()
    assert begun.wait(10)
    exploration.work(odd.key).request_cancel()
    cancelled.set()
    starter.join()

    assert status_of(exploration, odd) is Status.CANCELLED
    assert not exploration.has(odd)


def test_a_run_that_was_never_looked_at_shows_its_pca_until_the_map_is_there(tmp_path):
    fresh = Exploration(make_project(tmp_path, n=12).latest_run())
    wanted = Projection(perplexity=3)

    stand_in = find_stand_in(fresh, wanted)
    assert stand_in.projection == PCA
    assert np.isfinite(stand_in.points).all()
    assert say_stand_in(PCA, wanted) == "PCA until the t-SNE is ready"

    compute(fresh, Projection(perplexity=2))
    near = find_stand_in(fresh, wanted).projection
    assert say_stand_in(near, wanted) == "t-SNE, perplexity 2, until perplexity 3 is ready"


def test_a_preset_that_somebody_deleted_is_started_again_though_the_presets_are_done(tmp_path, monkeypatch):
    made = Exploration(make_project(tmp_path, n=20).latest_run())
    compute(made)
    (made.folder / "tsne-5.npz").unlink()
    asked = []
    monkeypatch.setattr(start, "start", lambda project, request, **more: asked.append(request.projection))

    wait_for_map(project_of(made), made, Projection(perplexity=5), is_there=lambda: False).start_unless_tried()

    assert asked == [None], "with the other presets, which are there"


def test_a_process_that_went_away_leaves_an_interrupted_map(exploration):
    odd = Projection(perplexity=4)
    work = exploration.work(odd.key)
    work.ask(MapsRequest(name=odd.key, run=exploration.run.run_id, crops=exploration.folder.name, projection=odd))
    gone = {"phase": "projections", "done": 300, "total": 1000, "pid": 2**22 + 1, "host": platform.node()}
    (work.path / "progress.json").write_text(json.dumps(gone))

    assert work.status is Status.INTERRUPTED
    assert work.was_tried


def test_a_damaged_picture_or_tree_is_made_again(exploration):
    compute(exploration, PCA)
    exploration.tree(PCA, min_samples=3)
    for path in (exploration.folder / "pca.npz", exploration.folder / "tree-pca-3.npz"):
        path.write_bytes(path.read_bytes()[:60])

    assert exploration.points(PCA) is None
    compute(exploration, PCA)
    assert exploration.tree(PCA, min_samples=3).n_points == 30


def test_clusters_can_be_those_of_the_embeddings(exploration):
    tree = exploration.tree(None, min_samples=4)

    assert tree.n_points == 30
    assert len(tree.cut(float(tree.k_distances[-1]))) == 30


def test_the_grouping_by_appearance_can_be_made_ahead_and_stopped(exploration):
    work = exploration.work(exploration.tree_job(5))

    def cancel(progress):
        if progress.phase is Phase.PROJECTIONS:
            work.request_cancel()

    with pytest.raises(Cancelled):
        compute(exploration, min_samples=5, on_progress=cancel)
    assert work.status is Status.CANCELLED
    assert not exploration.has_tree(min_samples=5)

    project = project_of(exploration)
    assert (
        cli.main(["explore", "--project", str(project.path), "--run", exploration.run.run_id, "--clusters", "5"]) == 0
    )
    assert exploration.has_tree(min_samples=5)


def test_a_tree_that_is_there_is_not_started_again(exploration, monkeypatch):
    started = []
    monkeypatch.setattr(start, "start", lambda *asked, **more: started.append(asked))
    compute(exploration, min_samples=6)

    start_tree(project_of(exploration), exploration, 6)

    assert started == []


def test_the_dashboard_keeps_a_process_ready_for_the_next_value(exploration):
    project, first, second = project_of(exploration), Projection(perplexity=9), Projection(perplexity=3)
    keep_ready(project, exploration)
    (spare,) = start._spares.values()
    keep_ready(project, exploration)
    assert list(start._spares.values()) == [spare], "one is enough"

    start_map(project, exploration, first)
    start_map(project, exploration, first)
    start_map(project, exploration, second)  # without one ready, a process is started
    processes = [start._started[exploration.work(one.key).path] for one in (first, second)]

    assert processes[0] is spare
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    assert exploration.points(first).shape == exploration.points(second).shape == (30, 2)


def test_a_process_that_waits_ends_with_its_dashboard_or_when_other_runs_are_looked_at(tmp_path):
    start._spares.clear()
    spares = []
    for name in "abc":
        run = Exploration(make_project(tmp_path / name, n=6).latest_run())
        keep_ready(project_of(run), run)
        spares.append(list(start._spares.values())[-1])
    kept = list(start._spares.values())
    assert kept == spares[1:], "as many as can be compared"
    assert spares[0].wait(timeout=60) == 0

    for spare in kept:  # what happens when the dashboard ends
        spare.communicate(timeout=60)
        assert spare.returncode == 0
    start._spares.clear()


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
    exploration = Exploration(make_project(tmp_path, n=n).latest_run())

    for call in (compute, lambda made, one: start_map(project_of(made), made, one)):
        with pytest.raises(AnomalureError, match=words):
            call(exploration, projection)
    assert not exploration.folder.exists()


def test_a_run_without_embeddings_is_refused_in_a_sentence(tmp_path):
    project = make_project(tmp_path, n=4)
    run = project.new_run_folder("empty", folder=tmp_path, file_names=["a.jpg"])

    for call in (compute, Exploration.prepared):
        with pytest.raises(AnomalureError, match="no embeddings yet"):
            call(Exploration(run))


def test_crops_that_are_all_alike_are_refused_in_a_sentence(tmp_path, monkeypatch):
    exploration = Exploration(make_project(tmp_path, n=6).latest_run())
    shards = [(crops, np.ones_like(rows)) for crops, rows in exploration.run.embedded_shards()]
    monkeypatch.setattr(exploration.run, "embedded_shards", lambda: shards)

    for call in (find_stand_in, lambda made, _: make_pca(made)):
        with pytest.raises(AnomalureError, match="exactly alike"):
            call(exploration, Projection())


def test_a_map_shows_how_crops_look_and_leaves_out_how_badly_they_were_put_together(tmp_path):
    run = SimpleNamespace(path=tmp_path / "runs" / "r", info=SimpleNamespace(bundle="ae"))
    manifest = tmp_path / "bundles" / "ae" / "bundle.json"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(json.dumps({"sections": [4, 2], "error_columns": [4, 5]}))

    features, sections = _read_sections(run, width=6)

    assert features.tolist() == [0, 1, 2, 3]
    assert sections == [4]
    manifest.write_text(json.dumps({"sections": [4, 2]}))  # of an earlier version
    features, sections = _read_sections(run, width=6)
    assert (features.tolist(), sections) == ([0, 1, 2, 3, 4, 5], [4, 2])
