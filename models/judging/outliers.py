"""Outlier detection without labels: how little a crop fits the rest of its group. Higher is more anomalous."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.groups.ward import grow_tree
from models.judging.normaliser import Normaliser

COMPONENTS = 64
NEIGHBOUR_SHARE = 0.1
"""A crop is normal if a tenth of the group is near; a few odd animals that look alike are fewer than a tenth."""
LEAST_NEIGHBOURS = 3
FEW = 8
"""A tenth of 50 crops is five. So that eight odd ones stand out there, too, up to eight of at most a fifth are few."""
SMALL_SHARES = (0.08, 0.10, 0.12)
"""Clusters below this share of the group are small. No share is right for every group, so three are averaged."""
UNCENTRED_WEIGHT = 0.5
"""How much the neighbour counts in the embeddings as they are, where boxes on nothing, unlike all else, come first."""
CHUNK_ROWS = 2_048


@dataclass(frozen=True)
class _View:
    """The crops of a group in one normalisation.

    Attributes:
        normaliser: To the main directions of the group.
        references: The normalised crops that it was fitted to, shape ``(n, q)``.
        neighbours: The distance of each to its neighbour, ascending, shape ``(n,)``.
        heights: For each small share the heights of each reference, shape ``(len(SMALL_SHARES), n)``.
        neighbour_weight: How much the neighbour counts beside the joining height.
    """

    normaliser: Normaliser
    references: np.ndarray
    neighbours: np.ndarray
    heights: np.ndarray
    neighbour_weight: float

    @classmethod
    def fit(cls, rows: np.ndarray, codes: np.ndarray, normaliser: Normaliser, *, neighbour_weight: float) -> "_View":
        references = normaliser.transform(rows)
        neighbours, _ = _compare(references, codes, references, codes)
        heights = find_joining_heights(references)
        return cls(normaliser, references, np.sort(neighbours), heights, neighbour_weight)

    def score(self, rows: np.ndarray, codes: np.ndarray, photos: np.ndarray) -> np.ndarray:
        neighbours, nearest = _compare(self.normaliser.transform(rows), codes, self.references, photos)
        scores = self.neighbour_weight * _log_tail(neighbours, self.neighbours)
        for heights in self.heights:
            scores += _log_tail(heights[nearest], np.sort(heights)) / len(self.heights)
        return scores


@dataclass(frozen=True)
class OutlierModel:
    """Scores the crops of one group by the rest of it, in two ways that complete each other.

    - The distance to the neighbour whose rank is a tenth of the group (more if it is small): single crops and small
      bands are far from theirs. Crops of the same photo do not count.
    - The greatest height at which a small cluster that holds the crop joins another, in a Ward tree of the group: a
      cluster that is small beside the usual ones, and far from them, is odd as a whole.

    Each is taken twice: of embeddings whose mean is subtracted, where what all crops share does not count, and of
    embeddings as they are, where a crop that lacks what all others share is far from them. All four become -log of the
    share of the group that has at least this value, and are added; the neighbour of the embeddings as they are counts
    half.

    Attributes:
        views: With the mean subtracted, and as they are.
        photos: The photo of each reference as a number, shape ``(n,)``.
        photo_numbers: The numbers of the photos.

    Source: k-nearest-neighbour distance, Ramaswamy et al., SIGMOD 2000; Ward, JASA 1963. How they were chosen:
    docs/decisions/0004-first-look.md.
    """

    views: tuple[_View, ...]
    photos: np.ndarray
    photo_numbers: dict[str, int]

    @classmethod
    def fit(
        cls, rows: np.ndarray, photos: Sequence[str], *, sections: Sequence[int], weights: Sequence[float] = ()
    ) -> "OutlierModel":
        """Fit the model to a group.

        Args:
            rows: Raw embeddings, shape ``(n, d)``; rows with a number that is not finite count as the mean.
            photos: The photo of each row; of at least two different photos.
            sections: Lengths of the parts of an embedding.
            weights: How much each part counts; empty: all the same.

        Raises:
            ValueError: If there are fewer than two photos, or a shape does not fit.
        """
        numbers = {photo: i for i, photo in enumerate(dict.fromkeys(photos))}
        if len(numbers) < 2:
            raise ValueError(f"at least two photos are needed, got {len(numbers)}")
        rows = np.asarray(rows, dtype=np.float32)
        broken = ~np.isfinite(rows).all(axis=1)
        finite = np.where(broken[:, None], 0, rows) if broken.any() else rows
        most = min(COMPONENTS, len(rows) - 1, rows.shape[1])
        codes = np.array([numbers[photo] for photo in photos])
        views = tuple(
            _View.fit(
                rows,
                codes,
                Normaliser.fit(finite, sections=sections, weights=weights, centre=centre, components=most),
                neighbour_weight=weight,
            )
            for centre, weight in ((True, 1.0), (False, UNCENTRED_WEIGHT))
        )
        return cls(views, codes, numbers)

    def score_samples(self, rows: np.ndarray, photos: Sequence[str]) -> np.ndarray:
        """How little each row fits the group, shape ``(n,)``, >= 0. Other rows than the fitted ones can be scored, too.

        A row that is not among the references has the joining height of its nearest reference.
        """
        codes = np.array([self.photo_numbers.get(photo, -1) for photo in photos], dtype=int)
        return np.sum([view.score(rows, codes, self.photos) for view in self.views], axis=0)


def count_few(n: int) -> int:
    """How many crops of a small group of ``n`` are few."""
    return min(FEW, n // 5)


def find_joining_heights(points: np.ndarray) -> np.ndarray:
    """For each small share, the greatest height at which a small cluster that holds the point joins another one.

    Args:
        points: Shape ``(n, q)``, finite, n >= 2.

    Returns:
        Shape ``(len(SMALL_SHARES), n)``, >= 0. A single point is a small cluster, however few points there are.
    """
    n = len(points)
    children, heights = grow_tree(points, np.ones(n))
    sizes = np.ones(2 * n - 1)
    for i, pair in enumerate(children):
        sizes[n + i] = sizes[pair].sum()
    found = np.zeros((len(SMALL_SHARES), 2 * n - 1))
    for i in range(n - 2, -1, -1):  # from the root down: a parent comes before its children
        for child in children[i]:
            is_small = (sizes[child] < np.array(SMALL_SHARES) * n) | (sizes[child] <= max(count_few(n), 1))
            found[:, child] = np.where(is_small, np.maximum(found[:, n + i], heights[i]), 0)
    return found[:, :n]


def _compare(
    rows: np.ndarray, codes: np.ndarray, references: np.ndarray, photos: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The distance of each row to its neighbour a tenth of the group away, and its nearest reference."""
    k = max(LEAST_NEIGHBOURS, round(NEIGHBOUR_SHARE * len(references)), count_few(len(references)))
    distances, nearest = np.empty(len(rows)), np.empty(len(rows), dtype=int)
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        similar = rows[chunk] @ references.T  # (chunk, n)
        nearest[chunk] = similar.argmax(axis=1)
        own = codes[chunk, None] == photos
        similar[own] = -np.inf
        similar.sort(axis=1)
        others = similar.shape[1] - own.sum(axis=1)
        distances[chunk] = 1 - similar[np.arange(len(similar)), -np.minimum(k, others)]
    return distances, nearest


def _log_tail(values: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """-log of the share of ``ordered`` that is at least as high; equal values count half."""
    below = np.searchsorted(ordered, values, side="left") + np.searchsorted(ordered, values, side="right")
    return -np.log1p(-np.clip(below / 2 / len(ordered), 0, 1 - 0.5 / len(ordered)))
