"""Scores whole frames of a fixed camera by how far their most unusual patch is from the camera's normal patches."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models.one_class.scored_rows import check_training_rows, pack_arrays, sample_rows, unpack_arrays

MOST_PATCHES = 10_000
CHUNK = 128
"""Patches that are compared at once; their similarities to a full bank take 5 MB."""
ID_BYTES = 8
LEAST_LENGTH = 1e-6


@dataclass(frozen=True)
class PatchBank:
    """Patches of normal frames, of length 1 each.

    Source: Roth et al., Towards Total Recall in Industrial Anomaly Detection (PatchCore), CVPR 2022; the bank is a
    seeded sample in place of a core set, and the distance is the cosine distance.
    """

    patches: np.ndarray  # (m, d), float16

    @classmethod
    def fit(cls, maps: np.ndarray, *, most: int = MOST_PATCHES, seed: int = 0) -> "PatchBank":
        """Keep the patches of normal frames, or a seeded sample if there are very many.

        Args:
            maps: Shape ``(n, h, w, d)``, n >= 1, finite.
            most: How many patches to keep.
            seed: Seed of the sample.

        Raises:
            ValueError: If the shape is wrong.
        """
        patches = _as_rows(maps)
        check_training_rows(patches)
        return cls(_to_unit_length(sample_rows(patches, most=most, seed=seed)).astype(np.float16))

    @cached_property
    def bank_id(self) -> str:
        """A hash of its content, 16 hex digits. Distances to banks with different hashes cannot be compared."""
        content = np.ascontiguousarray(self.patches).tobytes()
        return hashlib.blake2b(content, digest_size=ID_BYTES).hexdigest()

    def measure_distances(self, maps: np.ndarray) -> np.ndarray:
        """Cosine distance of each patch to the nearest of the bank: the heat map, shape ``(n, h, w)``, 0 to 2.

        float16, as runs store it, so that held-out and scored frames are rounded alike. Higher is more anomalous.

        Raises:
            ValueError: If the patches have another length.
        """
        patches = _as_rows(maps)
        if patches.shape[1] != self.patches.shape[1]:
            raise ValueError(f"maps must have shape (n, h, w, {self.patches.shape[1]}), got {maps.shape}")
        bank = self.patches.astype(np.float32).T
        distances = np.empty(len(patches), np.float16)
        for start in range(0, len(patches), CHUNK):
            chunk = slice(start, start + CHUNK)
            distances[chunk] = np.maximum(1 - (_to_unit_length(patches[chunk]) @ bank).max(axis=1), 0)
        return distances.reshape(maps.shape[:3])

    def score_maps(self, maps: np.ndarray) -> np.ndarray:
        """The distance of the most distant patch of each frame, shape ``(n,)``; higher is more anomalous."""
        return self.measure_distances(maps).reshape(len(maps), -1).max(axis=1, initial=0).astype(np.float64)

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays({"patches": self.patches})

    @classmethod
    def from_bytes(cls, content: bytes) -> "PatchBank":
        """The bank from the bytes of ``to_bytes``; ValueError if they are something else."""
        return cls(unpack_arrays(content, {"patches": "md"})["patches"].astype(np.float16))


def _as_rows(maps: np.ndarray) -> np.ndarray:
    """One row per patch, shape ``(n * h * w, d)``, unchanged."""
    maps = np.asarray(maps)
    if maps.ndim != 4:
        raise ValueError(f"maps must have shape (n, h, w, d), got {maps.shape}")
    return maps.reshape(-1, maps.shape[3])


def _to_unit_length(patches: np.ndarray) -> np.ndarray:
    """Rows of length 1, float32; the input is left unmodified."""
    patches = patches.astype(np.float32)
    return patches / np.maximum(np.linalg.norm(patches, axis=1, keepdims=True), LEAST_LENGTH)
