"""How far a row is from the middle of its species, in units of how far its rows spread in that direction."""

from dataclasses import dataclass

import numpy as np
from sklearn.covariance import MinCovDet, ledoit_wolf_shrinkage

from models.one_class.scored_rows import check_training_rows, pack_arrays, sample_rows, score_in_chunks, unpack_arrays

LEAST_SPREAD = 1e-9
MOST_ROBUST_ROWS = 5_000
"""The robust covariance is searched for with many draws: of more rows a seeded sample is used."""
PLANE = 20
ROWS_A_DIRECTION = 8
"""Rows that each direction of the robust ellipse needs."""


@dataclass(frozen=True)
class GaussianModel:
    """Mahalanobis distance under a covariance that is pulled towards a ball, so that few rows are enough.

    The covariance is ``(1 - a) S + a m I`` with the sample's ``S``, its mean eigenvalue ``m`` and the best ``a``; it
    is kept by the eigenvectors of ``S`` that are not zero.

    Source: Ledoit and Wolf, Journal of Multivariate Analysis 2004.
    """

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (r, d), orthonormal
    spread: np.ndarray  # (r,): variance in each
    rest: float  # variance in every other direction
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "GaussianModel":
        """Learn from the rows of one species, shape ``(n, d)``, n >= 2."""
        check_training_rows(rows)
        if len(rows) < 2:
            raise ValueError("a covariance needs at least 2 rows")
        n, d = rows.shape
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = rows.astype(np.float64) - mean
        if n > d:
            values, vectors = np.linalg.eigh(centred.T @ centred / n)
            directions = vectors.T
        else:
            values, vectors = np.linalg.eigh(centred @ centred.T / n)
            directions = (centred.T @ vectors / np.sqrt(np.maximum(values * n, LEAST_SPREAD))).T
        used = values > max(float(values[-1]) * 1e-7, LEAST_SPREAD)
        values, directions = values[used], directions[used]
        average = max(float((centred**2).sum() / (n * d)), LEAST_SPREAD)
        shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
        rest = max(shrinkage * average, LEAST_SPREAD)
        return cls(mean.astype(np.float32), directions.astype(np.float32), (1 - shrinkage) * values + rest, rest, n)

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """Mahalanobis distance, shape ``(n,)``, >= 0.

        Raises:
            ValueError: If the width is another than in training.
        """

        def score(asked: np.ndarray) -> np.ndarray:
            centred = asked.astype(np.float32) - self.mean
            along = (centred @ self.directions.T).astype(np.float64) ** 2  # (n, r)
            beside = np.maximum((centred.astype(np.float64) ** 2).sum(axis=1) - along.sum(axis=1), 0)
            return np.sqrt((along / self.spread).sum(axis=1) + beside / self.rest)

        return score_in_chunks(rows, width=self.width, score=score)

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return "Mahalanobis distance (shrunk covariance)"

    @property
    def width(self) -> int:
        """Length of the rows that it takes."""
        return len(self.mean)

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays(
            {
                "mean": self.mean,
                "directions": self.directions,
                "spread": self.spread,
                "rest": self.rest,
                "n_rows": self.n_rows,
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "GaussianModel":
        """What ``to_bytes`` gave; ValueError if it is not that."""
        arrays = unpack_arrays(content, {"mean": 1, "directions": 2, "spread": 1, "rest": 0, "n_rows": 0})
        if arrays["directions"].shape != (len(arrays["spread"]), len(arrays["mean"])):
            raise ValueError(f"directions have shape {arrays['directions'].shape}")
        if not (arrays["spread"] > 0).all() or not arrays["rest"] > 0:
            raise ValueError("variances must be > 0")
        return cls(arrays["mean"], arrays["directions"], arrays["spread"], float(arrays["rest"]), int(arrays["n_rows"]))


@dataclass(frozen=True)
class RobustEllipseModel:
    """Elliptic envelope: Mahalanobis distance under the covariance of the most compact part of the rows.

    It needs many rows a direction, so it is laid in the plane of the main directions, and the distance from that
    plane is one direction more.

    Source: Rousseeuw and Van Driessen, Technometrics 1999 (FAST-MCD); as scikit-learn's ``EllipticEnvelope``.
    """

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (q, d), orthonormal
    middle: np.ndarray  # (q + 1,)
    precision: np.ndarray  # (q + 1, q + 1)
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "RobustEllipseModel":
        """Learn from the rows of one species, shape ``(n, d)``, n >= 16."""
        check_training_rows(rows)
        if len(rows) < 2 * ROWS_A_DIRECTION:
            raise ValueError(f"a robust ellipse needs at least {2 * ROWS_A_DIRECTION} rows, got {len(rows)}")
        kept = sample_rows(rows, most=MOST_ROBUST_ROWS, seed=seed)
        mean = kept.mean(axis=0, dtype=np.float64)
        centred = kept.astype(np.float64) - mean
        q = max(1, min(PLANE, kept.shape[1] - 1, len(kept) // ROWS_A_DIRECTION - 1))
        directions = np.linalg.svd(centred, full_matrices=False)[2][:q]
        points = _lay_in_plane(centred, directions)
        robust = MinCovDet(random_state=seed).fit(points)
        return cls(
            mean.astype(np.float32), directions.astype(np.float32), robust.location_, robust.get_precision(), len(rows)
        )

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """Robust Mahalanobis distance, shape ``(n,)``, >= 0.

        Raises:
            ValueError: If the width is another than in training.
        """

        def score(asked: np.ndarray) -> np.ndarray:
            points = _lay_in_plane(asked.astype(np.float64) - self.mean, self.directions) - self.middle
            return np.sqrt(np.maximum(((points @ self.precision) * points).sum(axis=1), 0))

        return score_in_chunks(rows, width=self.width, score=score)

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"elliptic envelope in {len(self.directions)} directions"

    @property
    def width(self) -> int:
        """Length of the rows that it takes."""
        return len(self.mean)

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays(
            {
                "mean": self.mean,
                "directions": self.directions,
                "middle": self.middle,
                "precision": self.precision,
                "n_rows": self.n_rows,
            }
        )

    @classmethod
    def from_bytes(cls, content: bytes) -> "RobustEllipseModel":
        """What ``to_bytes`` gave; ValueError if it is not that."""
        arrays = unpack_arrays(content, {"mean": 1, "directions": 2, "middle": 1, "precision": 2, "n_rows": 0})
        q = len(arrays["directions"]) + 1
        fits = arrays["directions"].shape[1] == len(arrays["mean"]) and arrays["precision"].shape == (q, q)
        if not fits or len(arrays["middle"]) != q:
            raise ValueError("the ellipse and its plane do not fit each other")
        return cls(arrays["mean"], arrays["directions"], arrays["middle"], arrays["precision"], int(arrays["n_rows"]))


def _lay_in_plane(centred: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Coordinates in the plane, and the distance from it as the last: shape ``(n, q + 1)``."""
    along = centred @ directions.T
    beside = np.sqrt(np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.column_stack([along, beside])
