"""How far a row is from the nearest rows of its species, plainly or for how dense they lie."""

from dataclasses import dataclass

import numpy as np

from models.one_class.scored_rows import check_training_rows, pack_arrays, sample_rows, score_in_chunks, unpack_arrays

NEIGHBOURS = 5
LOCAL_NEIGHBOURS = 20
MOST_ROWS = 20_000
"""Every judged row is compared with every kept one: of more a seeded sample is kept."""
CHUNK_ROWS = 1_024
LEAST_DISTANCE = 1e-6


@dataclass(frozen=True)
class NeighbourModel:
    """Mean distance to the nearest training rows; higher is more anomalous.

    Source: Ramaswamy et al., SIGMOD 2000; Angiulli and Pizzuti, PKDD 2002.
    """

    rows: np.ndarray  # (m, d), float16
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "NeighbourModel":
        """Keep the rows of one species, shape ``(n, d)``, n >= 1; of more than 20,000 a seeded sample."""
        check_training_rows(rows)
        return cls(sample_rows(rows, most=MOST_ROWS, seed=seed).astype(np.float16), len(rows))

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """Mean Euclidean distance to the 5 nearest, shape ``(n,)``, >= 0.

        Raises:
            ValueError: If the width is another than in training.
        """
        kept = self.rows.astype(np.float32)
        nearest = min(NEIGHBOURS, len(kept))

        def score(asked: np.ndarray) -> np.ndarray:
            return np.concatenate(
                [
                    np.partition(measure_distances(part, kept), nearest - 1, axis=1)[:, :nearest].mean(axis=1)
                    for part in _split(asked)
                ]
            )

        return score_in_chunks(rows, width=self.width, score=score)

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"distance to the {NEIGHBOURS} nearest crops" + _say_sample(len(self.rows), self.n_rows)

    @property
    def width(self) -> int:
        """Length of the rows that it takes."""
        return self.rows.shape[1]

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays({"rows": self.rows, "n_rows": self.n_rows})

    @classmethod
    def from_bytes(cls, content: bytes) -> "NeighbourModel":
        """What ``to_bytes`` gave; ValueError if it is not that."""
        arrays = unpack_arrays(content, {"rows": 2, "n_rows": 0})
        return cls(arrays["rows"].astype(np.float16), int(arrays["n_rows"]))


@dataclass(frozen=True)
class LocalOutlierModel:
    """Local outlier factor for new rows: how much thinner it is around a row than around its neighbours.

    Source: Breunig et al., SIGMOD 2000; for new rows as in scikit-learn's ``novelty=True``.
    """

    rows: np.ndarray  # (m, d), float16
    reach: np.ndarray  # (m,): distance of each to its k-th neighbour
    density: np.ndarray  # (m,): local reachability density of each
    n_rows: int

    @classmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> "LocalOutlierModel":
        """Learn from the rows of one species, shape ``(n, d)``, n >= 2; of more than 20,000 a seeded sample."""
        check_training_rows(rows)
        if len(rows) < 2:
            raise ValueError("the local outlier factor needs at least 2 rows")
        kept = sample_rows(rows, most=MOST_ROWS, seed=seed).astype(np.float16)
        vectors = kept.astype(np.float32)
        k = min(LOCAL_NEIGHBOURS, len(kept) - 1)
        near, apart = [], []
        for start in range(0, len(kept), CHUNK_ROWS):
            distances = measure_distances(vectors[start : start + CHUNK_ROWS], vectors)
            own = np.arange(len(distances))
            distances[own, start + own] = np.inf
            places = np.argpartition(distances, k - 1, axis=1)[:, :k]
            near.append(places)
            apart.append(np.take_along_axis(distances, places, axis=1))
        neighbours, distances = np.concatenate(near), np.concatenate(apart)  # (m, k)
        reach = distances.max(axis=1)
        return cls(kept, reach, _measure_density(distances, reach[neighbours]), len(rows))

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """Local outlier factor, shape ``(n,)``, > 0; about 1 inside.

        Raises:
            ValueError: If the width is another than in training.
        """
        kept = self.rows.astype(np.float32)
        k = min(LOCAL_NEIGHBOURS, len(kept) - 1)

        def score(asked: np.ndarray) -> np.ndarray:
            factors = []
            for part in _split(asked):
                distances = measure_distances(part, kept)
                places = np.argpartition(distances, k - 1, axis=1)[:, :k]
                density = _measure_density(np.take_along_axis(distances, places, axis=1), self.reach[places])
                factors.append(self.density[places].mean(axis=1) / density)
            return np.concatenate(factors)

        return score_in_chunks(rows, width=self.width, score=score)

    @property
    def words(self) -> str:
        """What it is, for a person."""
        return f"local outlier factor ({LOCAL_NEIGHBOURS} neighbours)" + _say_sample(len(self.rows), self.n_rows)

    @property
    def width(self) -> int:
        """Length of the rows that it takes."""
        return self.rows.shape[1]

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays({"rows": self.rows, "reach": self.reach, "density": self.density, "n_rows": self.n_rows})

    @classmethod
    def from_bytes(cls, content: bytes) -> "LocalOutlierModel":
        """What ``to_bytes`` gave; ValueError if it is not that."""
        arrays = unpack_arrays(content, {"rows": 2, "reach": 1, "density": 1, "n_rows": 0})
        if not len(arrays["rows"]) == len(arrays["reach"]) == len(arrays["density"]) >= 2:
            raise ValueError("each of two or more rows needs its reach and density")
        return cls(arrays["rows"].astype(np.float16), arrays["reach"], arrays["density"], int(arrays["n_rows"]))


def measure_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances, float32, shape ``(len(rows), len(others))``."""
    rows = rows.astype(np.float32)
    squared = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * rows @ others.T
    return np.sqrt(np.maximum(squared, 0))


def _measure_density(distances: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """One over the mean reachability distance of the neighbours, shape ``(n,)``; both arguments ``(n, k)``."""
    return 1 / np.maximum(np.maximum(distances, reach).mean(axis=1), LEAST_DISTANCE)


def _split(rows: np.ndarray) -> list[np.ndarray]:
    return [rows[start : start + CHUNK_ROWS] for start in range(0, len(rows), CHUNK_ROWS)]


def _say_sample(kept: int, n_rows: int) -> str:
    return f", of a sample of {kept:,}" if kept < n_rows else ""
