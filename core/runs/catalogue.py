"""A run's crops in one table with their photo, event and score, for the queue, the export and the photo route.

Once a run is done, the table is kept as one Arrow file, most anomalous first. A run over a million photos has about
twenty thousand files, and opening them all for each page would take seconds. The file is mapped into memory, so it
opens at once, any row can be read directly, and all processes share the memory.
"""

import os
import re
import shutil
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from cachetools import LRUCache

from core.disk.files import replace_file, temporary_beside, write_whole
from core.disk.parquet import check_parquet
from core.errors import AnomalureError
from core.runs.classified.table import FILE as CLASSIFIED
from core.runs.folder import SCHEMAS, RunFolder
from core.work.progress import Phase

BY_SCORE = "p_value NULLS LAST, score DESC NULLS LAST, crop_id"
"""Most anomalous first: the smallest p-value, and of equal p-values the highest score. ``rank_crops`` says the same."""
# A page needs a few rows from anywhere in the file, so with small batches less is read.
_BATCH_ROWS = 16_384
# To make the table all crops are sorted; beyond this DuckDB uses the disk.
_MOST_MEMORY = "512MB"
MAPPED = "mapped"
_PIECE_BYTES = 1 << 22
# To be increased if the columns or their order change, so that files of older versions are made again.
_FORMAT = 3
# DuckDB takes these signs in a path for a pattern.
_SPECIAL = re.compile(r"([?*\[])")
_TABLE_OF_SHARD = re.compile(r"(?P<name>[a-z_]+)-(?P<shard>\d{5,})\.parquet")
_TEXT, _NUMBER, _WHOLE = pa.string(), pa.float64(), pa.int32()
_COLUMNS: dict[str, pa.DataType] = {
    **dict.fromkeys(("crop_id", "photo_id", "file_name", "deployment"), _TEXT),
    "captured_at": pa.timestamp("us"),
    **dict.fromkeys(("event_id", "kind"), _TEXT),
    **dict.fromkeys(("x", "y", "width", "height"), _NUMBER),
    **dict.fromkeys(("photo_width", "photo_height"), _WHOLE),
    "species": _TEXT,
    **dict.fromkeys(("score", "p_value"), _NUMBER),
    "flagged": pa.bool_(),
    **dict.fromkeys(("judged_by", "judged_against", "detector_class"), _TEXT),
    "detector_confidence": _NUMBER,
    **dict.fromkeys(("shard", "place"), _WHOLE),
}
"""The columns of the kept file, in their order."""
_checked: LRUCache[tuple[str, int, int, int], bool] = LRUCache(64)


