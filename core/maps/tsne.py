"""t-SNE at many perplexities from one graph of neighbours, each aligned to the last one so that nothing jumps."""

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.disk.files import write_stream
from core.errors import AnomalureError
from core.maps.projection import check_perplexity, largest_perplexity

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PRESET_PERPLEXITIES = (5, 15, 30, 50, 100)
"""Preset perplexities: the t-SNEs that are computed in advance, if the number of crops allows."""
FIRST_PRESET = 30
# Measured on two cores: interpolation by FFT is faster only above this number of crops.
MOST_FOR_BARNES_HUT = 20_000
# With fewer crops, starting threads takes longer than the work.
LEAST_FOR_THREADS = 3_000
MOST_THREADS = 4
STEPS_PER_PICTURE = 10
BLOCK = 4_096
_Plan = tuple[tuple[int, float | None, float], ...]
# Steps, exaggeration and momentum. A warm start needs no early exaggeration: its neighbourhoods are already formed.
COLD_PLAN: _Plan = ((250, 12.0, 0.5), (500, None, 0.8))
WARM_STEPS = 250
PRESET_STEPS = 500


def _count_threads(n_crops: int) -> int:
    return 1 if n_crops < LEAST_FOR_THREADS else min(MOST_THREADS, os.cpu_count() or 1)


def choose_presets(n_crops: int) -> tuple[int, ...]:
    """The preset perplexities for this number of crops, ascending; the largest possible perplexity if none fits."""
    presets = tuple(preset for preset in PRESET_PERPLEXITIES if 3 * preset < n_crops)
    largest = largest_perplexity(n_crops)
    return presets or ((largest,) if largest else ())


