"""The normal crops that look most like a crop: "what this species usually looks like"."""

import threading
from dataclasses import dataclass

import numpy as np
import pyarrow.parquet as pq
from cachetools import LRUCache

from core.review.index import ReviewIndex

# In a large run only a sample of each group is kept: it is read quickly, and the nearest of 400 show what is usual.
SAMPLE = 400
_MOST_SHARDS = 24
_GROUPS_KEPT = 12
_FEW = 3


@dataclass(frozen=True)
class _Group:
    """Normal crops of one species (or of one camera, in a run without species)."""

    places: np.ndarray
    vectors: np.ndarray  # (n, d), float32, unit length after centring
    mean: np.ndarray
    spread: np.ndarray


class NormalCrops:
    """Finds the nearest normal crops of a run, from its embeddings; samples are kept. May be shared by threads.

    A crop is normal if a reviewer says so, or if it is not flagged and has no other verdict.
    """

    def __init__(self, index: ReviewIndex) -> None:
        self._index = index
        self._groups: LRUCache[tuple[str, str, str], _Group | None] = LRUCache(_GROUPS_KEPT)
        self._lock = threading.Lock()

    def find(self, place: int, *, n: int = 6) -> np.ndarray:
        """The rows of the ``n`` normal crops nearest to that in row ``place``, nearest first; fewer if there are few.

        Cosine similarity of the raw embeddings, each number centred and scaled by the group's own mean and spread.
        """
        row = self._index.catalogue.take(np.array([place])).iloc[0]
        key = (str(row["kind"]), str(row["species"]), "" if row["species"] else str(row["deployment"]))
        with self._lock:
            if key not in self._groups:
                self._groups[key] = self._read_group(*key, first_shard=int(row["shard"]))
            group = self._groups[key]
        own = self._read_vectors(int(row["shard"]), [str(row["crop_id"])])
        if group is None or not own:
            return np.empty(0, dtype=np.int32)
        vector = _unit((own[str(row["crop_id"])] - group.mean) / group.spread)
        nearest = np.argsort(-(group.vectors @ vector), kind="stable")
        return group.places[nearest[group.places[nearest] != place][:n]]

    def _read_group(self, kind: str, species: str, camera: str, *, first_shard: int) -> _Group | None:
        table = self._index.find_normal(kind=kind, species=species, camera=camera)
        if len(table) < _FEW:
            return None
        # Reading a shard takes as long for one crop as for all, so whole shards are read until there are enough crops.
        shards = np.unique(table["shard"])
        order = shards[np.argsort([hash_shard(int(shard), first_shard) for shard in shards], kind="stable")]
        places: list[int] = []
        vectors: list[np.ndarray] = []
        for shard in order[:_MOST_SHARDS]:
            some = table[table["shard"] == shard].head(SAMPLE)
            found = self._read_vectors(int(shard), some["crop_id"].tolist())
            for crop_id, at in zip(some["crop_id"], some["place"], strict=True):
                if crop_id in found:
                    places.append(int(at))
                    vectors.append(found[crop_id])
            if len(places) >= SAMPLE:
                break
        if len(places) < _FEW:
            return None
        stack = np.stack(vectors)
        mean, spread = stack.mean(axis=0), stack.std(axis=0)
        spread[spread < 1e-6] = 1.0
        return _Group(np.array(places, dtype=np.int32), _unit((stack - mean) / spread), mean, spread)

    def _read_vectors(self, shard: int, crop_ids: list[str]) -> dict[str, np.ndarray]:
        paths = {path.stem.rsplit("-", 1)[1]: path for path in self._index.run.tables("embeddings")}
        path = paths.get(f"{shard:05d}")
        if path is None or not path.is_file():
            return {}
        table = pq.read_table(path, filters=[("crop_id", "in", crop_ids)])
        column = table.column("embedding").combine_chunks()
        if not len(table):
            return {}
        values = column.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
        return dict(zip(table["crop_id"].to_pylist(), values.reshape(len(table), -1), strict=True))


def hash_shard(shard: int, first: int) -> int:
    """A sort key that takes the shards from all over the run, always in the same order, and the crop's own first."""
    return -1 if shard == first else (shard * 2654435761) % 2**32


def _unit(vectors: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: np.ndarray = vectors / np.maximum(length, 1e-12)
    return unit
