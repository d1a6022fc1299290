"""The crops of a run that recur at one place of a camera."""

from collections.abc import Sequence

import numpy as np

from core.groups.recurring import Place, Recurring, find_recurring
from core.records import CropKind
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder

COLUMNS = ("crop_id", "photo_id", "deployment", "event_id", "kind", "x", "y", "width", "height")
SIZES = ("photo_width", "photo_height")


def find_recurring_crops(
    run: RunFolder, crop_ids: Sequence[str], points: np.ndarray, *, known: Sequence[Place] = ()
) -> list[Recurring]:
    """Find them; whole frames never recur, because they are all at the same place.

    Args:
        run: The run.
        crop_ids: All of its crops; rows of the answer count them.
        points: Their main directions, shape ``(n, q)``.
        known: Places that were named in earlier runs.
    """
    table = read_catalogue(run, [*COLUMNS, *SIZES]).set_index("crop_id").reindex(list(crop_ids))
    boxes = table[["x", "y", "width", "height"]].to_numpy(dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        boxes = boxes / table[[*SIZES, *SIZES]].to_numpy(dtype=np.float64)  # photos of several sizes fit together then
    boxes[(table["kind"] != CropKind.DETECTION).to_numpy(dtype=bool)] = np.nan
    events = table["event_id"].fillna("")
    return find_recurring(
        table["deployment"].fillna("").to_numpy(dtype=object),
        boxes,
        events.where(events != "", table["photo_id"]).to_numpy(dtype=object),
        points,
        known=known,
    )
