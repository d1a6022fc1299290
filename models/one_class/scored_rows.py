"""Rows for one-class models: checked, sampled, compared, and kept as plain arrays."""

from collections.abc import Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError


def check_finite(rows: np.ndarray) -> None:
    """Raise ValueError if a number is NaN or infinite."""
    # One sum finds them sooner than a look at each number; a sum of finite numbers may overflow, so look again.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(rows.sum()) or np.isfinite(rows).all():
            return
    raise ValueError(f"rows must be finite, got NaN or infinity in {(~np.isfinite(rows)).any(axis=1).sum()} of them")


def check_training_rows(rows: np.ndarray, *, least: int = 1) -> None:
    """Raise ValueError unless ``rows`` has shape ``(n, d)`` with n >= ``least`` and is finite."""
    if rows.ndim != 2 or len(rows) < least:
        raise ValueError(f"rows must have shape (n, d) with n >= {least}, got {rows.shape}")
    check_finite(rows)


def sample_rows(rows: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """All rows, or a seeded sample of ``most`` of them in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def measure_distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Euclidean distances, float32, shape ``(len(rows), len(others))``."""
    rows, others = rows.astype(np.float32), others.astype(np.float32, copy=False)
    squared = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * rows @ others.T
    return np.sqrt(np.maximum(squared, 0))


def find_nearest(distances: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the k smallest distances of each row, in any order, and these distances: both ``(n, k)``."""
    nearest = np.argpartition(distances, k - 1, axis=1)[:, :k]
    return nearest, np.take_along_axis(distances, nearest, axis=1)


def describe_sample(kept: int, n_rows: int) -> str:
    """An addition to a model's description where it keeps fewer rows than it was fitted to."""
    return f", of a sample of {kept:,}" if kept < n_rows else ""


def pack_arrays(arrays: Mapping[str, np.ndarray | int | float]) -> bytes:
    """A safetensors file of arrays and numbers."""
    return safetensors.numpy.save({name: np.asarray(value, order="C") for name, value in arrays.items()})


def unpack_arrays(content: bytes, shapes: Mapping[str, str]) -> dict[str, np.ndarray]:
    """What ``pack_arrays`` gave, checked.

    Args:
        content: The file.
        shapes: The arrays that it must have, with a letter for each dimension: the same letter is the same length.

    Raises:
        ValueError: If it is no such file, or an array is missing, has another shape or is not finite.
    """
    try:
        arrays = safetensors.numpy.load(content)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"it is not a model file ({error})") from error
    lengths: dict[str, int] = {}
    for name, letters in shapes.items():
        if name not in arrays:
            raise ValueError(f"the model has no {name}")
        shape = arrays[name].shape
        if len(shape) != len(letters):
            raise ValueError(f"{name} must have {len(letters)} dimensions, got shape {shape}")
        for letter, length in zip(letters, shape, strict=True):
            if lengths.setdefault(letter, length) != length:
                raise ValueError(f"{name} of the model does not fit its other arrays: got shape {shape}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite")
    return {name: arrays[name] for name in shapes}
