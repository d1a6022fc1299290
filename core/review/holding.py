"""Which verdict holds for each crop of a run, said once, in SQL: for tables in memory as for files."""

from pathlib import Path

import duckdb

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
