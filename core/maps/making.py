"""Computes the files of an exploration: the preset maps, any other map, and the tree of clusters of the embeddings."""

import time
from collections.abc import Iterator
from contextlib import suppress

import numpy as np

from core.disk.locks import FileLock
from core.maps.exploration import Exploration
from core.maps.pictures import Picture, write_picture
from core.maps.projection import Projection, ProjectionKind, project_pca, project_umap
from core.maps.tsne import FIRST_PRESET, PRESET_STEPS, WARM_STEPS, TsneNeighbours, align_points, refine_tsne
from core.work.meter import Meter
from core.work.progress import SHARE, SHARES, Phase

PCA = Projection(kind=ProjectionKind.PCA)
TREE_WORDS = "Grouping the crops by appearance"
USUAL_MIN_SAMPLES = 10
NEIGHBOURS_PATIENCE_S = 3_600.0
# An unfinished picture is written at most this often: fast enough to watch, without keeping the disk busy.
PICTURE_EVERY_S = 1.0
# Farther from its start, a t-SNE of a few steps stays worse than one from the beginning (bench/explore.py).
FARTHEST_WARM_START = 2.5


def make_presets(exploration: Exploration, meter: Meter) -> list[Projection]:
    """Compute PCA and the t-SNEs at the preset perplexities, the default one first; finished ones are kept.

    Raises:
        AnomalureError: If the crops cannot be laid out.
        Cancelled: If somebody asked the work to stop.
    """
    exploration.check()
    meter.begin(Phase.PROJECTIONS, total=SHARES, unit=SHARE)
    make_pca(exploration)
    presets = sorted(exploration.presets(), key=lambda preset: abs(np.log(preset.perplexity / FIRST_PRESET)))
    for i, preset in enumerate(presets):
        if not exploration.has(preset):
            _make(exploration, preset, meter, first=i / len(presets), last=(i + 1) / len(presets))
        exploration.tree(preset, min_samples=USUAL_MIN_SAMPLES)
    return [PCA, *exploration.presets()]


def make_pca(exploration: Exploration) -> Picture:
    """Compute the PCA of the crops, which takes no steps.

    Raises:
        AnomalureError: If the crops cannot be laid out.
    """
    picture = Picture(projection=PCA, points=project_pca(exploration.prepared()))
    with suppress(OSError):  # a project that may only be read: it is computed again the next time
        write_picture(exploration.picture_path(PCA), picture)
    return picture


def make_map(exploration: Exploration, projection: Projection, meter: Meter) -> Picture:
    """Compute one projection, unless it is finished.

    Raises:
        AnomalureError: If it cannot be computed.
        Cancelled: If somebody asked the work to stop.
    """
    exploration.check(projection)
    found = exploration.picture(projection)
    if found is not None and found.is_final:
        return found
    meter.begin(Phase.PROJECTIONS, total=SHARES, unit=SHARE)
    return _make(exploration, projection, meter, first=0.0, last=1.0)


def make_tree(exploration: Exploration, min_samples: int, meter: Meter) -> None:
    """Build the tree of clusters of the embeddings, unless it is there; for very many crops it takes minutes.

    Raises:
        AnomalureError: If it cannot be built.
        Cancelled: If somebody asked the work to stop.
    """
    exploration.check()
    if not exploration.has_tree(min_samples=min_samples):
        meter.begin(Phase.PROJECTIONS, total=SHARES, unit=SHARE, message=TREE_WORDS)
        exploration.tree(None, min_samples=min_samples, on_share=lambda share: meter(round(SHARES * share)))


def _make(exploration: Exploration, projection: Projection, meter: Meter, *, first: float, last: float) -> Picture:
    """Compute a projection; ``first`` and ``last`` are the shares of the work before and after it."""
    message = f"Computing {projection.label}"
    meter(round(SHARES * first), message=message)
    if projection.kind is ProjectionKind.PCA:
        return make_pca(exploration)
    if projection.kind is ProjectionKind.UMAP:
        points = project_umap(
            exploration.prepared(),
            n_neighbors=projection.n_neighbors,
            min_dist=projection.min_dist,
            seed=projection.seed,
        )
        picture = Picture(projection=projection, points=align_points(points, to=project_pca(exploration.prepared())))
    else:
        for picture in _refine(exploration, projection, meter, round(SHARES * first)):
            share = first + (last - first) * picture.iteration / picture.iterations
            meter(round(SHARES * share), message=message)
    write_picture(exploration.picture_path(projection), picture)
    exploration.draft_path(projection).unlink(missing_ok=True)
    return picture


def _refine(exploration: Exploration, projection: Projection, meter: Meter, done: int) -> Iterator[Picture]:
    neighbours = _find_neighbours(exploration, projection.perplexity, meter, done)
    start, over, steps = _choose_start(exploration, projection)
    written = 0.0
    for step in refine_tsne(
        neighbours, start, perplexity=projection.perplexity, warm=steps > 0, over=over, steps=steps
    ):
        picture = Picture(
            projection=projection,
            points=step.points,
            iteration=step.iteration,
            iterations=step.iterations,
            kl=step.kl,
            is_final=step.is_final,
        )
        if not step.is_final and time.monotonic() - written > PICTURE_EVERY_S:
            write_picture(exploration.draft_path(projection), picture)
            written = time.monotonic()
        yield picture


def _choose_start(exploration: Exploration, projection: Projection) -> tuple[np.ndarray, np.ndarray, int]:
    """The start of a t-SNE, the map it is aligned to, and its steps from another t-SNE; 0: it starts from the PCA.

    For a perplexity that is no preset, a few steps from a t-SNE with a similar perplexity are enough. A preset with a
    higher perplexity takes more steps, so that it is as good as from the PCA, yet nothing jumps. A lower one would
    fall to pieces from there, so it starts from the PCA.
    """
    near = exploration.nearest(projection)
    if near is None or not near.is_final:
        pca = project_pca(exploration.prepared())
        return pca, pca, 0
    ratio = projection.perplexity / near.projection.perplexity
    is_preset = projection in exploration.presets()
    if max(ratio, 1 / ratio) > FARTHEST_WARM_START or (is_preset and ratio < 1):
        return project_pca(exploration.prepared()), near.points, 0
    return near.points, near.points, PRESET_STEPS if is_preset else WARM_STEPS


def _find_neighbours(exploration: Exploration, perplexity: float, meter: Meter, done: int) -> TsneNeighbours:
    path = exploration.folder / "neighbours.npz"
    with FileLock(exploration.folder / "neighbours.lock", patience_s=NEIGHBOURS_PATIENCE_S):
        if path.is_file():
            found = TsneNeighbours.load(path)
            if found.largest_perplexity >= perplexity:
                return found
        largest = max([perplexity, *(preset.perplexity for preset in exploration.presets())])
        found = TsneNeighbours.compute(
            exploration.prepared(),
            perplexity=largest,
            on_progress=lambda n, total: meter(done, message=f"Comparing crops: {n:,} of {total:,}"),
        )
        found.save(path)
        return found
