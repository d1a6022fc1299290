"""Measures how fast Explore answers: clusters for a new eps, t-SNE at another perplexity, and a new eps in the browser.

    python bench/explore.py [--quick] [--json] [--only clusters|tsne|browser]

scikit-learn's DBSCAN and TSNE are measured in the same run, on the same points and parameters. Points and embeddings
are drawn with a fixed seed: groups of different density with scattered points between them.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the page starts its processes; for both sides alike
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
from sklearn.cluster import DBSCAN  # noqa: E402
from sklearn.manifold import TSNE  # noqa: E402

from bench.explore_browser import measure_repaint  # noqa: E402
from bench.targets import Target, at_least, at_most, exactly, report  # noqa: E402
from core.maps.clusters import NOISE, ClusterTree, build_tree, warm_up  # noqa: E402
from core.maps.exploration import Exploration  # noqa: E402
from core.maps.making import make_pca  # noqa: E402
from core.maps.projection import Projection  # noqa: E402
from core.maps.tsne import TsneNeighbours, joint_affinities  # noqa: E402
from core.records import Box, Crop, CropKind, Photo  # noqa: E402
from core.runs.folder import RunFolder, ShardTables  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from core.work.folder import Status  # noqa: E402
from core.work.progress import Progress  # noqa: E402
from models.jobs import registry  # noqa: E402
from models.jobs.maps import make_request  # noqa: E402
from ui.explore.follow import keep_ready, start_map  # noqa: E402

MIN_SAMPLES = 10
CUTS = 25
ODD_PERPLEXITY = 42.0
WIDTH = 128
# A person looks at a picture before asking for another; by then the page has a process with its libraries loaded.
LOOK_S = 6.0


def draw_points(n: int, *, seed: int = 0) -> np.ndarray:
    """A plane as t-SNE leaves it: groups of different density, a twentieth scattered; shape ``(n, 2)``, float32."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, 2)) * 30
    points = centres[rng.integers(0, 40, n)] + rng.normal(size=(n, 2)) * rng.uniform(0.3, 3, (n, 1))
    points[: n // 20] = rng.uniform(-90, 90, (n // 20, 2))
    return rng.permutation(points).astype(np.float32)


def draw_embeddings(n: int, *, seed: int = 0) -> np.ndarray:
    """Embeddings of 20 classes of crops, each a bent cloud of about 12 dimensions; shape ``(n, 128)``, float32."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 20, n)
    centres, mixings = rng.normal(size=(20, WIDTH)), rng.normal(size=(20, 12, WIDTH)) / np.sqrt(12)
    inner = rng.standard_t(6, size=(n, 12))
    rows = np.empty((n, WIDTH), dtype=np.float32)
    for kind in range(20):
        mine = kinds == kind
        rows[mine] = centres[kind] + np.tanh(inner[mine] @ mixings[kind])
    return rows + rng.normal(size=rows.shape).astype(np.float32) * 0.15


def time_call(call: Callable[[], Any]) -> tuple[float, Any]:
    """How many seconds a call took, and its result."""
    started = time.perf_counter()
    result = call()
    return time.perf_counter() - started, result


def measure_clusters(n: int, *, n_theirs: int, rival: bool) -> dict[str, float]:
    """Our tree and its cuts beside scikit-learn's DBSCAN at ``n_theirs`` of the same eps."""
    points = draw_points(n)
    builds = [time_call(lambda: build_tree(points, min_samples=MIN_SAMPLES))]
    tree: ClusterTree = builds[0][1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tree.npz"
        tree.save(path)
        load_s, tree = time_call(lambda: ClusterTree.load(path))
    eps = np.quantile(tree.k_distances, np.linspace(0.05, 0.99, CUTS))
    tree.cut(float(eps[0]))
    cuts = [time_call(partial(tree.cut, float(one)))[0] for one in eps]
    curve_s, _ = time_call(lambda: tree.noise_shares(np.linspace(eps[0], eps[-1], 200)))
    theirs, same = [], True
    for one in np.quantile(tree.k_distances, np.linspace(0.3, 0.95, n_theirs)):
        seconds, found = time_call(partial(DBSCAN(eps=float(one), min_samples=MIN_SAMPLES).fit, points))
        theirs.append(seconds)
        ours, core = tree.cut(float(one)), found.core_sample_indices_
        same &= bool((ours[core] == found.labels_[core]).all())
        same &= bool(((ours == NOISE) == (found.labels_ == NOISE)).all())
    figures = {
        "build s": builds[0][0],
        "load s": load_s,
        "cut ms, median": statistics.median(cuts) * 1e3,
        "cut ms, slowest": max(cuts) * 1e3,
        "sklearn DBSCAN ms, median": statistics.median(theirs) * 1e3,
        "noise share curve of 200 eps ms": curve_s * 1e3,
        "identical to sklearn": float(same),
    }
    if rival:
        from fast_hdbscan.hdbscan import compute_minimum_spanning_tree

        compute_minimum_spanning_tree(draw_points(2_000), min_samples=MIN_SAMPLES - 1)  # compiles
        rival_s, (edges, _, _) = time_call(lambda: compute_minimum_spanning_tree(points, min_samples=MIN_SAMPLES - 1))
        # Both trees are minimal, so their sorted lengths are equal wherever their distances are.
        lengths, theirs_sorted = np.sqrt(tree._sorted_joints_sq), np.sort(edges[:, 2])
        figures["fast_hdbscan's tree s"] = rival_s
        figures["fast_hdbscan: share of edges with exactly our length"] = float((lengths == theirs_sorted).mean())
        figures["fast_hdbscan: largest relative difference"] = float(
            (np.abs(lengths - theirs_sorted) / np.maximum(lengths, 1e-12)).max()
        )
    return figures


def make_run(folder: Path, n: int) -> tuple[Project, RunFolder]:
    """A run of ``n`` crops with drawn embeddings, on disk as the pipeline leaves it."""
    project = Project(folder / "project")
    names = [f"camera/photo-{i:06d}.jpg" for i in range(n)]
    run = project.new_run_folder(
        "bench", folder=folder, file_names=names, settings=RunSettings(shard_photos=2_000).to_values()
    )
    rows = draw_embeddings(n)
    start = 0
    for shard in range(run.n_shards):
        tables = ShardTables()
        ids = []
        for i, name in enumerate(run.shard_files(shard), start=start):
            photo = Photo(
                photo_id=f"{i:032x}",
                file_name=name,
                deployment="camera",
                width_px=64,
                height_px=64,
                size_bytes=1,
                captured_at=datetime(2026, 5, 1) + timedelta(minutes=i),
                camera_make="",
                camera_model="",
            )
            ids.append(f"{i:032x}-0")
            tables.add_photo(
                photo, detections=[], crops=[Crop(ids[-1], photo.photo_id, CropKind.FRAME, Box(0.0, 0.0, 64.0, 64.0))]
            )
        tables.add_embeddings(ids, rows[start : start + len(ids)])
        run.write_shard(shard, tables)
        start += len(ids)
    return project, run


def measure_kl(points: np.ndarray, neighbours: TsneNeighbours, perplexity: float) -> float:
    """Exact Kullback-Leibler divergence of a picture; computed with the same affinities for every method."""
    affinities = joint_affinities(neighbours, perplexity).tocoo()
    points = points.astype(np.float64)
    total = 0.0
    for first in range(0, len(points), 500):
        block = points[first : first + 500]
        gaps = (block**2).sum(1)[:, None] + (points**2).sum(1)[None] - 2 * block @ points.T
        total += float((1 / (1 + np.maximum(gaps, 0))).sum())
    total -= len(points)
    gaps = ((points[affinities.row] - points[affinities.col]) ** 2).sum(1)
    present = affinities.data > 0
    share = affinities.data[present]
    return float((share * (np.log(share) + np.log1p(gaps[present]) + np.log(total))).sum())


def time_odd(project: Project, exploration: Exploration, odd: Projection) -> tuple[float, float]:
    """Seconds from asking for a t-SNE, as the page does it, to its first picture and to its last."""
    started = time.perf_counter()
    start_map(project, exploration, odd)
    work = exploration.work(odd.key)
    first_s = 0.0
    while not exploration.has(odd):
        if not first_s and exploration.picture(odd) is not None:
            first_s = time.perf_counter() - started
        if work.status is Status.FAILED:
            raise SystemExit((work.read_progress() or Progress()).message)
        time.sleep(0.02)
    odd_s = time.perf_counter() - started
    return first_s or odd_s, odd_s


def measure_tsne(n: int, folder: Path) -> dict[str, float]:
    """A preset perplexity from disk, and another perplexity beside scikit-learn.

    The latter is measured with the process that the page keeps ready while a t-SNE is looked at, and without one.
    """
    project, run = make_run(folder, n)
    exploration = Exploration(run)
    prepare_s, prepared = time_call(exploration.prepared)
    rung = Projection(perplexity=30.0)
    rung_s, _ = time_call(lambda: registry.do_at_once(project, make_request(exploration, rung)))
    exploration.tree(rung, min_samples=MIN_SAMPLES)  # it is made with each preset
    fresh = Exploration(run)
    shown_s, found = time_call(lambda: (fresh.nearest(rung), fresh.crop_ids, fresh.tree(rung, min_samples=MIN_SAMPLES)))
    assert found[0] is not None

    odd = Projection(perplexity=ODD_PERPLEXITY)
    cold_first_s, cold_s = time_odd(project, exploration, odd)
    for path in exploration.folder.glob(f"{odd.key}.*"):
        path.unlink()
    keep_ready(project, exploration)
    time.sleep(LOOK_S)
    first_s, odd_s = time_odd(project, exploration, odd)
    ours = exploration.points(odd)
    assert ours is not None
    theirs_s, theirs = time_call(
        lambda: TSNE(perplexity=ODD_PERPLEXITY, init="pca", random_state=0, n_jobs=-1).fit_transform(prepared)
    )
    neighbours = TsneNeighbours.load(exploration.folder / "neighbours.npz")
    our_kl, their_kl = (measure_kl(points, neighbours, ODD_PERPLEXITY) for points in (ours, theirs))
    return {
        "embeddings on one scale s": prepare_s,
        "first rung s": rung_s,
        "rung on the ladder shown s": shown_s,
        "first new picture s": first_s,
        "first new picture, no process ready s": cold_first_s,
        "off the ladder s": odd_s,
        "off the ladder, no process ready s": cold_s,
        "sklearn TSNE s": theirs_s,
        "share of sklearn's time": odd_s / theirs_s,
        "share, no process ready": cold_s / theirs_s,
        "KL": our_kl,
        "sklearn KL": their_kl,
        "KL over sklearn's": our_kl / their_kl,
    }


def measure_large(n: int, folder: Path) -> dict[str, float]:
    """The maps of very many crops: how long until there is something to look at, and until it is done."""
    project, run = make_run(folder, n)
    exploration = Exploration(run)
    prepare_s, _ = time_call(exploration.prepared)
    pca_s, _ = time_call(lambda: make_pca(exploration))
    rung_s, _ = time_call(lambda: registry.do_at_once(project, make_request(exploration, Projection(perplexity=30.0))))
    first_s, odd_s = time_odd(project, exploration, Projection(perplexity=ODD_PERPLEXITY))
    return {
        "embeddings on one scale s": prepare_s,
        "PCA s": pca_s,
        "t-SNE 30, its neighbours found too s": rung_s,
        "off the ladder, first new picture s": first_s,
        "off the ladder s": odd_s,
    }


def main() -> None:
    """Measure, print, and name the targets that are missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--rival", action="store_true", help="fast_hdbscan's tree too; it compiles for minutes")
    parser.add_argument("--crops", type=int, help="for t-SNE; default 10,000, with --quick 1,000")
    parser.add_argument(
        "--only",
        choices=("clusters", "tsne", "browser", "large"),
        help="large: maps of 100,000 crops, about five minutes, only when asked for",
    )
    arguments = parser.parse_args()
    figures: dict[str, Any] = {}
    targets: list[Target] = []
    if arguments.only in (None, "clusters"):
        figures["compiling or loading the code s"] = time_call(warm_up)[0]
        sizes = (20_000, 100_000) if arguments.quick else (20_000, 100_000, 1_000_000)
        for n in sizes:
            found = measure_clusters(n, n_theirs=1 if n > 500_000 or arguments.quick else 5, rival=arguments.rival)
            figures[f"clusters, {n:,} points"] = found
            targets.append(exactly(f"identical to sklearn DBSCAN, {n:,} points", found["identical to sklearn"], 1))
            if n == 100_000:
                targets.append(at_most("new eps, ms, 100,000 points", found["cut ms, median"], 5))
                targets.append(at_most("pre-computation, s, 100,000 points", found["build s"], 10))
            if n == 1_000_000:
                targets.append(at_most("new eps, ms, 1,000,000 points", found["cut ms, median"], 50))
    if arguments.only in (None, "tsne"):
        warm_up()
        n = arguments.crops or (1_000 if arguments.quick else 10_000)
        with tempfile.TemporaryDirectory() as folder:
            found = measure_tsne(n, Path(folder))
        figures[f"t-SNE, {n:,} crops"] = found
        targets.append(at_most("perplexity on the ladder shown, s", found["rung on the ladder shown s"], 0.5))
        targets.append(at_most("off the ladder: first new picture, s", found["first new picture s"], 2))
        targets.append(at_most("off the ladder: share of sklearn's time", found["share of sklearn's time"], 0.5))
        targets.append(at_most("off the ladder: KL over sklearn's", found["KL over sklearn's"], 1.03))
    if arguments.only == "large":
        n = arguments.crops or 100_000
        with tempfile.TemporaryDirectory() as folder:
            figures[f"maps, {n:,} crops"] = measure_large(n, Path(folder))
    if arguments.only in (None, "browser"):
        for n in (20_000,) if arguments.quick else (20_000, 100_000):
            found = measure_repaint(n, turns=3 if arguments.quick else 7)
            figures[f"eps to repainted plot, {n:,} points"] = found
            name = f"repaint, times as fast as st.plotly_chart, {n:,} points"
            targets.append(at_least(name, found["times as fast"], 1.5))
    report({"figures": figures}, targets, as_json=arguments.json, print_figures=lambda: print_tables(figures))


def print_tables(figures: dict[str, Any]) -> None:
    """One table for each measurement."""
    for name, found in figures.items():
        if isinstance(found, dict):
            print(f"\n{name}\n\n| | |\n|---|---|")
            for key, value in found.items():
                print(f"| {key} | {value:.4g} |")
        else:
            print(f"{name}: {found:.3g}")


if __name__ == "__main__":
    main()
