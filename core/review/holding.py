"""Which verdict holds for each crop of a run, said once, in SQL: for tables in memory as for files."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

# Boxes of one photo that overlap at least this much (intersection over union) are taken for the same animal.
SAME_BOX_IOU = 0.5

HOLDING = f"""
    WITH latest AS (
        SELECT * FROM given QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1),
    overlapping AS (
        SELECT c.place, c.crop_id, g.crop_id AS given_on, g.sequence,
            greatest(0, least(c.x + c.width, g.x + g.width) - greatest(c.x, g.x))
            * greatest(0, least(c.y + c.height, g.y + g.height) - greatest(c.y, g.y)) AS shared,
            shared / nullif(c.width * c.height + g.width * g.height - shared, 0) AS iou
        FROM latest g ANTI JOIN catalogue USING (crop_id)
        JOIN catalogue c ON c.photo_id = g.photo_id AND c.kind = g.kind),
    matches AS (
        SELECT c.place, c.crop_id, c.crop_id AS given_on, g.sequence FROM latest g JOIN catalogue c USING (crop_id)
        UNION ALL
        (SELECT place, crop_id, given_on, sequence FROM overlapping WHERE iou >= {SAME_BOX_IOU}
         QUALIFY row_number() OVER (PARTITION BY given_on ORDER BY iou DESC, crop_id) = 1))
    SELECT * FROM matches QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1"""
"""Over the verdicts ``given`` and the crops ``catalogue``: ``place, crop_id, given_on, sequence``, a row a crop.

A verdict holds for the crop that it was given on; if the run has no such crop, for the one of the same photo and kind
whose box overlaps it most, if enough. Of several the latest holds, also if it takes back. Only numbers are handed on,
so that notes need not be in memory.
"""


def show_holding(connection: duckdb.DuckDBPyConnection, verdicts: Path) -> None:
    """Make the table ``holding`` beside a view ``catalogue``: one row a crop of the run that is decided about.

    For work that must not hold a run in memory.

    Args:
        connection: With the view ``catalogue`` of ``core.runs.catalogue.show_catalogue``.
        verdicts: The Parquet file of ``Store.copy_verdicts``.
    """
    connection.read_parquet(str(verdicts)).create_view("given")
    connection.execute(f"""
        CREATE TABLE holding AS
        SELECT h.crop_id, g.verdict, g.species AS verdict_species, g.note, g.reviewer, g.decided_at
        FROM ({HOLDING}) h JOIN given g USING (sequence) WHERE coalesce(g.verdict, '') <> ''""")


def match_crops(labels: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """The row of ``others`` that shows the same animal as each label, or -1.

    The same crop, or the one of the same photo and kind whose box overlaps most, at least ``SAME_BOX_IOU``. Both
    tables have ``crop_id, photo_id, kind, x, y, width, height``.

    Returns:
        Shape ``(len(labels),)``, int.
    """
    # Of a million crops only the few on the same photos are gone through one by one.
    near = others["photo_id"].isin(labels["photo_id"]) | others["crop_id"].isin(labels["crop_id"])
    places = np.flatnonzero(near.to_numpy(dtype=bool))
    within = _match_near(labels, others.iloc[places])
    return np.where(within >= 0, places[within] if len(places) else -1, -1)


def _match_near(labels: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    place_of = {crop_id: place for place, crop_id in enumerate(others["crop_id"])}
    found = np.array([place_of.get(crop_id, -1) for crop_id in labels["crop_id"]], dtype=int)
    by_photo: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(others["photo_id"], others["kind"].astype(str), strict=True)):
        by_photo.setdefault(key, []).append(place)
    boxes = others[["x", "y", "width", "height"]].to_numpy(dtype=float)
    own = labels[["x", "y", "width", "height"]].to_numpy(dtype=float)
    for i, key in enumerate(zip(labels["photo_id"], labels["kind"].astype(str), strict=True)):
        candidates = by_photo.get(key, [])
        if found[i] < 0 and candidates:
            overlaps = _measure_overlaps(own[i], boxes[candidates])
            if overlaps.max() >= SAME_BOX_IOU:
                found[i] = candidates[int(overlaps.argmax())]
    return found


def _measure_overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (x, y, width, height) with others, shape ``(n,)``."""
    corner = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.prod(np.maximum(corner - np.maximum(box[:2], boxes[:, :2]), 0), axis=1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-12), 0.0)
