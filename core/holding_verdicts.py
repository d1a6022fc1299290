"""Which verdict holds for each crop of a run, in SQL over files: for work that must not hold a run in memory."""

from pathlib import Path

import duckdb

# Boxes of one photo that overlap at least this much (intersection over union) are taken for the same animal.
SAME_BOX_IOU = 0.5


def show_holding(connection: duckdb.DuckDBPyConnection, verdicts: Path) -> None:
    """Make the table ``holding`` beside a view ``catalogue``: one row a crop of the run that is decided about.

    A verdict holds for the crop that it was given on; if the run has no such crop, for the one of the same photo and
    kind whose box overlaps it most, if enough. Of several the latest holds, also if it takes back.

    Args:
        connection: With the view ``catalogue`` of ``core.catalogue.show_catalogue``.
        verdicts: The Parquet file of ``Store.copy_verdicts``.
    """
    connection.read_parquet(str(verdicts)).create_view("given")
    connection.execute(f"""
        CREATE TABLE holding AS
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
        chosen AS (
            SELECT * FROM matches QUALIFY row_number() OVER (PARTITION BY crop_id ORDER BY sequence DESC) = 1)
        SELECT h.crop_id, g.verdict, g.species AS verdict_species, g.note, g.reviewer, g.decided_at
        FROM chosen h JOIN latest g USING (sequence) WHERE coalesce(g.verdict, '') <> ''""")
