"""The review queue: a run's crops, most anomalous first, with the verdicts that were ever given on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa

from core.catalogue import BY_SCORE, show_catalogue
from core.formats.exported import EXPORT_COLUMNS
from core.records import Decision
from core.runs import RunFolder
from core.store import to_utc

# Boxes of one photo that overlap at least this much (intersection over union) are taken for the same animal.
SAME_BOX_IOU = 0.5

ORDERS = {
    "score": BY_SCORE,
    "time": "captured_at NULLS LAST, file_name, crop_id",
    "file": "file_name, crop_id",
}
"""How a queue can be ordered: most anomalous first, oldest first, by file name."""

QUEUE_COLUMNS = (
    "crop_id", "photo_id", "file_name", "deployment", "captured_at", "event_id", "kind", "x", "y", "width", "height",
    "photo_width", "photo_height", "species", "score", "p_value", "flagged", "judged_by", "judged_against",
    "detector_class", "detector_confidence", "verdict", "verdict_species", "note", "reviewer", "decided_at",
    "verdict_crop_id", "run", "bundle", "false_alarm_rate")  # fmt: skip
"""Columns of ``ReviewQueue.rows``. Texts are never missing but may be empty; ``verdict`` is empty while undecided,
``score`` and ``p_value`` are NaN before the run is scored, ``decided_at`` is in UTC, boxes are in pixels of the
upright photo, whose size is ``photo_width`` x ``photo_height``. ``verdict_crop_id`` is the crop that the verdict was
given on, of another run if the box is not quite the same."""


@dataclass(frozen=True)
class ReviewQueue:
    """One page of a run's crops, and how many there are.

    ``rows`` has the columns ``QUEUE_COLUMNS``. ``total`` crops match all the filters; ``n_selected`` match all but
    ``undecided_only``, and ``n_decided`` of those have a verdict: "12 of 40 reviewed". ``n_flagged`` crops of the
    species and camera are flagged, whatever the other filters.
    """

    rows: pd.DataFrame
    total: int = 0
    n_selected: int = 0
    n_decided: int = 0
    n_flagged: int = 0
    offset: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no crop matches."""
        return self.total == 0

    @classmethod
    def empty(cls) -> "ReviewQueue":
        """A queue of no run."""
        return cls(rows=pd.DataFrame(columns=list(QUEUE_COLUMNS)))


def read_queue(
    run: RunFolder,
    verdicts: pd.DataFrame,
    *,
    species: str | None = None,
    camera: str | None = None,
    flagged_only: bool = True,
    undecided_only: bool = False,
    decided_since: datetime | None = None,
    order: str = "score",
    limit: int = 60,
    offset: int = 0,
    false_alarm_rate: float | None = None,
) -> ReviewQueue:
    """One page of a run's crops.

    Args:
        run: The run; of one under way, the finished shards.
        verdicts: Every verdict ever given, ``Store.verdicts()``.
        species: Only crops taken for this species.
        camera: Only crops of this deployment.
        flagged_only: Only crops whose p-value is at most the false-alarm rate.
        undecided_only: Only crops without a verdict.
        decided_since: With ``undecided_only``, keep also the crops whose verdict was given at this moment or later
            (UTC if it has no zone), so that a page stays as it is while somebody decides about its crops.
        order: One of ``ORDERS``.
        limit: Most rows of a page, >= 0.
        offset: Rows before the page, >= 0.
        false_alarm_rate: Flag by this rate rather than by the run's own, 0 to 1.

    Raises:
        ValueError: If ``order`` is unknown or a number is out of range.
    """
    if order not in ORDERS:
        raise ValueError(f"order must be one of {', '.join(ORDERS)}, got {order!r}")
    if limit < 0 or offset < 0:
        raise ValueError(f"limit and offset must be at least 0, got {limit} and {offset}")
    chosen = {"species": species, "deployment": camera}
    where = [f"{column} = ?" for column, value in chosen.items() if value is not None] or ["true"]
    values = [value for value in chosen.values() if value is not None]
    in_selection = "flagged" if flagged_only else "true"
    in_page = f"{in_selection} AND (verdict = '' OR decided_at >= ?)" if undecided_only else in_selection
    since = [to_utc(decided_since) if decided_since else datetime.max] if undecided_only else []
    with _QueueTables(run, verdicts, false_alarm_rate) as connection:
        counts = connection.execute(
            f"""SELECT count(*) FILTER ({in_page}), count(*) FILTER ({in_selection}),
                       count(*) FILTER ({in_selection} AND verdict <> ''), count(*) FILTER (flagged)
                FROM queue WHERE {' AND '.join(where)}""", [*since, *values]).fetchone()  # fmt: skip
        rows = connection.execute(
            f"""SELECT {', '.join(QUEUE_COLUMNS)} FROM queue WHERE {' AND '.join(where)} AND {in_page}
                ORDER BY {ORDERS[order]} LIMIT {limit:d} OFFSET {offset:d}""", [*values, *since]).df()  # fmt: skip
    total, n_selected, n_decided, n_flagged = counts or (0, 0, 0, 0)
    return ReviewQueue(rows=rows, total=total, n_selected=n_selected, n_decided=n_decided, n_flagged=n_flagged,
                       offset=offset)  # fmt: skip


def read_crop(run: RunFolder, verdicts: pd.DataFrame, crop_id: str) -> dict[str, Any] | None:
    """The row of one crop of a run, by ``QUEUE_COLUMNS``; None if the run has no such crop."""
    with _QueueTables(run, verdicts, None) as connection:
        rows = connection.execute(f"SELECT {', '.join(QUEUE_COLUMNS)} FROM queue WHERE crop_id = ?", [crop_id]).df()
    return None if rows.empty else {str(name): value for name, value in rows.iloc[0].to_dict().items()}


