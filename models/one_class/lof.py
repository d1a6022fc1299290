"""How much thinner the rows of its species lie around a row than around its neighbours."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.one_class.model import ArrayModel
from models.one_class.scored_rows import (
    check_training_rows,
    describe_sample,
    find_nearest,
    measure_distances,
    sample_rows,
)

NEIGHBOURS = 20
MOST_ROWS = 20_000
"""Every scored row is compared with every kept one: of more a seeded sample is kept."""
LEAST_DISTANCE = 1e-6


@dataclass(frozen=True)
class LocalOutlierModel(ArrayModel):
    """Local outlier factor for new rows, > 0; about 1 inside the species.

    Source: Breunig et al., SIGMOD 2000; for new rows as in scikit-learn's ``novelty=True``.
    """

    label = "Local outlier factor"
    about = "For a species with some looks that are common and others that are rare but normal."
    least_rows = 40
    chunk_rows = 1_024
    shapes: ClassVar = {"rows": "md", "reach": "m", "density": "m"}

    rows: np.ndarray  # (m, d), float16
    reach: np.ndarray  # (m,): distance of each to its k-th neighbour
    density: np.ndarray  # (m,): local reachability density of each
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "LocalOutlierModel":
        """Learn from n >= 2 rows; of more than 20,000 from a seeded sample."""
        check_training_rows(rows, least=2)
        kept = sample_rows(rows, most=MOST_ROWS, seed=seed).astype(np.float16)
        vectors = kept.astype(np.float32)
        k = min(NEIGHBOURS, len(kept) - 1)
        near, apart = [], []
        for start in range(0, len(kept), cls.chunk_rows):
            distances = measure_distances(vectors[start : start + cls.chunk_rows], vectors)
            own = np.arange(len(distances))
            distances[own, start + own] = np.inf
            found = find_nearest(distances, k)
            near.append(found[0])
            apart.append(found[1])
        neighbours, distances = np.concatenate(near), np.concatenate(apart)  # (m, k)
        reach = distances.max(axis=1)
        return cls(kept, reach, _measure_density(distances, reach[neighbours]), len(rows))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        nearest, distances = find_nearest(measure_distances(rows, self.rows), min(NEIGHBOURS, len(self.rows) - 1))
        return self.density[nearest].mean(axis=1) / _measure_density(distances, self.reach[nearest])

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return f"local outlier factor ({NEIGHBOURS} neighbours)" + describe_sample(len(self.rows), self.n_rows)

    def check(self) -> None:
        """A row without another has no neighbour."""
        if len(self.rows) < 2:
            raise ValueError("the model must have 2 or more rows")


def _measure_density(distances: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """One over the mean reachability distance of the neighbours, shape ``(n,)``; both arguments ``(n, k)``."""
    return 1 / np.maximum(np.maximum(distances, reach).mean(axis=1), LEAST_DISTANCE)


MODEL = LocalOutlierModel