class Catalogue:
    """The crops of a run, each with its rank (``place``): 0 is the most anomalous, then as ``BY_SCORE``.

    ``table`` has the columns that ``show_catalogue`` names, in the order of the ranks.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *(batch.num_rows for batch in self._batches)])

    def __len__(self) -> int:
        """How many crops there are."""
        return int(self.table.num_rows)

    def take(self, places: np.ndarray) -> pd.DataFrame:
        """The rows of these ranks, shape ``(n,)``, in that order.

        Raises:
            IndexError: If a rank is out of range.
        """
        places = np.asarray(places, dtype=np.int64)
        if len(places) and not (places.min() >= 0 and places.max() < len(self)):
            raise IndexError(f"places must be from 0 to {len(self) - 1}")
        # Arrow's own take first copies a whole column of texts, which takes a second for a million rows.
        order = np.argsort(places, kind="stable")
        wanted = places[order]
        which = np.searchsorted(self._starts, wanted, side="right") - 1
        parts = [
            self._batches[nth].take(pa.array(wanted[which == nth] - self._starts[nth])) for nth in np.unique(which)
        ]
        rows = pa.Table.from_batches(parts, schema=self.table.schema).to_pandas()
        back = np.empty(len(order), dtype=np.int64)
        back[order] = np.arange(len(order))
        return rows.iloc[back].reset_index(drop=True)


def open_catalogue(run: RunFolder) -> Catalogue:
    """The crops of a run's finished shards; mapped from the kept file once the run is done.

    The kept file is a cache: an empty, cut or damaged one is made anew.

    Raises:
        AnomalureError: If the tables of the run cannot be read.
    """
    kept = find_kept(run)
    if kept is not None:
        table = _map(kept)
        if table is None and _keep(run, kept):
            table = _map(kept)
        if table is not None:
            return Catalogue(table)
    with explain_damage(run), duckdb.connect() as connection:
        _join_tables(connection, run)
        return Catalogue(connection.sql(_PLACED).to_arrow_table())


def _map(path: Path) -> pa.Table | None:
    """The kept table; None if there is none, or it is not what was written.

    It is read where it lies, so one wrong offset in it would end the process, and one wrong bit in a score would stay
    unnoticed. Each file is checked once.
    """
    try:
        about = path.stat()
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        seen = (str(path), about.st_ino, about.st_size, about.st_mtime_ns)
        if seen not in _checked:
            if not table.schema.equals(pa.schema(_COLUMNS)):
                return None
            table.validate(full=True)
            if _sum_of(path).read_text("ascii") != _add_up(path):
                return None
            _checked[seen] = True
    except (OSError, pa.ArrowException, ValueError):
        return None
    return table


@contextmanager
def explain_damage(run: RunFolder) -> Iterator[None]:
    """Within it, tables of the run that are damaged or gone are a sentence."""
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        said = str(error).splitlines()[0][:200]
        raise AnomalureError(
            f"The tables of run {run.run_id} cannot be read ({said}). Put its files back from a copy, or "
            f"{_say_how_to_mend(run, said)}."
        ) from error


def _say_how_to_mend(run: RunFolder, said: str) -> str:
    """What makes the damaged file anew, in the words after "or"; everything else of the run is kept."""
    damaged = _TABLE_OF_SHARD.search(said)
    if "events.parquet" in said or (damaged and damaged["name"] == "scores"):
        return f"resume the run (cli.py run --resume {run.run_id}): it is then scored again"
    if damaged is None:
        return "run the pipeline on these photos again"
    i = int(damaged["shard"])
    return (
        f"delete {run.path / f'done-{i:05d}.json'} and resume the run (cli.py run --resume {run.run_id}): the "
        f"{len(run.shard_files(i)):,} photos of that part are then looked through again, and verdicts are kept"
    )


def keep_catalogue(run: RunFolder) -> bool:
    """Make the kept file of a finished run if it is missing; False if it cannot be kept."""
    kept = find_kept(run)
    return kept is not None and (_map(kept) is not None or _keep(run, kept))


def show_catalogue(connection: duckdb.DuckDBPyConnection, run: RunFolder) -> pa.Table:
    """Make the view ``catalogue`` over a run's finished shards: one row per crop.

    Columns: those of tables crops and scores, ``file_name, deployment, captured_at, photo_width, photo_height,
    event_id, shard`` and ``place``. Texts are never missing but may be empty; score and p-value are missing before
    the run is scored. A cursor of the connection sees the view once the returned table is registered with it, too, as
    ``MAPPED``.
    """
    table = open_catalogue(run).table
    connection.register(MAPPED, table)
    connection.execute(f"CREATE VIEW catalogue AS SELECT * FROM {MAPPED}")
    return table


def read_catalogue(run: RunFolder, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of the catalogue, one row per crop, most anomalous first."""
    return open_catalogue(run).table.select(list(columns)).to_pandas()


