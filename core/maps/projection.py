"""Lay a run's embeddings out on a plane, so that crops that look alike lie close together."""

import importlib
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from core.errors import AnomalureError

FEWEST_CROPS = 3
PREPARED_COMPONENTS = 50
# A column that varies by less than this carries no information, and its rounding errors must not be amplified.
LEAST_SCALE = 1e-6
LEAST_LENGTH = 1e-3


class ProjectionKind(StrEnum):
    """The method of a projection."""

    TSNE = "tsne"
    UMAP = "umap"
    PCA = "pca"


@dataclass(frozen=True, kw_only=True)
class Projection:
    """A method of projection with all its parameters; equal ones give the same picture.

    Attributes:
        kind: t-SNE, UMAP or PCA; the parameters of the other methods are ignored.
        perplexity: t-SNE: about how many neighbours each crop keeps close to, >= 1; there must be more than three times
            as many crops.
        n_neighbors: UMAP: number of neighbours whose distances are kept, >= 2 and below the number of crops.
        min_dist: UMAP: how close two crops may lie, 0 to 1.
        seed: UMAP: seed of the random numbers.
    """

    kind: ProjectionKind = ProjectionKind.TSNE
    perplexity: float = 30.0
    n_neighbors: int = 15
    min_dist: float = 0.1
    seed: int = 0

    @property
    def key(self) -> str:
        """A short name that can be used in file names and addresses: ``tsne-30``, ``umap-15-0.1-0``, ``pca``."""
        if self.kind is ProjectionKind.TSNE:
            return f"tsne-{self.perplexity:g}"
        if self.kind is ProjectionKind.UMAP:
            return f"umap-{self.n_neighbors}-{self.min_dist:g}-{self.seed}"
        return "pca"

    @property
    def label(self) -> str:
        """In words."""
        if self.kind is ProjectionKind.TSNE:
            return f"t-SNE, perplexity {self.perplexity:g}"
        if self.kind is ProjectionKind.UMAP:
            return f"UMAP, {self.n_neighbors} neighbours, least distance {self.min_dist:g}"
        return "PCA"

    def check(self, n_crops: int) -> None:
        """Refuse parameters that are not possible with so many crops.

        Raises:
            AnomalureError: If there are fewer than 3 crops, or a parameter is out of its range.
        """
        check_n_crops(n_crops)
        if self.kind is ProjectionKind.TSNE:
            check_perplexity(self.perplexity, n_crops=n_crops)
        elif self.kind is ProjectionKind.UMAP:
            if not 2 <= self.n_neighbors < n_crops:
                raise AnomalureError(
                    f"UMAP's neighbours must be at least 2 and fewer than the {n_crops} crops, got {self.n_neighbors}."
                )
            if not 0 <= self.min_dist <= 1:
                raise AnomalureError(f"UMAP's least distance must be between 0 and 1, got {self.min_dist:g}.")

    def to_values(self) -> dict[str, Any]:
        """Name to value, fit for JSON."""
        return {
            "kind": str(self.kind),
            "perplexity": self.perplexity,
            "n_neighbors": self.n_neighbors,
            "min_dist": self.min_dist,
            "seed": self.seed,
        }

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "Projection":
        """What ``to_values`` gave.

        Raises:
            AnomalureError: If a value is of another type.
        """
        try:
            return cls(
                kind=ProjectionKind(values["kind"]),
                perplexity=float(values["perplexity"]),
                n_neighbors=int(values["n_neighbors"]),
                min_dist=float(values["min_dist"]),
                seed=int(values["seed"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise AnomalureError(f"This is not a projection: {error}.") from error


def check_n_crops(n_crops: int) -> None:
    """Raises:
    AnomalureError: If there are too few crops for a picture.
    """
    if n_crops < FEWEST_CROPS:
        raise AnomalureError(
            f"A plot needs at least {FEWEST_CROPS} crops, and this run has {n_crops}. Run the pipeline on more photos."
        )


def largest_perplexity(n_crops: int) -> int:
    """The largest whole perplexity that t-SNE takes for so many crops; 0: t-SNE needs more crops."""
    return max(0, (n_crops - 1) // 3)


def check_perplexity(perplexity: float, *, n_crops: int) -> None:
    """Refuse a perplexity that is too high: each crop needs three times as many neighbours.

    Raises:
        AnomalureError: If it is under 1, or three times it is not below the number of crops.
    """
    if not (math.isfinite(perplexity) and perplexity >= 1):
        raise AnomalureError(f"The perplexity must be a number of at least 1, got {perplexity:g}.")
    if not 3 * perplexity < n_crops:
        largest = largest_perplexity(n_crops)
        if largest < 1:
            raise AnomalureError(f"t-SNE needs at least 4 crops, and this run has {n_crops}. Choose PCA.")
        raise AnomalureError(
            f"A perplexity of {perplexity:g} needs more than {math.floor(3 * perplexity)} crops, and "
            f"this run has {n_crops}: choose {largest} or less."
        )


def prepare_embeddings(embeddings: np.ndarray, *, sections: Sequence[int] | None = None) -> np.ndarray:
    """Raw embeddings on a common scale, in at most 50 principal components: what every projection starts from.

    Each column is standardised, each encoder's section scaled to the same length, and each row to length 1, as for
    the scores; then PCA keeps the components with the largest variance.

    Args:
        embeddings: Raw, shape ``(n, d)``, n >= 3.
        sections: Length of each joined encoder's part, sum ``d``; None: one part.

    Returns:
        Shape ``(n, min(50, d, n))``, float32, columns by falling variance; the input is left unmodified.

    Raises:
        AnomalureError: If there are fewer than 3 crops, a number is not finite, or all crops are alike.
    """
    embeddings = np.asarray(embeddings)
    if embeddings.ndim != 2:
        raise ValueError(f"embeddings must have shape (n, d), got {embeddings.shape}")
    check_n_crops(len(embeddings))
    broken = int((~np.isfinite(embeddings).all(axis=1)).sum())
    if broken:
        raise AnomalureError(
            f"The embeddings of {broken} of {len(embeddings)} crops are not finite numbers, so the "
            "crops cannot be compared. Run the pipeline again with another encoder."
        )
    rows = embeddings.astype(np.float32)
    mean, scale = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
    if (scale < LEAST_SCALE).all():
        raise AnomalureError(
            f"All {len(embeddings)} crops look exactly alike to the encoder, so there is nothing to lay out."
        )
    scale = np.where(scale < LEAST_SCALE, np.maximum(np.abs(mean), 1.0), scale)
    rows = (rows - mean.astype(np.float32)) / scale.astype(np.float32)
    sections = (rows.shape[1],) if sections is None else tuple(sections)
    if sum(sections) != rows.shape[1]:
        raise ValueError(f"sections must add up to {rows.shape[1]}, got {sections}")
    start = 0
    for width in sections:
        part = rows[:, start : start + width]
        length = np.linalg.norm(part, axis=1, keepdims=True)  # (n, 1)
        part /= np.maximum(length, LEAST_LENGTH) * np.float32(math.sqrt(len(sections)))
        start += width
    return project_pca(rows, n_components=min(PREPARED_COMPONENTS, *rows.shape))


def project_pca(rows: np.ndarray, *, n_components: int = 2) -> np.ndarray:
    """The directions in which the crops differ most.

    Args:
        rows: Shape ``(n, d)``, finite.
        n_components: >= 1; if there are fewer directions, the missing columns are 0.

    Returns:
        Shape ``(n, n_components)``, float32, in the units of ``rows``. The same rows always give the same picture:
        the largest weight of each direction is positive.

    Source: Pearson 1901; by eigenvectors of the covariance, which for many crops is far faster than an SVD.
    """
    rows = np.asarray(rows, dtype=np.float32)
    centred = rows - rows.mean(axis=0, dtype=np.float64).astype(np.float32)
    _, vectors = np.linalg.eigh((centred.T @ centred).astype(np.float64))  # ascending
    directions = vectors[:, ::-1][:, :n_components]  # (d, k)
    largest = np.abs(directions).argmax(axis=0)
    directions = directions * np.where(directions[largest, np.arange(directions.shape[1])] < 0, -1.0, 1.0)
    points = centred @ directions.astype(np.float32)
    missing = n_components - points.shape[1]
    return np.pad(points, ((0, 0), (0, missing))) if missing else points


def project_umap(prepared: np.ndarray, *, n_neighbors: int = 15, min_dist: float = 0.1, seed: int = 0) -> np.ndarray:
    """UMAP of prepared embeddings.

    Args:
        prepared: What ``prepare_embeddings`` gave, shape ``(n, d)``.
        n_neighbors: Number of neighbours whose distances are kept, >= 2, below n.
        min_dist: How close two crops may lie, 0 to 1.
        seed: The same seed gives the same picture.

    Returns:
        Shape ``(n, 2)``, float32.

    Raises:
        AnomalureError: If a parameter is out of range; none is changed silently.

    Source: McInnes, Healy and Melville 2018.
    """
    Projection(kind=ProjectionKind.UMAP, n_neighbors=n_neighbors, min_dist=min_dist, seed=seed).check(len(prepared))
    from umap import UMAP  # importing it takes seconds

    _keep_what_umap_compiles()
    # The spectral start needs more crops than components, and a connected graph.
    model = UMAP(n_neighbors=n_neighbors, min_dist=min_dist, random_state=seed, init="pca", n_jobs=1)
    return np.asarray(model.fit_transform(prepared), dtype=np.float32)


# What one thread runs for a map of the given seed. The variants for several threads would be kept under the same names.
COMPILED_BY_UMAP = {
    "umap.distances": ("euclidean",),
    "umap.layouts": ("_nb_optimize_layout_euclidean_single_epoch",),
    "umap.umap_": ("fast_knn_indices", "smooth_knn_dist", "compute_membership_strengths"),
}


def _keep_what_umap_compiles() -> None:
    """Keep the machine code on the disk: without it each process that makes a map compiles for 13 s first."""
    for name, functions in COMPILED_BY_UMAP.items():
        module = importlib.import_module(name)
        for function in functions:
            # Another version of UMAP may not have it; and where nothing may be written, it is compiled as before.
            with suppress(AttributeError, RuntimeError):
                getattr(module, function).enable_caching()
