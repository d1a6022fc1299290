"""A run's crops in one table, with their photo, event and score: what the queue, the export and the photo route read.

Of a run that is done the table is kept as one Parquet file, most anomalous first: a run over a million photos is
some twenty thousand files, and opening them all for each page takes seconds.
"""

import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import duckdb
import pandas as pd

from core.files import replace_file, temporary_beside
from core.progress import Phase
from core.runs import SCHEMAS, RunFolder

BY_SCORE = "score DESC NULLS LAST, crop_id"
# A page needs the first few rows: small groups let DuckDB leave the rest unread.
_ROW_GROUP = 20_000
# Making it sorts all crops; beyond this DuckDB uses the disk.
_MOST_MEMORY = "512MB"


def show_catalogue(connection: duckdb.DuckDBPyConnection, run: RunFolder) -> None:
    """Make the view ``catalogue`` over a run's finished shards: one row a crop.

    Columns: those of tables crops and scores, ``file_name, deployment, captured_at, photo_width, photo_height,
    event_id``. Texts are never missing but may be empty; score and p-value are missing before the run is scored.
    """
    kept = _kept_path(run)
    if kept is not None and (kept.is_file() or _keep(run, kept)):
        connection.read_parquet(str(kept)).create_view("catalogue")
    else:
        _join_tables(connection, run)


def read_catalogue(run: RunFolder, columns: Sequence[str]) -> pd.DataFrame:
    """These columns of the view ``catalogue``, one row a crop, most anomalous first."""
    with duckdb.connect() as connection:
        show_catalogue(connection, run)
        return connection.execute(f"SELECT {', '.join(columns)} FROM catalogue ORDER BY {BY_SCORE}").df()


def find_photo(run: RunFolder, photo_id: str) -> str | None:
    """The file name of a photo of the run, relative to its folder; None if the run has not judged such a photo."""
    with duckdb.connect() as connection:
        show_catalogue(connection, run)
        row = connection.execute("SELECT file_name FROM catalogue WHERE photo_id = ? LIMIT 1", [photo_id]).fetchone()
    return None if row is None else str(row[0])


def _kept_path(run: RunFolder) -> Path | None:
    """Where the kept table is, named by the moment at which the run was done; None while it is not done."""
    progress = run.read_progress()
    if progress is None or progress.phase is not Phase.DONE:
        return None
    return run.path / f"catalogue-{int(progress.heartbeat_at * 1000)}.parquet"


def _keep(run: RunFolder, path: Path) -> bool:
    temporary = temporary_beside(path)
    spill = run.path / f"{temporary.name}-spill"
    try:
        with duckdb.connect(config={"memory_limit": _MOST_MEMORY, "temp_directory": str(spill)}) as connection:
            _join_tables(connection, run)
            connection.execute(f"COPY (SELECT * FROM catalogue ORDER BY {BY_SCORE}) TO '{_quoted(temporary)}' "
                               f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})")  # fmt: skip
        replace_file(temporary, path)
    except (OSError, duckdb.IOException, duckdb.OutOfMemoryException):
        return False  # a project that can only be read, or a full disk: the tables do, more slowly
    finally:
        temporary.unlink(missing_ok=True)
        shutil.rmtree(spill, ignore_errors=True)
    for old in run.path.glob("catalogue-*.parquet"):
        if old != path:
            with suppress(PermissionError):  # on Windows while somebody reads it; the next one sweeps it away
                old.unlink(missing_ok=True)
    return True


def _join_tables(connection: duckdb.DuckDBPyConnection, run: RunFolder) -> None:
    for name in ("photos", "crops", "events", "scores"):
        paths = [str(path) for path in run.tables(name)]
        if paths:
            connection.read_parquet(paths).create_view(name, replace=True)
        else:
            connection.register(name, SCHEMAS[name].empty_table())
    connection.execute("""
        CREATE VIEW catalogue AS
        SELECT c.crop_id, c.photo_id, p.file_name, p.deployment, p.captured_at,
            coalesce(e.event_id, '') AS event_id, c.kind, c.x, c.y, c.width, c.height,
            p.width_px AS photo_width, p.height_px AS photo_height, coalesce(s.species, '') AS species,
            s.score, s.p_value, coalesce(s.flagged, false) AS flagged, coalesce(s.judged_by, '') AS judged_by,
            coalesce(s.judged_against, '') AS judged_against, coalesce(c.detector_class, '') AS detector_class,
            c.detector_confidence
        FROM crops c
        JOIN photos p ON p.photo_id = c.photo_id AND p.duplicate_of IS NULL
        LEFT JOIN events e ON e.photo_id = c.photo_id
        LEFT JOIN scores s ON s.crop_id = c.crop_id""")


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
