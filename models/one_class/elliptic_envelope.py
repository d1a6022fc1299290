"""How far a row is from the most compact part of its species."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.one_class.model import ArrayModel
from models.one_class.scored_rows import check_training_rows, sample_rows

LEAST_VARIANCE = 1e-9
MOST_ROWS = 5_000
"""The robust covariance is searched for with many draws: of more rows a seeded sample is used."""
PLANE = 20
ROWS_A_DIRECTION = 8
"""Rows that each direction of the robust ellipse needs."""


@dataclass(frozen=True)
class RobustEllipseModel(ArrayModel):
    """Mahalanobis distance under the covariance of the most compact part of the rows, >= 0.

    It needs many rows a direction, so it is laid in the plane of the main directions, and the distance from that
    plane is one direction more.

    Source: Rousseeuw and Van Driessen, Technometrics 1999 (FAST-MCD); as scikit-learn's ``EllipticEnvelope``.
    """

    label = "Elliptic envelope"
    about = "For training labels that may hold mistakes: the crops that fit the rest least do not widen what is normal."
    least_rows = 40
    shapes: ClassVar = {"mean": "d", "directions": "qd", "middle": "p", "precision": "pp"}

    mean: np.ndarray  # (d,)
    directions: np.ndarray  # (q, d), orthonormal
    middle: np.ndarray  # (q + 1,)
    precision: np.ndarray  # (q + 1, q + 1)
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "RobustEllipseModel":
        """Learn from n >= 16 rows; of more than 5,000 from a seeded sample."""
        from sklearn.covariance import MinCovDet

        check_training_rows(rows, least=2 * ROWS_A_DIRECTION)
        kept = sample_rows(rows, most=MOST_ROWS, seed=seed)
        mean = kept.mean(axis=0, dtype=np.float64)
        centred = kept.astype(np.float64) - mean
        q = max(1, min(PLANE, kept.shape[1] - 1, len(kept) // ROWS_A_DIRECTION - 1))
        directions = np.linalg.svd(centred, full_matrices=False)[2][:q]
        points = _lay_in_plane(centred, directions)
        try:
            robust = MinCovDet(random_state=seed).fit(points)
            middle, covariance = robust.location_, robust.covariance_
        except ValueError:  # more than half of the rows are alike, so that the most compact part is one point
            middle, covariance = np.median(points, axis=0), np.cov(points, rowvar=False)
        precision = np.linalg.inv(covariance + LEAST_VARIANCE * np.eye(len(middle)))
        return cls(mean.astype(np.float32), directions.astype(np.float32), middle, precision, len(rows))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        points = _lay_in_plane(rows.astype(np.float64) - self.mean, self.directions) - self.middle
        return np.sqrt(np.maximum(((points @ self.precision) * points).sum(axis=1), 0))

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return f"elliptic envelope in {len(self.directions)} directions"

    def check(self) -> None:
        """The ellipse has one direction more than the plane that it is laid in."""
        if len(self.middle) != len(self.directions) + 1:
            raise ValueError("the ellipse of the model does not fit its plane")


def _lay_in_plane(centred: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Coordinates in the plane, and the distance from it as the last: shape ``(n, q + 1)``."""
    along = centred @ directions.T
    beside = np.sqrt(np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0))
    return np.column_stack([along, beside])


MODEL = RobustEllipseModel
