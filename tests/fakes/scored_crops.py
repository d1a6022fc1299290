"""Crops with made-up embeddings, for the tests of what judges them."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from core.records import CropKind

WIDTH = 24
SECTIONS = (16, 8)


def draw_species(species: int, n: int, *, seed: int, spread: float = 1.0) -> np.ndarray:
    """Embeddings of one made-up species, shape ``(n, 24)``, float32: a place of its own, and noise around it."""
    place = np.random.default_rng(1_000 + species).normal(size=WIDTH) * 2
    return (place + spread * np.random.default_rng(seed).normal(size=(n, WIDTH))).astype(np.float32)


def unit_rows(n: int, *, width: int = 12, seed: int = 0, around: int = 0) -> np.ndarray:
    """Normalised rows of one species, shape ``(n, width)``, float32: spread around the axis ``around``."""
    rows = np.random.default_rng(seed).normal(size=(n, width)) * 0.4
    rows[:, around] += 1
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


class Shards:
    """A run's crops in memory; counts how often it was gone through."""

    def __init__(self, pairs: Sequence[tuple[pd.DataFrame, np.ndarray]]) -> None:
        self._pairs = list(pairs)
        self.passes = 0

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        self.passes += 1
        yield from self._pairs


def make_crops(
    embeddings: np.ndarray,
    *,
    deployment: str = "north",
    kind: CropKind = CropKind.DETECTION,
    detector_class: str = "animal",
    name: str = "crop",
    photos: Sequence[str] | None = None,
) -> tuple[pd.DataFrame, np.ndarray]:
    """One shard; each crop has a photo of its own unless ``photos`` says otherwise."""
    n = len(embeddings)
    table = pd.DataFrame(
        {
            "crop_id": [f"{name}-{i}" for i in range(n)],
            "photo_id": list(photos) if photos is not None else [f"{name}-photo-{i}" for i in range(n)],
            "kind": str(kind),
            "x": 0.0,
            "y": 0.0,
            "width": 10.0,
            "height": 10.0,
            "detector_class": detector_class,
            "detector_confidence": 0.9,
            "deployment": deployment,
        }
    )
    return table, embeddings.astype(np.float32)