@dataclass(frozen=True)
class TsneNeighbours:
    """The nearest crops of each crop, itself left out: shared by all perplexities up to a third of ``k``.

    Attributes:
        indices: Shape ``(n, k)``, int32, nearest first.
        distances: Shape ``(n, k)``, float32.
    """

    indices: np.ndarray
    distances: np.ndarray

    @classmethod
    def compute(
        cls,
        prepared: np.ndarray,
        *,
        perplexity: float | None = None,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> "TsneNeighbours":
        """Exact neighbours of prepared embeddings.

        Args:
            prepared: What ``prepare_embeddings`` gave, shape ``(n, d)``.
            perplexity: Find enough neighbours for this perplexity; None: for all presets.
            on_progress: Called from time to time with the number of crops that are done and their total.

        Raises:
            AnomalureError: If the perplexity is out of range.
        """
        from sklearn.neighbors import NearestNeighbors

        n = len(prepared)
        if perplexity is None:
            perplexity = max(choose_presets(n), default=1)
        check_perplexity(perplexity, n_crops=n)
        k = math.ceil(3 * perplexity)
        indices, distances = np.empty((n, k), dtype=np.int32), np.empty((n, k), dtype=np.float32)
        # With 50 columns a k-d tree excludes almost nothing; comparing all pairs, block by block, is faster.
        model = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(prepared)
        for first in range(0, n, BLOCK):
            if on_progress is not None:
                on_progress(first, n)
            last = min(first + BLOCK, n)
            far, near = model.kneighbors(prepared[first:last])
            own = near == np.arange(first, last)[:, None]
            own[~own.any(axis=1), -1] = True  # more than k others at the same point
            indices[first:last] = near[~own].reshape(-1, k)
            distances[first:last] = far[~own].reshape(-1, k)
        return cls(indices, distances)

    @property
    def n_crops(self) -> int:
        """How many crops."""
        return len(self.indices)

    @property
    def largest_perplexity(self) -> float:
        """The largest perplexity that the neighbours are enough for."""
        return self.indices.shape[1] / 3

    def save(self, path: Path) -> None:
        """Write it as one npz file, completely or not at all."""
        write_stream(path, lambda file: np.savez(file, indices=self.indices, distances=self.distances))

    @classmethod
    def load(cls, path: Path) -> "TsneNeighbours":
        """What ``save`` wrote; the file can run no code.

        Raises:
            AnomalureError: If the file is missing or something else.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                found = cls(file["indices"], file["distances"])
            n, k = found.indices.shape
            if found.distances.shape != (n, k) or not 0 <= found.indices.min() <= found.indices.max() < n:
                raise ValueError("its parts do not fit together")
            return found
        except Exception as error:  # a damaged zip raises many kinds of error
            raise AnomalureError(
                f"{path} holds no neighbours that Anomalure wrote ({error}). Delete it: it is made again."
            ) from error


@dataclass(frozen=True)
class TsnePicture:
    """One picture on the way to a t-SNE.

    Attributes:
        points: Shape ``(n, 2)``, float32.
        iteration: The step out of ``iterations``; equal in the last picture.
        kl: Kullback-Leibler divergence of the picture from the embeddings, lower is better; comparable only at one
            perplexity.
    """

    points: np.ndarray
    iteration: int
    iterations: int
    kl: float

    @property
    def is_final(self) -> bool:
        """Whether this is the last one."""
        return self.iteration >= self.iterations


def refine_tsne(
    neighbours: TsneNeighbours,
    start: np.ndarray,
    *,
    perplexity: float,
    warm: bool = True,
    over: np.ndarray | None = None,
    steps: int = WARM_STEPS,
    seed: int = 0,
) -> Iterator[TsnePicture]:
    """t-SNE from a start, picture by picture, each rotated so that it matches another picture.

    Args:
        neighbours: At least three times the perplexity for each crop.
        start: Shape ``(n, 2)``: a t-SNE of the same crops at another perplexity, within a factor of two for a good
            result, or their PCA.
        perplexity: >= 1; three times it below the number of crops.
        warm: Whether the start is a t-SNE already; a cold start takes three times as many steps.
        over: The points that the pictures are aligned to, shape ``(n, 2)``; None: the start.
        steps: Number of steps of a warm start; that of a cold start is fixed.
        seed: Seed of the noise that separates crops at the same point.

    Raises:
        AnomalureError: If the perplexity is out of range.
    """
    check_perplexity(perplexity, n_crops=neighbours.n_crops)
    return _descend(
        neighbours,
        np.asarray(start, dtype=np.float64),
        start if over is None else over,
        perplexity=perplexity,
        plan=((steps, None, 0.8),) if warm else COLD_PLAN,
        seed=seed,
    )


def _descend(
    neighbours: TsneNeighbours, start: np.ndarray, over: np.ndarray, *, perplexity: float, plan: _Plan, seed: int
) -> Iterator[TsnePicture]:
    from openTSNE.tsne import TSNEEmbedding  # costs half a second

    affinities = _Affinities(neighbours, perplexity)
    noise = np.random.default_rng(seed).normal(scale=1e-4, size=start.shape)  # separates crops at the same point
    centred = start - start.mean(axis=0)
    is_warm = plan is not COLD_PLAN
    if not is_warm:
        centred *= 1e-4 / max(float(centred[:, 0].std()), 1e-12)
    method = "fft" if neighbours.n_crops > MOST_FOR_BARNES_HUT else "bh"
    embedding = TSNEEmbedding(
        centred + noise * (1.0 if is_warm else 0.01),
        affinities,
        negative_gradient_method=method,
        n_jobs=_count_threads(neighbours.n_crops),
        random_state=seed,
    )
    total, done = sum(steps for steps, _, _ in plan), 0
    for steps, exaggeration, momentum in plan:
        left = steps
        while left:
            some = min(left, STEPS_PER_PICTURE)
            embedding.optimize(some, inplace=True, exaggeration=exaggeration, momentum=momentum)
            left, done = left - some, done + some
            points = align_points(np.asarray(embedding), to=over)
            yield TsnePicture(points, done, total, float(embedding.kl_divergence))


class _Affinities:
    """The affinities as openTSNE takes them; its own class lowers a too large perplexity with only a log message."""

    def __init__(self, neighbours: TsneNeighbours, perplexity: float) -> None:
        self.P = joint_affinities(neighbours, perplexity)
        self.n_samples = neighbours.n_crops


def joint_affinities(neighbours: TsneNeighbours, perplexity: float) -> "csr_matrix":
    """The affinity of each pair of crops at a perplexity: sparse, symmetric, shape ``(n, n)``, sum 1.

    Raises:
        ValueError: If there are fewer neighbours than three times the perplexity.
    """
    from openTSNE.affinity import joint_probabilities_nn

    k = math.ceil(3 * perplexity)
    if k > neighbours.indices.shape[1]:
        raise ValueError(f"perplexity {perplexity:g} needs {k} neighbours, got {neighbours.indices.shape[1]}")
    indices = np.ascontiguousarray(neighbours.indices[:, :k], dtype=np.int64)
    distances = np.ascontiguousarray(neighbours.distances[:, :k], dtype=np.float64)
    return joint_probabilities_nn(
        indices, distances, [perplexity], symmetrize=True, n_jobs=_count_threads(neighbours.n_crops)
    )


def align_points(points: np.ndarray, *, to: np.ndarray) -> np.ndarray:
    """Rotate, mirror and move points so that they match others as well as possible; their size stays.

    Args:
        points: Shape ``(n, 2)``.
        to: The same crops in another picture, shape ``(n, 2)``.

    Returns:
        Shape ``(n, 2)``, float32; distances between points are unchanged.

    Source: orthogonal Procrustes problem, Schönemann 1966.
    """
    centre, goal = points.mean(axis=0, dtype=np.float64), to.mean(axis=0, dtype=np.float64)
    left, _, right = np.linalg.svd((points - centre).T @ (to - goal))
    return ((points - centre) @ (left @ right) + goal).astype(np.float32)
