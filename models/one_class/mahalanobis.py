"""How far a row is from the middle of its species, in units of how far its rows spread in that direction."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.one_class.model import ArrayModel
from models.one_class.scored_rows import check_training_rows

LEAST_VARIANCE = 1e-9


@dataclass(frozen=True)
class GaussianModel(ArrayModel):
    """Mahalanobis distance under a covariance that is pulled towards a ball, so that few rows are enough; >= 0.

    The covariance is ``(1 - a) S + a m I`` with the sample's ``S``, its mean eigenvalue ``m`` and the best ``a``; it
    is kept by the eigenvectors of ``S`` that are not zero.

    Source: Ledoit and Wolf, Journal of Multivariate Analysis 2004.
    """

    label = "Mahalanobis distance"
    about = "Fast; expects that the crops of a species form one cloud. On average close to the default."
    shapes: ClassVar = {"mean": "d", "directions": "rd", "spread": "r"}

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (r, d), orthonormal
    spread: np.ndarray  # (r,): variance in each
    rest: float  # variance in every other direction
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "GaussianModel":
        """Learn from n >= 2 rows."""
        from sklearn.covariance import ledoit_wolf_shrinkage

        check_training_rows(rows, least=2)
        n, d = rows.shape
        mean = rows.mean(axis=0, dtype=np.float64)
        centred = rows.astype(np.float64) - mean
        if n > d:
            values, vectors = np.linalg.eigh(centred.T @ centred / n)
            directions = vectors.T
        else:
            values, vectors = np.linalg.eigh(centred @ centred.T / n)
            directions = (centred.T @ vectors / np.sqrt(np.maximum(values * n, LEAST_VARIANCE))).T
        used = values > max(float(values[-1]) * 1e-7, LEAST_VARIANCE)
        values, directions = values[used], directions[used]
        average = max(float((centred**2).sum() / (n * d)), LEAST_VARIANCE)
        shrinkage = float(ledoit_wolf_shrinkage(centred, assume_centered=True))
        rest = max(shrinkage * average, LEAST_VARIANCE)
        return cls(mean.astype(np.float32), directions.astype(np.float32), (1 - shrinkage) * values + rest, rest, n)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        centred = rows.astype(np.float32) - self.mean
        along = (centred @ self.directions.T).astype(np.float64) ** 2  # (n, r)
        beside = np.maximum((centred.astype(np.float64) ** 2).sum(axis=1) - along.sum(axis=1), 0)
        return np.sqrt((along / self.spread).sum(axis=1) + beside / self.rest)

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return "Mahalanobis distance (shrunk covariance)"

    def check(self) -> None:
        """A distance is divided by each variance."""
        if not (self.spread > 0).all() or not self.rest > 0:
            raise ValueError("variances of the model must be > 0")


MODEL = GaussianModel
