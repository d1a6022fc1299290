"""What the one-class models share: rows are checked, scored a few thousand at a time, and kept as plain arrays."""

from collections.abc import Callable, Mapping

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

CHUNK_ROWS = 4_096


def check_training_rows(rows: np.ndarray) -> None:
    """Raise ValueError unless ``rows`` has shape ``(n, d)`` with n >= 1."""
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"rows must have shape (n, d) with n >= 1, got {rows.shape}")


def score_in_chunks(rows: np.ndarray, *, width: int, score: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """The scores of rows of shape ``(n, width)``, float64, shape ``(n,)``, without n times everything in memory.

    Raises:
        ValueError: If the rows have another width.
    """
    if rows.ndim != 2 or rows.shape[1] != width:
        raise ValueError(f"rows must have shape (n, {width}), got {rows.shape}")
    scores = np.empty(len(rows))
    for start in range(0, len(rows), CHUNK_ROWS):
        chunk = slice(start, start + CHUNK_ROWS)
        scores[chunk] = score(rows[chunk])
    return scores


def sample_rows(rows: np.ndarray, *, most: int, seed: int) -> np.ndarray:
    """All rows, or a seeded sample of ``most`` of them in their order."""
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(seed).choice(len(rows), most, replace=False))]


def pack_arrays(arrays: Mapping[str, np.ndarray | int | float]) -> bytes:
    """A safetensors file of arrays and numbers."""
    return safetensors.numpy.save({name: np.asarray(value, order="C") for name, value in arrays.items()})


def unpack_arrays(content: bytes, shapes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """What ``pack_arrays`` gave, checked.

    Args:
        content: The file.
        shapes: The arrays that it must have, and how many dimensions each.

    Raises:
        ValueError: If it is no such file, or an array is missing, has other dimensions or is not finite.
    """
    try:
        arrays = safetensors.numpy.load(content)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise ValueError(f"it is not a model file ({error})") from error
    for name, dimensions in shapes.items():
        if name not in arrays:
            raise ValueError(f"the model has no {name}")
        if arrays[name].ndim != dimensions:
            raise ValueError(f"{name} must have {dimensions} dimensions, got shape {arrays[name].shape}")
        if not np.isfinite(arrays[name]).all():
            raise ValueError(f"{name} must be finite")
    return arrays