def read_values(run: RunFolder, column: str) -> dict[str, int]:
    """How many crops of the run there are by ``species`` or ``deployment``, in the order of the names."""
    if column not in ("species", "deployment"):
        raise ValueError(f"column must be species or deployment, got {column!r}")
    with _QueueTables(run, None, None) as connection:
        return dict(connection.execute(
            f"SELECT {column}, count(*) FROM queue WHERE {column} <> '' GROUP BY 1 ORDER BY 1").fetchall())  # fmt: skip


def export_rows(
    run: RunFolder, verdicts: pd.DataFrame, *, reviewed_anomalies_only: bool = True, rows_a_table: int = 50_000
) -> Iterator[pd.DataFrame]:
    """A run's crops with the columns ``EXPORT_COLUMNS``, most anomalous first, table by table; at least one table."""
    where = f"verdict = '{Decision.ANOMALY}'" if reviewed_anomalies_only else "true"
    with _QueueTables(run, verdicts, None) as connection:
        result = connection.sql(f"SELECT {', '.join(EXPORT_COLUMNS)} FROM queue WHERE {where} "
                                f"ORDER BY {ORDERS['score']}")  # fmt: skip
        batches = result.to_arrow_reader(rows_a_table)
        empty = True
        for batch in batches:
            empty = False
            yield pa.Table.from_batches([batch]).to_pandas()
        if empty:
            yield batches.schema.empty_table().to_pandas()


class _QueueTables:
    """A DuckDB in memory with a view ``queue`` of a run's crops and their verdicts, for one piece of work."""

    def __init__(self, run: RunFolder, verdicts: pd.DataFrame | None, false_alarm_rate: float | None) -> None:
        self._run = run
        self._verdicts = verdicts
        if false_alarm_rate is not None and not 0 <= false_alarm_rate <= 1:
            raise ValueError(f"false_alarm_rate must be between 0 and 1, got {false_alarm_rate}")
        self._rate = false_alarm_rate

    def __enter__(self) -> duckdb.DuckDBPyConnection:
        self._connection = connection = duckdb.connect()
        try:
            show_catalogue(connection, self._run)
            self._decide()
            info = self._run.info
            connection.register("of_run", pa.table({
                "run": [self._run.run_id], "bundle": [info.bundle],
                "rate": pa.array([self._rate], pa.float64()),
                "own_rate": pa.array([info.settings.get("false_alarm_rate")], pa.float64())}))  # fmt: skip
            connection.execute("""
                CREATE VIEW queue AS
                SELECT c.* REPLACE (
                        CASE WHEN rate IS NULL THEN flagged ELSE coalesce(p_value <= rate, false) END AS flagged),
                    coalesce(d.verdict, '') AS verdict, coalesce(d.verdict_species, '') AS verdict_species,
                    coalesce(d.note, '') AS note, coalesce(d.reviewer, '') AS reviewer, d.decided_at,
                    coalesce(d.given_on, '') AS verdict_crop_id, run, bundle,
                    coalesce(rate, own_rate) AS false_alarm_rate
                FROM catalogue c LEFT JOIN decided d ON d.crop_id = c.crop_id CROSS JOIN of_run""")
        except BaseException:
            connection.close()
            raise
        return connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _decide(self) -> None:
        """Table ``decided``: the verdict that holds for a crop of this run.

        A verdict holds for the crop that it was given on; if this run has no such crop, for the one of the same
        photo and kind whose box overlaps it most, if enough. Of several the latest holds, also if it takes back.
        """
        self._connection.register("given", _empty_verdicts() if self._verdicts is None else self._verdicts)
        self._connection.execute(f"""
            CREATE TABLE decided AS
            WITH latest AS (
                SELECT * FROM given QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1),
            overlapping AS (
                SELECT c.crop_id, g.crop_id AS given_on, g.sequence,
                    greatest(0, least(c.x + c.width, g.x + g.width) - greatest(c.x, g.x))
                    * greatest(0, least(c.y + c.height, g.y + g.height) - greatest(c.y, g.y)) AS shared,
                    shared / nullif(c.width * c.height + g.width * g.height - shared, 0) AS iou
                FROM latest g ANTI JOIN catalogue USING (crop_id)
                JOIN catalogue c ON c.photo_id = g.photo_id AND c.kind = g.kind),
            matches AS (
                SELECT c.crop_id, c.crop_id AS given_on, g.sequence FROM latest g JOIN catalogue c USING (crop_id)
                UNION ALL
                (SELECT crop_id, given_on, sequence FROM overlapping WHERE iou >= {SAME_BOX_IOU}
                 QUALIFY row_number() OVER (PARTITION BY given_on ORDER BY iou DESC, crop_id) = 1)),
            holding AS (
                SELECT * FROM matches QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1)
            SELECT h.crop_id, h.given_on, g.verdict, g.species AS verdict_species, g.note, g.reviewer, g.decided_at
            FROM holding h JOIN latest g USING (sequence) WHERE g.verdict <> ''""")


def _empty_verdicts() -> pa.Table:
    texts = ("photo_id", "crop_id", "kind", "verdict", "species", "note", "reviewer")
    numbers = ("x", "y", "width", "height")
    return pa.schema([*((name, pa.string()) for name in texts), *((name, pa.float64()) for name in numbers),
                      ("sequence", pa.int64()), ("decided_at", pa.timestamp("us"))]).empty_table()  # fmt: skip
