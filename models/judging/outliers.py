"""Outlier detection without labels: how little a crop fits the rest of its group. Higher is more anomalous."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

from models.judging.normaliser import LEAST_LENGTH

N_FOLDS = 5
NEIGHBOUR_SHARE = 0.1
"""A crop is normal if a tenth of the group is near; a few odd animals that look alike are fewer than a tenth."""
LEAST_NEIGHBOURS = 3
CORE_SHARE = 0.75
"""The share of a group, the crops with the nearest neighbours, that counts as normal."""
ROUNDS = 2
COMPONENTS = (3, 4, 5, 6, 8)
"""Numbers of directions in which normal crops may differ. None is right for every group, so several are averaged."""
ROWS_A_COMPONENT = 3
CHUNK_ROWS = 2_048
SVD_ROUNDS = 7
EXACT_ROWS = 256
"""With at most this many rows the principal components are computed exactly."""


def scale_rows(rows: np.ndarray, *, sections: Sequence[int]) -> np.ndarray:
    """Bring each section to one length and each row to length 1, float32, shape ``(n, d)``.

    Unlike ``Normaliser`` columns keep their own scale: the group contains the anomalies, and standardising by it
    was measured to hide them (docs/decisions/0004-first-look.md). A row with a number that is not finite becomes zero.
    """
    rows = np.asarray(rows, dtype=np.float32)
    if rows.ndim != 2 or rows.shape[1] != sum(sections):
        raise ValueError(f"rows must have shape (n, {sum(sections)}), got {rows.shape}")
    scaled = np.where(np.isfinite(rows).all(axis=1)[:, None], rows, np.float32(0))
    share = np.float32(1 / np.sqrt(len(sections)))
    start = 0
    for width in sections:
        part = scaled[:, start : start + width]
        length = np.linalg.norm(part.astype(np.float64), axis=1, keepdims=True)
        part *= np.where(length > LEAST_LENGTH, share / np.maximum(length, LEAST_LENGTH), 0).astype(np.float32)
        start += width
    return scaled


@dataclass(frozen=True)
class Plane:
    """The mean and the principal components of the core of some folds, largest first."""

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (q, d), orthonormal
    used: tuple[int, ...]

    @classmethod
    def fit(cls, core: np.ndarray) -> "Plane":
        mean = core.mean(axis=0, dtype=np.float64).astype(np.float32)
        used = tuple(q for q in COMPONENTS if q * ROWS_A_COMPONENT <= len(core) and q < core.shape[1]) or (0,)
        if used == (0,):
            return cls(mean, np.empty((0, core.shape[1]), dtype=np.float32), used)
        values, directions = _find_directions(core - mean, used[-1])
        directions[values < LEAST_LENGTH] = 0.0  # all rows are alike in that direction: there is none
        return cls(mean, directions, used)

    def score(self, rows: np.ndarray) -> np.ndarray:
        """Mean squared distance from the planes of 3, 4, ... directions."""
        centred = rows.astype(np.float64) - self.mean  # (n, d)
        total = (centred**2).sum(axis=1)
        along = np.cumsum((centred @ self.directions.T) ** 2, axis=1)  # (n, q)
        residuals = [total - (along[:, q - 1] if q else 0.0) for q in self.used]
        return np.maximum(np.mean(residuals, axis=0), 0.0)


@dataclass(frozen=True)
class OutlierModel:
    """Scores the crops of one group by the rest of it: no photo is part of the model that scores its crops.

    The core of the group is the crops with the nearest neighbours. The neighbour is the one whose rank is a tenth of
    the group, so a few odd crops that look alike are far from theirs, too. Planes are fitted to the core of all folds
    but one, and the crops of that fold are scored by their distance from the plane. This is done twice: the second core
    is chosen by the first distances.

    Source: the residual of principal components (Jackson and Mudholkar, Technometrics 1979) on a trimmed core, as in
    ROBPCA (Hubert et al., Technometrics 2005); the core by k-nearest-neighbour distance (Ramaswamy et al., SIGMOD
    2000).
    """

    planes: tuple[Plane, ...]
    fold_of: Mapping[str, int]

    @classmethod
    def fit(cls, rows: np.ndarray, photos: Sequence[str]) -> "OutlierModel":
        """Fit the model to a group.

        Args:
            rows: From ``scale_rows``, shape ``(n, d)``.
            photos: The photo of each row; of at least two different photos.

        Raises:
            ValueError: If there are fewer than two photos.
        """
        different = sorted(set(photos), key=_mix)
        if len(different) < 2:
            raise ValueError(f"at least two photos are needed, got {len(different)}")
        n_folds = min(N_FOLDS, len(different))
        fold_of = {photo_id: i % n_folds for i, photo_id in enumerate(different)}
        folds = np.array([fold_of[photo_id] for photo_id in photos])
        scores = compute_neighbour_distances(rows, photos=photos)
        model = cls((), fold_of)
        for _ in range(ROUNDS):
            planes = []
            for fold in range(n_folds):
                rest = folds != fold
                limit = np.quantile(scores[rest], CORE_SHARE)
                planes.append(Plane.fit(rows[rest & (scores <= limit)]))
            model = cls(tuple(planes), fold_of)
            scores = model.score_samples(rows, photos)
        return model

    def score_samples(self, rows: np.ndarray, photos: Sequence[str]) -> np.ndarray:
        """Distance of each row from the plane that was fitted without its photo, shape ``(n,)``, >= 0.

        Rows of photos that no plane was fitted to can be scored, too.
        """
        folds = np.array(
            [self.fold_of.get(photo_id, _mix(photo_id) % len(self.planes)) for photo_id in photos], dtype=int
        )
        scores = np.empty(len(rows))
        for fold, plane in enumerate(self.planes):
            of_fold = np.flatnonzero(folds == fold)
            for start in range(0, len(of_fold), CHUNK_ROWS):
                chunk = of_fold[start : start + CHUNK_ROWS]
                scores[chunk] = plane.score(rows[chunk])
        return scores


def _find_directions(centred: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The largest singular values, (count,), and their directions, (count, d), of rows (n, d)."""
    if len(centred) > EXACT_ROWS:
        _, values, directions = randomized_svd(centred, count, n_iter=SVD_ROUNDS, random_state=0)
        return values, directions
    # With few rows, the matrix of their products is small and gives the same result exactly and fast.
    rows = centred.astype(np.float64)
    squares, sides = np.linalg.eigh(rows @ rows.T)  # (n,), (n, n), smallest first
    values = np.sqrt(np.maximum(squares[::-1][:count], 0.0))
    directions = sides.T[::-1][:count] @ rows / np.maximum(values, LEAST_LENGTH)[:, None]
    return values, directions.astype(centred.dtype)


def compute_neighbour_distances(rows: np.ndarray, *, photos: Sequence[str]) -> np.ndarray:
    """Cosine distance to the neighbour a tenth of the group away; crops of the same photo do not count.

    Args:
        rows: From ``scale_rows``, shape ``(n, d)``, n >= 2.
        photos: The photo of each, shape ``(n,)``; of at least two.

    Returns:
        Shape ``(n,)``, 0 to 2.
    """
    n = len(rows)
    k = max(LEAST_NEIGHBOURS, round(NEIGHBOUR_SHARE * n))
    codes = np.unique(np.asarray(photos, dtype=object).astype(str), return_inverse=True)[1]
    distances = np.empty(n)
    for start in range(0, n, CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        similar = rows[chunk] @ rows.T  # (chunk, n)
        own = codes[chunk, None] == codes
        similar[own] = -np.inf
        similar.sort(axis=1)
        others = n - own.sum(axis=1)
        nth = np.minimum(k, others)
        distances[chunk] = 1 - similar[np.arange(len(similar)), n - nth]
    return distances


def _mix(photo_id: str) -> int:
    """A number from a photo's id: the same in every process, and unrelated to the order of the photos."""
    return zlib.crc32(photo_id.encode())
