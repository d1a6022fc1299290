"""The crops to compare a crop with: the nearest that really are normal of its species, or else what is not flagged."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from cachetools import LRUCache

from core.disk.parquet import read_parquet
from core.records import Decision
from core.review.index import ReviewIndex

# In a large run only a sample of each group is kept: it is read quickly, and the nearest of 400 show what is usual.
SAMPLE = 400
_MOST_SHARDS = 24
_GROUPS_KEPT = 12
_FEW = 3
_MORE = 4


@dataclass(frozen=True)
class Examples:
    """Normal crops that are not of the run, such as those that its bundle was trained on, with raw embeddings.

    ``vectors`` has shape ``(len(crop_ids), d)``.
    """

    crop_ids: Sequence[str]
    vectors: np.ndarray


FindExamples = Callable[[str, str, str], Examples | None]
"""The examples of a kind of crop (detection or frame), of a species, of a camera (for crops without a species)."""


def find_no_examples(kind: str, species: str, camera: str) -> Examples | None:
    """None: there are none."""
    return None


@dataclass(frozen=True)
class Alike:
    """Crops to compare with, nearest first: the row of each in the run, or -1 for an example.

    ``are_normal``: a person called each of them normal, or the bundle was trained on it. Otherwise they are only not
    flagged.
    """

    crop_ids: list[str]
    places: list[int]
    are_normal: bool


@dataclass(frozen=True)
class _Group:
    """Crops of one species (or of one camera, in a run without species)."""

    crop_ids: list[str]
    places: np.ndarray
    vectors: np.ndarray  # (n, d), float32, unit length after centring
    mean: np.ndarray
    spread: np.ndarray


class NormalCrops:
    """Finds the crops to compare with, by embeddings; samples are kept. May be shared by threads.

    Those that are known to be normal come from the verdicts and from ``find_examples``. Only if there are fewer than
    three of them, crops are taken that are neither flagged nor decided.
    """

    def __init__(self, index: ReviewIndex, *, find_examples: FindExamples = find_no_examples) -> None:
        self._index = index
        self._find_examples = find_examples
        self._groups: LRUCache[tuple[str, str, str, int], _Group | None] = LRUCache(_GROUPS_KEPT)
        self._lock = threading.Lock()

    def find(self, place: int, *, n: int = 6) -> Alike:
        """The ``n`` crops nearest to that in row ``place``; fewer if there are few.

        Cosine similarity of the raw embeddings, each number centred and scaled by the group's own mean and spread.
        """
        row = self._index.catalogue.take(np.array([place])).iloc[0]
        key = (str(row["kind"]), str(row["species"]), "" if row["species"] else str(row["deployment"]))
        own = self._read_vectors(int(row["shard"]), [str(row["crop_id"])])
        vector = own.get(str(row["crop_id"]))
        if vector is None:
            return Alike([], [], False)
        for are_normal in (True, False):
            nearest = self._order(self._take_group(key, int(row["shard"]), are_normal=are_normal), vector, place)
            found = nearest if are_normal else self._leave_out_decided(nearest[: _MORE * n])
            if len(found) >= (_FEW if are_normal else 1):
                return Alike([crop_id for crop_id, _ in found[:n]], [at for _, at in found[:n]], are_normal)
        return Alike([], [], False)

    def _take_group(self, key: tuple[str, str, str], shard: int, *, are_normal: bool) -> _Group | None:
        # What is known to be normal changes with each verdict; what is not flagged stays, and is looked through later.
        kept = (*key, self._index.sequence if are_normal else -1)
        with self._lock:
            if kept not in self._groups:
                self._groups[kept] = self._read_group(*key, first_shard=shard, are_normal=are_normal)
            return self._groups[kept]

    def _order(self, group: _Group | None, vector: np.ndarray, place: int) -> list[tuple[str, int]]:
        if group is None or len(vector) != len(group.mean):
            return []
        nearest = np.argsort(-(group.vectors @ _unit((vector - group.mean) / group.spread)), kind="stable")
        return [(group.crop_ids[at], int(group.places[at])) for at in nearest if group.places[at] != place]

    def _leave_out_decided(self, found: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Without those that somebody has called something else than normal meanwhile."""
        if not found:
            return []
        verdicts = self._index.rows([at for _, at in found])["verdict"]
        return [one for one, verdict in zip(found, verdicts, strict=True) if verdict in ("", Decision.NORMAL)]

    def _read_group(self, kind: str, species: str, camera: str, *, first_shard: int, are_normal: bool) -> _Group | None:
        table = self._index.find_normal(kind=kind, species=species, camera=camera, only_decided=are_normal)
        # Reading a shard takes as long for one crop as for all, so whole shards are read until there are enough crops.
        shards = np.unique(table["shard"])
        order = shards[np.argsort([hash_shard(int(shard), first_shard) for shard in shards], kind="stable")]
        crop_ids: list[str] = []
        places: list[int] = []
        vectors: list[np.ndarray] = []
        for shard in order[:_MOST_SHARDS]:
            some = table[table["shard"] == shard].head(SAMPLE)
            found = self._read_vectors(int(shard), some["crop_id"].tolist())
            for crop_id, at in zip(some["crop_id"], some["place"], strict=True):
                if crop_id in found:
                    crop_ids.append(str(crop_id))
                    places.append(int(at))
                    vectors.append(found[crop_id])
            if len(places) >= SAMPLE:
                break
        examples = self._find_examples(kind, species, camera) if are_normal else None
        there = set(crop_ids)
        if examples is not None and (not vectors or examples.vectors.shape[1] == len(vectors[0])):
            for at in np.linspace(0, len(examples.crop_ids) - 1, min(SAMPLE, len(examples.crop_ids))).astype(int):
                if examples.crop_ids[at] not in there:
                    crop_ids.append(examples.crop_ids[at])
                    places.append(-1)
                    vectors.append(examples.vectors[at].astype(np.float32))
        if len(places) < _FEW:
            return None
        stack = np.stack(vectors)
        mean, spread = stack.mean(axis=0), stack.std(axis=0)
        spread[spread < 1e-6] = 1.0
        return _Group(crop_ids, np.array(places, dtype=np.int32), _unit((stack - mean) / spread), mean, spread)

    def _read_vectors(self, shard: int, crop_ids: list[str]) -> dict[str, np.ndarray]:
        paths = {path.stem.rsplit("-", 1)[1]: path for path in self._index.run.tables("embeddings")}
        path = paths.get(f"{shard:05d}")
        if path is None or not path.is_file():
            return {}
        table = read_parquet(path, filters=[("crop_id", "in", crop_ids)])
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
