"""How odd the groups are that a crop belongs to: a small group that is far from larger ones is odd as a group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.groups.making import make_tree
from models.judging.calibration import Units
from models.judging.normaliser import Normaliser
from models.judging.outliers import CHUNK_ROWS, OutlierModel

DIRECTIONS = 64
NUMBERS = (5, 8, 12, 18, 27, 40)
"""Numbers of groups that are looked at. None is right for every camera, so several are averaged."""
CROPS_A_GROUP = 4
"""A number of groups that leaves fewer crops to a group says nothing."""


@dataclass(frozen=True)
class GroupOddity:
    """The oddity of the groups of each crop of a camera, 0 to 1, higher is more anomalous.

    For each number of groups: half the share of crops whose group is larger, and half the share of crops whose group is
    nearer to the mean of a larger one.
    """

    normaliser: Normaliser
    points: np.ndarray  # (n, q), float32
    values: np.ndarray  # (n,)

    @classmethod
    def fit(cls, rows: np.ndarray, *, sections: Sequence[int], weights: Sequence[float] = ()) -> "GroupOddity":
        """Group the crops of a camera.

        Args:
            rows: From ``scale_rows``, shape ``(n, sum(sections))``, n >= 1.
            sections: Length of each joined part.
            weights: Weight of each section; empty: all the same.
        """
        fitted = Normaliser.fit(rows, sections=sections, weights=weights, components=min(DIRECTIONS, *rows.shape))
        points = fitted.transform(rows)
        tree = make_tree([""] * len(rows), points, version="")
        values = np.zeros(len(rows))
        numbers = [k for k in NUMBERS if k * CROPS_A_GROUP <= len(rows) and k <= tree.n_leaves]
        for k in numbers:
            label = np.empty(len(rows), dtype=int)
            for i, node in enumerate(tree.cut(k)):
                label[tree.crops_in(tree.leaves_of(node))] = i
            sizes = np.bincount(label)
            means = np.stack([points[label == i].mean(axis=0) for i in range(len(sizes))])  # (k, q)
            apart = ((means[:, None] - means) ** 2).sum(axis=2)  # (k, k)
            apart[sizes[:, None] >= sizes] = np.inf
            away = apart.min(axis=1)
            away[np.isinf(away)] = 0.0  # the largest
            values += (_share_below(-sizes[label]) + _share_below(away[label])) / 2
        return cls(fitted, points, values / max(len(numbers), 1))

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """The oddity of the nearest crop that was grouped, shape ``(n,)``."""
        asked = self.normaliser.transform(rows)
        nearest = np.empty(len(rows), dtype=int)
        own = (self.points**2).sum(axis=1) / 2
        for start in range(0, len(rows), CHUNK_ROWS):
            nearest[start : start + CHUNK_ROWS] = (asked[start : start + CHUNK_ROWS] @ self.points.T - own).argmax(
                axis=1
            )
        return self.values[nearest]


@dataclass(frozen=True)
class LeaningModel:
    """Scores a crop by its distance from the bulk of its camera and by how odd its groups are.

    Both are measured in the camera's own units, 0 for the median crop and 1 for the 95th percentile, and added.
    """

    outliers: OutlierModel
    groups: GroupOddity
    distance_units: Units
    oddity_units: Units

    @classmethod
    def fit(
        cls, rows: np.ndarray, photos: Sequence[str], *, sections: Sequence[int], weights: Sequence[float] = ()
    ) -> "LeaningModel":
        """Fit to the crops of a camera; arguments and errors as for ``OutlierModel.fit`` and ``GroupOddity.fit``."""
        outliers = OutlierModel.fit(rows, photos)
        groups = GroupOddity.fit(rows, sections=sections, weights=weights)
        return cls(outliers, groups, Units.of(outliers.score_samples(rows, photos)), Units.of(_stretch(groups.values)))

    def score_samples(self, rows: np.ndarray, photos: Sequence[str]) -> np.ndarray:
        """The score of each row, shape ``(n,)``."""
        distances = self.distance_units.standardise(self.outliers.score_samples(rows, photos))
        return distances + self.oddity_units.standardise(_stretch(self.groups.score_samples(rows)))


def _share_below(values: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.sort(values), values, side="left") / len(values)


def _stretch(values: np.ndarray) -> np.ndarray:
    """Shares of 0 to nearly 1 on a scale on which the highest are told apart."""
    return -np.log(np.maximum(1.0 - values, 1e-3))