def rank_crops(p_values: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Numbers that put crops in the order of the queue: higher is more anomalous, equal for equal crops.

    Args:
        p_values: Shape ``(n,)``; NaN comes last.
        scores: Shape ``(n,)``; they order crops of equal p-values; NaN comes last.

    Returns:
        Shape ``(n,)``, float, finite.

    >>> rank_crops(np.array([0.02, 0.5, 0.02, 1.0]), np.array([3.0, 4.0, 2.0, 0.0]))
    array([3., 1., 2., 0.])
    """
    keys = np.nan_to_num([-np.asarray(p_values, dtype=float), np.asarray(scores, dtype=float)], nan=-np.inf)
    order = np.lexsort(keys[::-1])
    rises = (np.diff(keys[:, order], axis=1) != 0).any(axis=0) if len(order) else np.empty(0, dtype=bool)
    ranks = np.empty(len(order))
    ranks[order] = np.concatenate([[0], np.cumsum(rises)])[: len(order)]
    return ranks


def find_photo(run: RunFolder, photo_id: str) -> str | None:
    """The file name of a photo of the run, relative to its folder; None if the run has no such photo."""
    with explain_damage(run):
        table = open_catalogue(run).table
        place = pc.index(table["photo_id"], photo_id).as_py()
        return None if place < 0 else str(table["file_name"][place].as_py())


def find_kept(run: RunFolder) -> Path | None:
    """The path of the kept file, named by the time at which the run was done; None before that."""
    progress = run.read_progress()
    if progress is None or progress.phase is not Phase.DONE:
        return None
    return run.path / f"catalogue-{_FORMAT}-{int(progress.heartbeat_at * 1000)}.arrow"


def _keep(run: RunFolder, path: Path) -> bool:
    temporary = temporary_beside(path)
    spill = run.path / f"{temporary.name}-spill"
    try:
        with duckdb.connect(config={"memory_limit": _MOST_MEMORY, "temp_directory": str(spill)}) as connection:
            _join_tables(connection, run)
            with connection.sql(_PLACED).to_arrow_reader(_BATCH_ROWS) as reader:
                _write_arrow(reader, reader.schema, temporary)
        total = _add_up(temporary)
        replace_file(temporary, path)
        write_whole(_sum_of(path), total.encode("ascii"), durable=True)
    except (OSError, duckdb.Error, pa.ArrowException):
        # A read-only project, a full disk or damaged tables: the tables are read instead, more slowly, or say why not.
        return False
    finally:
        with suppress(OSError):  # where nothing may be written, to remove what is not there is an error, too
            temporary.unlink(missing_ok=True)
        shutil.rmtree(spill, ignore_errors=True)
    for old in run.path.glob("catalogue-*"):
        if old not in (path, _sum_of(path)):
            with suppress(
                PermissionError
            ):  # on Windows a file that is being read cannot be removed; it is removed the next time
                old.unlink(missing_ok=True)
    return True


def _sum_of(path: Path) -> Path:
    return path.with_suffix(".crc32")


def _add_up(path: Path) -> str:
    total = 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            total = zlib.crc32(piece, total)
    return f"{total:08x}"


def _write_arrow(batches: Iterable[pa.RecordBatch], schema: pa.Schema, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    with path.open("rb+") as written:
        os.fsync(written.fileno())


_PLACED = f"""
    SELECT * EXCLUDE (nth), (nth - 1)::INTEGER AS place
    FROM (SELECT *, row_number() OVER (ORDER BY {BY_SCORE}) AS nth FROM catalogue) ORDER BY nth"""


def _join_tables(connection: duckdb.DuckDBPyConnection, run: RunFolder) -> None:
    progress, n_shards = run.read_progress(), len(run.done_shards())
    is_finished = progress is not None and progress.phase is Phase.DONE
    for name in ("photos", "crops", "events", "scores"):
        if is_finished and len(run.tables(name)) < (1 if name == "events" else n_shards):
            # Crops without their scores or events would be shown and exported as if they had none.
            raise FileNotFoundError(f"there is no {name}{'' if name == 'events' else '-*'}.parquet of every shard")
        if is_finished:
            check_parquet(run.tables(name))  # DuckDB does not look at the checksums
        paths = [_SPECIAL.sub(r"[\1]", str(path)) for path in run.tables(name)]
        if paths:
            connection.read_parquet(paths, filename=name == "crops").create_view(name, replace=True)
        elif name == "crops":
            connection.register(name, SCHEMAS[name].append(pa.field("filename", pa.string())).empty_table())
        else:
            connection.register(name, SCHEMAS[name].empty_table())
    classified = run.path / CLASSIFIED
    if classified.is_file():
        check_parquet([classified])
        connection.read_parquet(_SPECIAL.sub(r"[\1]", str(classified))).create_view("classified", replace=True)
    else:
        connection.register("classified", pa.table({"crop_id": pa.array([], _TEXT), "label": pa.array([], _TEXT)}))
    # Whom a classifier calls people is kept out like those of a detector.
    connection.execute(r"""
        CREATE VIEW catalogue AS
        SELECT c.crop_id, c.photo_id, p.file_name, p.deployment, p.captured_at,
            coalesce(e.event_id, '') AS event_id, c.kind, c.x, c.y, c.width, c.height,
            p.width_px AS photo_width, p.height_px AS photo_height, coalesce(s.species, '') AS species,
            s.score, s.p_value, coalesce(s.flagged, false) AS flagged, coalesce(s.judged_by, '') AS judged_by,
            coalesce(s.judged_against, '') AS judged_against, 
            CASE WHEN k.label IN ('person', 'vehicle') THEN k.label ELSE coalesce(c.detector_class, '') END
                AS detector_class,
            c.detector_confidence, regexp_extract(c.filename, '(\d+)\.parquet$', 1)::INTEGER AS shard
        FROM crops c
        JOIN photos p ON p.photo_id = c.photo_id AND p.duplicate_of IS NULL
        LEFT JOIN events e ON e.photo_id = c.photo_id
        LEFT JOIN scores s ON s.crop_id = c.crop_id
        LEFT JOIN classified k ON k.crop_id = c.crop_id""")
