"""Puts the shards that several workers did to where the shards of every run lie, and settles copies of photos.

A worker knows only its own shard. A photo of which an earlier shard has a copy is noted here as that one's duplicate,
and its crops are taken out, as in a run of one process.
"""

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.disk.files import replace_file, temporary_beside
from core.disk.parquet import read_parquet
from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.runs.shards import HEAT_MAPS, SCHEMAS, SHARD_TABLES
from core.runs.written_shards import WrittenShards

_HASH_BYTES = 16


def settle_shards(run: RunFolder, *, on_shard: Callable[[int], None] = lambda done: None) -> None:
    """Move every written shard to its place in the run. What was moved before stays; it can be repeated after a kill.

    Args:
        run: A run of which every shard is written or in its place.
        on_shard: Gets the number of shards that are in their place.

    Raises:
        AnomalureError: If a shard is missing or damaged.
    """
    written = run.written
    missing = run.list_left()
    if missing:
        raise AnomalureError(
            f"Shards {', '.join(map(str, missing[:5]))}{' and others' if len(missing) > 5 else ''} of run "
            f"{run.run_id} are not done ({len(missing)} of {run.n_shards}). Start workers for them first."
        )
    written.keep_worked()
    firsts = _find_firsts(run)
    for shard in range(run.n_shards):
        try:
            if not run.is_done(shard):
                _settle(run, shard, firsts.get(shard, {}))
        except (OSError, AnomalureError):
            if not run.is_done(shard):  # else another process that finishes the run, too, has moved it meanwhile
                raise
        written.remove(shard)
        on_shard(shard + 1)
    written.remove_leftovers()


def _find_firsts(run: RunFolder) -> dict[int, dict[str, str]]:
    """For each shard its photos of which an earlier shard has a copy: photo id to the name of the first file.

    Only the ids of all photos are in memory, 16 bytes each with 8 for their place; names are read where ids meet twice.
    """
    ids, places = [np.empty(0, dtype=f"S{_HASH_BYTES}")], [np.empty(0, dtype=np.int64)]
    for shard in range(run.n_shards):
        table = read_parquet(_find_photos(run, shard), columns=["photo_id", "duplicate_of"])
        own = table.filter(pc.is_null(table["duplicate_of"]))["photo_id"].to_pylist()
        ids.append(_pack(own))
        places.append(np.full(len(own), shard, dtype=np.int64))
    packed, shards = np.concatenate(ids), np.concatenate(places)
    order = np.argsort(packed, kind="stable")  # stable: of equal ids the one of the earliest shard comes first
    again = np.flatnonzero(packed[order][1:] == packed[order][:-1]) + 1
    if not len(again):
        return {}
    first_of: dict[bytes, int] = {}
    for at in again.tolist():
        first_of.setdefault(_bytes(packed[order[at]]), int(shards[order[at - 1]]))
    later: dict[int, dict[str, str]] = {}
    names = _read_names(run, first_of)
    for at in again.tolist():
        packed_id = _bytes(packed[order[at]])
        later.setdefault(int(shards[order[at]]), {})[packed_id.hex()] = names[packed_id]
    return later


def _pack(photo_ids: list[str]) -> np.ndarray:
    """Hexadecimal ids as bytes, shape ``(n,)``, dtype ``S16``."""
    return np.frombuffer(bytes.fromhex("".join(photo_ids)), dtype=f"S{_HASH_BYTES}")


def _bytes(packed: bytes) -> bytes:
    """NumPy leaves zeros at the end of such a value out."""
    return bytes(packed).ljust(_HASH_BYTES, b"\0")


def _read_names(run: RunFolder, first_of: dict[bytes, int]) -> dict[bytes, str]:
    """The names of the first files."""
    wanted: dict[int, list[bytes]] = {}
    for packed_id, shard in first_of.items():
        wanted.setdefault(shard, []).append(packed_id)
    names: dict[bytes, str] = {}
    for shard, some in wanted.items():
        table = read_parquet(_find_photos(run, shard), columns=["photo_id", "file_name", "duplicate_of"])
        table = table.filter(pc.is_null(table["duplicate_of"]))
        by_id = dict(zip(table["photo_id"].to_pylist(), table["file_name"].to_pylist(), strict=True))
        names.update((packed_id, by_id[packed_id.hex()]) for packed_id in some)
    return names


def _find_photos(run: RunFolder, shard: int) -> Path:
    """The shard's table of photos: in its place, or where its worker wrote it; a kill may have left it in both."""
    there = run.written.place(shard) / "photos.parquet"
    return there if not run.is_done(shard) and there.is_file() else run.shard_path("photos", shard)


def _settle(run: RunFolder, shard: int, copies: dict[str, str]) -> None:
    account = run.written.read_account(shard)
    if copies:
        tables = _take_out(run.written, shard, copies)
        over_limit = sum(n for photo_id, n in account.over_limit.items() if photo_id not in copies)
        run.write_shard(shard, tables, boxes_over_limit=over_limit)
        return
    for name in (*SHARD_TABLES, HEAT_MAPS):
        source, target = run.written.place(shard) / f"{name}.parquet", run.shard_path(name, shard)
        if source.is_file():
            # Copied where a file cannot have two names: whoever finishes at the same time finds the shard whole.
            _put(source, target)
        elif name != HEAT_MAPS:
            raise AnomalureError(
                f"{source} is missing. Delete the folder {source.parent} and start a worker again: its photos are then "
                "processed again."
            )
    run.write_counts(shard, account.counts)


def _put(source: Path, target: Path) -> None:
    temporary = temporary_beside(target)
    try:
        with suppress(OSError):
            temporary.hardlink_to(source)
        if not temporary.exists():
            shutil.copyfile(source, temporary)
        replace_file(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def _take_out(written: WrittenShards, shard: int, copies: dict[str, str]) -> dict[str, pa.Table]:
    """The shard's tables without the crops of photos of which an earlier shard has a copy."""
    gone = pa.array(list(copies), pa.string())
    tables: dict[str, pa.Table] = {}
    for name in (*SHARD_TABLES, HEAT_MAPS):
        path = written.place(shard) / f"{name}.parquet"
        if path.is_file():
            tables[name] = read_parquet(path, schema=None if name == "embeddings" else SCHEMAS[name])
    photos = tables["photos"]
    firsts = [
        copies.get(photo_id, first)
        for photo_id, first in zip(photos["photo_id"].to_pylist(), photos["duplicate_of"].to_pylist(), strict=True)
    ]
    at = photos.schema.get_field_index("duplicate_of")
    tables["photos"] = photos.set_column(at, photos.schema.field(at), pa.array(firsts, pa.string()))
    crops = tables["crops"]
    crop_ids = crops.filter(pc.is_in(crops["photo_id"], value_set=gone))["crop_id"].combine_chunks()
    for name in ("detections", "crops"):
        tables[name] = tables[name].filter(pc.invert(pc.is_in(tables[name]["photo_id"], value_set=gone)))
    for name in ("embeddings", HEAT_MAPS):
        if name in tables:
            tables[name] = tables[name].filter(pc.invert(pc.is_in(tables[name]["crop_id"], value_set=crop_ids)))
    return {name: table for name, table in tables.items() if name != HEAT_MAPS or table.num_rows}
