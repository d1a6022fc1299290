"""Which verdict holds for a crop, and which boxes count as the same animal. Both rules are only here.

Verdicts up to and including the last one that takes back are void. Of the rest, the latest that a reviewer gave on the
crop itself holds; if there is none, the latest that was given to a group (``given_to``). A blind second verdict never
holds. ``core.store.rule`` has the same in SQL.

A verdict is about an animal: it holds for the crop that it was given on. In a run without that crop, it holds for the
crop of the same photo and kind whose box overlaps it most, if they overlap by at least ``SAME_BOX_IOU``. All verdicts
on one animal count together.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa

from core.disk.memory import connect_memory
from core.records import Round
from core.store.rule import find_holding, find_taking_back

SAME_BOX_IOU = 0.5
"""Boxes of one photo that overlap at least this much (intersection over union) count as the same animal."""
HOLDING_ROUNDS = (Round.FIRST, Round.SETTLED)

_SAME_ANIMAL = f"""
    latest AS (
        SELECT * FROM given QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1),
    overlapping AS (
        SELECT c.place, c.crop_id, g.crop_id AS given_on,
            greatest(0, least(c.x + c.width, g.x + g.width) - greatest(c.x, g.x))
            * greatest(0, least(c.y + c.height, g.y + g.height) - greatest(c.y, g.y)) AS shared,
            shared / nullif(c.width * c.height + g.width * g.height - shared, 0) AS iou
        FROM latest g ANTI JOIN catalogue USING (crop_id)
        JOIN catalogue c ON c.photo_id = g.photo_id AND c.kind = g.kind),
    matches AS (
        SELECT c.place, c.crop_id, c.crop_id AS given_on FROM latest g JOIN catalogue c USING (crop_id)
        UNION ALL
        (SELECT place, crop_id, given_on FROM overlapping WHERE iou >= {SAME_BOX_IOU}
         QUALIFY row_number() OVER (PARTITION BY given_on ORDER BY iou DESC, crop_id) = 1))"""

HOLDING = f"""
    WITH {_SAME_ANIMAL},
    heard AS (
        SELECT m.place, any_value(m.crop_id) AS crop_id, {find_holding("g")} AS sequence,
            {find_taking_back("g")} AS takes_back
        FROM matches m JOIN given g ON g.crop_id = m.given_on GROUP BY m.place)
    SELECT h.place, h.crop_id, g.crop_id AS given_on, h.sequence, h.takes_back
    FROM heard h JOIN given g USING (sequence)"""
"""SQL over the verdicts ``given`` and the crops ``catalogue``, a crop a row: ``place, crop_id, given_on, sequence,
takes_back``.

``given`` are rows of the first round or settled ones. ``sequence`` is that of the verdict that holds, or of the last
that takes back if none holds; ``takes_back`` says whether any of ``given`` on this crop does. Notes are not returned,
so that they need not be in memory.
"""

_CROP = pa.schema(
    [
        *((name, pa.string()) for name in ("crop_id", "photo_id", "kind")),
        *((name, pa.float64()) for name in ("x", "y", "width", "height")),
    ]
)


def show_holding(connection: duckdb.DuckDBPyConnection, verdicts: Path) -> None:
    """Make the table ``holding`` beside a view ``catalogue``: one row for each crop of the run that has a verdict.

    For work that must not load a whole run into memory.

    Args:
        connection: Has the view ``catalogue`` of ``core.runs.catalogue.show_catalogue``.
        verdicts: The Parquet file of ``Store.copy_verdicts``.
    """
    connection.read_parquet(str(verdicts)).create_view("given")
    connection.execute(f"""
        CREATE TABLE holding AS
        SELECT h.crop_id, g.verdict, g.species AS verdict_species, g.note, g.reviewer, g.decided_at, g.given_to
        FROM ({HOLDING}) h JOIN given g USING (sequence) WHERE coalesce(g.verdict, '') <> ''""")


def take_latest(
    verdicts: pd.DataFrame, *, by: Sequence[str] = ("crop_id",), rounds: Sequence[Round] = HOLDING_ROUNDS
) -> pd.DataFrame:
    """The verdicts that hold, oldest first, without those that were taken back.

    Args:
        verdicts: As ``Store.verdicts()`` gives them, with or without second verdicts.
        by: Columns; one verdict for each of their values holds, such as each reviewer's on a crop for
            ``("crop_id", "reviewer")``.
        rounds: Which rounds count.
    """
    counted = verdicts[verdicts["round"].isin([str(one) for one in rounds])]
    valid = counted[counted["sequence"] > find_last_taken_back(counted, by=by)]
    ordered = valid.iloc[np.lexsort((valid["sequence"], valid["given_to"] == ""))]  # own verdicts last
    return ordered.drop_duplicates(list(by), keep="last").sort_values("sequence").reset_index(drop=True)


def find_last_taken_back(verdicts: pd.DataFrame, *, by: Sequence[str] = ("crop_id",)) -> np.ndarray:
    """For each row the ``sequence`` of the last row that takes back verdicts with the same values of ``by``, or 0.

    Returns:
        Shape ``(len(verdicts),)``, int. Rows up to this number are void.
    """
    taken_back = verdicts["sequence"].where(verdicts["verdict"] == "", 0)
    if not taken_back.any():
        return np.zeros(len(verdicts), dtype=int)
    return taken_back.groupby([verdicts[name] for name in by]).transform("max").to_numpy(dtype=int)


def match_crops(crops: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """The row of ``others`` that shows the same animal as each row of ``crops``, or -1.

    Both tables have ``crop_id, photo_id, kind, x, y, width, height``; crops with the same id are the same.

    Returns:
        Shape ``(len(crops),)``, int.
    """
    # Only the crops on the same photos are compared: few, even of a million.
    near = others["photo_id"].isin(crops["photo_id"]) | others["crop_id"].isin(crops["crop_id"])
    rows = np.flatnonzero(near.to_numpy(dtype=bool))
    with connect_memory() as connection:
        connection.register("given", _to_arrow(crops, "sequence", np.arange(len(crops))))
        connection.register("catalogue", _to_arrow(others.iloc[rows], "place", rows))
        found = connection.execute(f"WITH {_SAME_ANIMAL} SELECT given_on, place FROM matches").fetchall()
    place_of = dict(found)
    return np.array([place_of.get(crop_id, -1) for crop_id in crops["crop_id"]], dtype=int)


def _to_arrow(crops: pd.DataFrame, name: str, numbers: np.ndarray) -> pa.Table:
    typed = crops[_CROP.names].assign(kind=crops["kind"].astype(str))
    return pa.Table.from_pandas(typed, schema=_CROP, preserve_index=False).append_column(name, pa.array(numbers))
