"""Brings embeddings to a common scale, so that no column and no joined encoder dominates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

# A column that varies by less than this carries no information, and its rounding errors must not be magnified.
LEAST_SCALE = 1e-6
# Standardised rows are about as long as the square root of their width. One this short equals the mean up to rounding.
LEAST_LENGTH = 1e-3
SVD_ROUNDS = 7


@dataclass(frozen=True)
class Normaliser:
    """Standardises each column, brings each section of a row to its share of the length, and the row to length 1.

    Measured on real crops, this matters more than the choice of the one-class model behind it.

    Attributes:
        sections: Length of each joined part of an embedding.
        mean_: Subtracted from each column, shape ``(d,)``, float32, ``d = sum(sections)``.
        scale_: Standard deviation of each column, at least 1 where it does not vary; shape ``(d,)``, float32, > 0.
        weights: Weight of each section, > 0; empty: all the same.
        directions_: Principal components that rows are reduced to, shape ``(q, d)``, orthonormal, float32; None: all.
    """

    sections: tuple[int, ...]
    mean_: np.ndarray
    scale_: np.ndarray
    weights: tuple[float, ...] = ()
    directions_: np.ndarray | None = None

    @classmethod
    def fit(
        cls,
        rows: np.ndarray,
        *,
        sections: Sequence[int],
        weights: Sequence[float] = (),
        centre: bool = True,
        components: int = 0,
    ) -> "Normaliser":
        """Fit to raw embeddings.

        Args:
            rows: Shape ``(n, sum(sections))``, n >= 1; rows with a number that is not finite are left out.
            sections: Length of each joined part, each >= 1.
            centre: Whether to subtract the mean. Do so for several species, because what they have in common does not
                tell them apart. Do not for a single species: its mean describes it, and without the mean its rows would
                point in every direction, like those of another species.
            weights: Weight of each section, > 0; empty: all the same.
            components: Number of principal components to reduce rows to; 0: rows are not reduced. The rest is lost,
                and an unknown species may differ from the known ones only there.

        Raises:
            ValueError: If the shapes do not fit, or no row is finite.
        """
        sections = _check_sections(sections)
        rows = _check_rows(rows, sections)
        finite = rows[np.isfinite(rows).all(axis=1)]
        if len(finite) == 0:
            raise ValueError(f"at least one row must be finite, but none of {len(rows)} is")
        mean = finite.mean(axis=0, dtype=np.float64)
        scale = finite.std(axis=0, dtype=np.float64)
        scale = np.where(scale < LEAST_SCALE, np.maximum(np.abs(mean), 1.0), scale)
        if not centre:
            mean = np.zeros_like(mean)
        normaliser = cls(sections, mean.astype(np.float32), scale.astype(np.float32), _check_weights(weights, sections))
        if not components:
            return normaliser
        normalised = normaliser.transform(finite)
        most = min(normalised.shape)
        if not 1 <= components <= most:
            raise ValueError(f"components must be 1 to {most} for rows of shape {normalised.shape}, got {components}")
        from sklearn.utils.extmath import randomized_svd  # importing it takes a second, and most work does without

        _, _, directions = randomized_svd(normalised, components, n_iter=SVD_ROUNDS, random_state=0)
        return replace(normaliser, directions_=directions.astype(np.float32))

    @property
    def width(self) -> int:
        """Length of the rows that it gives."""
        return sum(self.sections) if self.directions_ is None else len(self.directions_)

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Rows of length 1, float32, shape ``(n, width)``; the input is left unmodified.

        A row that equals the mean or has a number that is not finite becomes zero. It is then as far from every other
        row as two rows that have nothing in common.

        Raises:
            ValueError: If the shape does not fit.
        """
        rows = _check_rows(rows, self.sections)
        broken = ~np.isfinite(rows).all(axis=1)
        if broken.any():
            rows = np.where(broken[:, None], self.mean_, rows)  # zero after the mean is subtracted
        joined = (rows.astype(np.float32) - self.mean_) / self.scale_  # (n, d)
        counts = np.array(self.weights or [1.0] * len(self.sections))
        shares = (counts / np.sqrt((counts**2).sum())).astype(np.float32)
        start = 0
        for width, share in zip(self.sections, shares, strict=True):
            part = joined[:, start : start + width]
            length = np.linalg.norm(part, axis=1, keepdims=True)  # (n, 1)
            part *= np.where(length > LEAST_LENGTH, share / np.maximum(length, LEAST_LENGTH), 0)
            start += width
        if self.directions_ is None:
            return joined
        reduced = joined @ self.directions_.T  # (n, q)
        length = np.linalg.norm(reduced, axis=1, keepdims=True)
        return reduced * np.where(length > LEAST_LENGTH, 1 / np.maximum(length, LEAST_LENGTH), 0).astype(np.float32)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """For a safetensors file."""
        arrays = {"sections": np.array(self.sections, dtype=np.int64), "mean": self.mean_, "scale": self.scale_}
        if self.weights:
            arrays["weights"] = np.array(self.weights, dtype=np.float64)
        if self.directions_ is not None:
            arrays["directions"] = np.ascontiguousarray(self.directions_)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "Normaliser":
        """The normaliser from the arrays of ``to_arrays``.

        Raises:
            ValueError: If an array is missing or has another shape.
        """
        missing = {"sections", "mean", "scale"} - set(arrays)
        if missing:
            raise ValueError(f"a normaliser needs {', '.join(sorted(missing))}")
        sections = _check_sections(arrays["sections"].tolist())
        width = sum(sections)
        mean, scale = arrays["mean"], arrays["scale"]
        if mean.shape != (width,) or scale.shape != (width,):
            raise ValueError(f"mean and scale must have shape ({width},), got {mean.shape} and {scale.shape}")
        if not np.isfinite(mean).all() or not (np.isfinite(scale) & (scale > 0)).all():
            raise ValueError("mean and scale must be finite, and scale > 0")
        weights = _check_weights(arrays["weights"].tolist() if "weights" in arrays else (), sections)
        directions = arrays.get("directions")
        if directions is not None:
            if directions.ndim != 2 or directions.shape[1] != width or not np.isfinite(directions).all():
                raise ValueError(f"directions must be finite and of shape (q, {width}), got {directions.shape}")
            directions = directions.astype(np.float32)
        return cls(sections, mean.astype(np.float32), scale.astype(np.float32), weights, directions)


def _check_weights(weights: Sequence[float], sections: tuple[int, ...]) -> tuple[float, ...]:
    weights = tuple(float(weight) for weight in weights)
    if weights and (len(weights) != len(sections) or not all(0 < weight < np.inf for weight in weights)):
        raise ValueError(f"weights must be one number > 0 for each of {len(sections)} sections, got {weights}")
    return weights


def _check_sections(sections: Sequence[int]) -> tuple[int, ...]:
    sections = tuple(int(width) for width in sections)
    if not sections or min(sections) < 1:
        raise ValueError(f"sections must be one or more lengths >= 1, got {sections}")
    return sections


def _check_rows(rows: np.ndarray, sections: tuple[int, ...]) -> np.ndarray:
    rows = np.asarray(rows)
    if rows.ndim != 2 or rows.shape[1] != sum(sections):
        raise ValueError(f"rows must have shape (n, {sum(sections)}), got {rows.shape}")
    return rows
