"""How far a row is from the nearest rows of its species."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from models.one_class.model import ArrayModel
from models.one_class.scored_rows import check_training_rows, describe_sample, measure_distances, sample_rows

NEIGHBOURS = 5
MOST_ROWS = 20_000
"""Every scored row is compared with every kept one: of more a seeded sample is kept."""


@dataclass(frozen=True)
class NeighbourModel(ArrayModel):
    """Mean Euclidean distance to the 5 nearest training rows, >= 0.

    Source: Ramaswamy et al., SIGMOD 2000; Angiulli and Pizzuti, PKDD 2002.
    """

    label = "Nearest neighbours"
    about = "The easiest to explain: the mean distance to the five most similar training crops."
    chunk_rows = 1_024
    shapes: ClassVar = {"rows": "md"}

    rows: np.ndarray  # (m, d), float16
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "NeighbourModel":
        """Keep the rows; of more than 20,000 a seeded sample."""
        check_training_rows(rows)
        return cls(sample_rows(rows, most=MOST_ROWS, seed=seed).astype(np.float16), len(rows))

    def _score(self, rows: np.ndarray) -> np.ndarray:
        k = min(NEIGHBOURS, len(self.rows))
        distances = measure_distances(rows, self.rows)
        return np.partition(distances, k - 1, axis=1)[:, :k].mean(axis=1)

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return f"distance to the {NEIGHBOURS} nearest crops" + describe_sample(len(self.rows), self.n_rows)


MODEL = NeighbourModel
