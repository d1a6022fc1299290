"""Compares the label of each crop with the labels of the crops that it looks most like."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

N_ALIKE = 10
"""Crops of each species that a crop is compared with. The mean of ten is steadier than that of five
(bench/suggestions.py), and a species of a dozen crops still has them."""
MOST_COMPARED = 2_000
"""Crops of a species beyond so many are compared with a seeded sample of them, so that time and memory are bounded."""
CHUNK = 2_000
SEED = 0
_NEVER = -np.inf


@dataclass(frozen=True)
class Comparison:
    """How alike each labelled crop is to the crops of each species; all arrays have one entry or row a crop.

    Attributes:
        names: The species, ascending.
        labels: The number of each crop's own label, shape ``(n,)``, int.
        likeness: Mean cosine similarity to the ten most alike crops of each species, those of the crop's own group left
            out; fewer where a species has fewer, ``-inf`` where it has none. Shape ``(n, len(names))``, -1 to 1.
    """

    names: tuple[str, ...]
    labels: np.ndarray
    likeness: np.ndarray

    @property
    def is_comparable(self) -> np.ndarray:
        """Which crops have others of their own species, and of another one, in other groups; shape ``(n,)``, bool."""
        return np.isfinite(self._own) & np.isfinite(self._others.max(axis=1, initial=_NEVER))

    @property
    def suggested(self) -> np.ndarray:
        """The number of the most alike species that is not the label, shape ``(n,)``, int; 0 if there is none."""
        return self._others.argmax(axis=1) if self._others.shape[1] else np.zeros(len(self.labels), dtype=int)

    @property
    def margins(self) -> np.ndarray:
        """By how much the suggested species is more alike than the label, shape ``(n,)``, -2 to 2.

        Above 0, the label disagrees with the crops that look alike; ``-inf`` where there is nothing to compare with.
        """
        margins = np.full(len(self.labels), _NEVER)
        known = self.is_comparable
        margins[known] = self._others.max(axis=1, initial=_NEVER)[known] - self._own[known]
        return margins

    @property
    def _own(self) -> np.ndarray:
        return self.likeness[np.arange(len(self.labels)), self.labels]

    @property
    def _others(self) -> np.ndarray:
        others = self.likeness.copy()
        others[np.arange(len(self.labels)), self.labels] = _NEVER
        return others


def compare_with_look_alikes(
    points: np.ndarray,
    species: Sequence[str],
    groups: Sequence[str],
    *,
    n_alike: int = N_ALIKE,
    on_share: Callable[[float], None] = lambda share: None,
) -> Comparison:
    """Compare each crop with the crops of each species that it looks most like.

    Each species is compared by the same number of crops, so that a rare one is not outvoted by a common one. Crops of
    the same group do not count: those of one event are nearly one picture, and carry the same mistake.

    Args:
        points: Of the crops, shape ``(n, d)``, such as their main directions; only the direction counts.
        species: The label of each, n.
        groups: The event or photo of each, n.
        n_alike: How many crops of a species count, >= 1.
        on_share: Gets the share of the work that is done, 0 to 1.

    Raises:
        ValueError: If the lengths differ or ``n_alike`` is not positive.

    Source: nearest neighbours for mislabelled data, after Brodley and Friedl (1999), a mean of similarities in place of
    votes.
    """
    n = len(points)
    if points.ndim != 2 or len(species) != n or len(groups) != n:
        raise ValueError(f"points, species and groups differ: {points.shape}, {len(species)}, {len(groups)}")
    if n_alike < 1:
        raise ValueError(f"n_alike must be at least 1, got {n_alike}")
    names, labels = np.unique(np.asarray(species, dtype=str), return_inverse=True)
    _, owners = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    unit = (points / np.where(lengths > 0, lengths, 1)).astype(np.float32)  # (n, d)
    by_species = [(unit[own], owners[own]) for own in _draw_members(labels, len(names))]
    likeness = np.full((n, len(names)), _NEVER)
    for start in range(0, n, CHUNK):
        some = slice(start, min(start + CHUNK, n))
        for i, (theirs, of_groups) in enumerate(by_species):
            likeness[some, i] = _mean_of_most_alike(unit[some], theirs, owners[some], of_groups, n_alike=n_alike)
        on_share(some.stop / n)
    return Comparison(tuple(str(name) for name in names), labels, likeness)


def _draw_members(labels: np.ndarray, n_species: int) -> list[np.ndarray]:
    random = np.random.default_rng(SEED)
    members = [np.flatnonzero(labels == i) for i in range(n_species)]
    return [
        own if len(own) <= MOST_COMPARED else np.sort(random.choice(own, MOST_COMPARED, replace=False))
        for own in members
    ]


def _mean_of_most_alike(
    crops: np.ndarray, theirs: np.ndarray, own_groups: np.ndarray, their_groups: np.ndarray, *, n_alike: int
) -> np.ndarray:
    """The mean similarity of each of m crops to the most alike of k others, not of the same group; shape ``(m,)``."""
    similar = crops @ theirs.T  # (m, k)
    similar[own_groups[:, None] == their_groups] = _NEVER
    most = min(n_alike, similar.shape[1])
    top = np.partition(similar, similar.shape[1] - most, axis=1)[:, -most:]
    counted = np.isfinite(top)
    total = np.where(counted, top, 0).sum(axis=1, dtype=np.float64)
    n_counted = counted.sum(axis=1)
    return np.where(n_counted > 0, total / np.maximum(n_counted, 1), _NEVER)
