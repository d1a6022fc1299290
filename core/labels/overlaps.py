"""Which labelled box a detection shows: how boxes overlap, and by how much they must."""

from collections.abc import Sequence

import numpy as np

from core.records import Box

LEAST_IOU = 0.3
"""A detection shows the animal whose box it overlaps most (intersection over union), if at least this much ..."""
LEAST_HELD = 0.6
"""... or the one whose box holds at least this share of it: a detector often boxes only a part of an animal."""


def find_shown_box(crop: Box, boxes: Sequence[Box]) -> int | None:
    """The row of the box that a detection shows; None if it shows none of them.

    That is the one of the greatest intersection over union, if it is at least ``LEAST_IOU``; else the one that holds
    the greatest share of the crop, if at least ``LEAST_HELD``. All boxes are in the same units.
    """
    if not boxes:
        return None
    overlap, held = measure_overlaps([crop], boxes)
    for shares, least in ((overlap[0], LEAST_IOU), (held[0], LEAST_HELD)):
        best = int(shares.argmax())
        if shares[best] >= least:
            return best
    return None


def measure_overlaps(boxes: Sequence[Box], others: Sequence[Box]) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union of each pair, and the share of each box that lies in the other: both ``(n, m)``."""
    ours, theirs = (
        np.array([(box.x, box.y, box.x + box.width, box.y + box.height) for box in part]).reshape(-1, 4)
        for part in (boxes, others)
    )
    low = np.maximum(ours[:, None, :2], theirs[None, :, :2])  # (n, m, 2)
    high = np.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(axis=2)  # (n, m)
    area, other = ((part[:, 2:] - part[:, :2]).prod(axis=1) for part in (ours, theirs))
    together = np.maximum(area[:, None] + other[None, :] - shared, 1e-12)
    return shared / together, shared / np.maximum(area[:, None], 1e-12)
