"""How many boxes of its camera a box overlaps: those of about its size are sorted by place, then compared exactly."""

import numpy as np
from numba import njit

ENOUGH = 50
"""Counting a box ends here: what lies in a heap of thousands is not compared with each of them."""


def count_overlapping(cameras: np.ndarray, boxes: np.ndarray, *, least: float, enough: int = ENOUGH) -> np.ndarray:
    """For each box how many others of its camera overlap it by at least ``least``, but at most ``enough``.

    Overlap is intersection over union. Boxes that overlap by ``least`` differ in width and height by at most a factor
    of 1 / least, so only boxes of the same or the next size class whose middle is near are compared.

    Args:
        cameras: The number of each box's camera, >= 0, shape ``(n,)``.
        boxes: Left, top, width and height, in any unit that is the same for a camera, shape ``(n, 4)``; sizes > 0.
        least: Above 0 and below 1.
        enough: Counting ends here, >= 1.

    Returns:
        Shape ``(n,)``, int.
    """
    boxes = np.asarray(boxes, dtype=np.float64)
    if len(boxes) == 0:
        return np.zeros(0, dtype=np.int64)
    classes = np.floor(np.log(boxes[:, 2:]) / np.log(1 / least)).astype(np.int64)  # (n, 2)
    classes -= classes.min(axis=0) - 1  # so that there is a class before the first
    spans = classes.max(axis=0) + 2
    keys = (np.asarray(cameras, dtype=np.int64) * spans[0] + classes[:, 0]) * spans[1] + classes[:, 1]
    middles = boxes[:, 0] + boxes[:, 2] / 2
    order = np.lexsort((middles, keys))
    found, starts = np.unique(keys[order], return_index=True)
    counts = _count(
        boxes[order], middles[order], keys[order], found, np.append(starts, len(order)), int(spans[1]), least, enough
    )
    back = np.empty_like(counts)
    back[order] = counts
    return back


def measure_overlap(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box with each of others, shape ``(n,)``."""
    ends, other_ends = box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:]
    sides = np.minimum(ends, other_ends) - np.maximum(box[:2], boxes[:, :2])
    shared = np.prod(np.maximum(sides, 0), axis=1)
    return np.asarray(shared / (np.prod(box[2:]) + np.prod(boxes[:, 2:], axis=1) - shared))


@njit(cache=True)
def _count(boxes, middles, keys, found, starts, span, least, enough):  # type: ignore[no-untyped-def]
    n = len(boxes)
    counts = np.zeros(n, dtype=np.int64)
    for i in range(n):
        left, top, width, height = boxes[i]
        reach = width * (1 - least) / (2 * least)
        for step in range(9):
            key = keys[i] + (step // 3 - 1) * span + (step % 3 - 1)
            place = np.searchsorted(found, key)
            if place == len(found) or found[place] != key:
                continue
            begin, end = starts[place], starts[place + 1]
            j = begin + np.searchsorted(middles[begin:end], middles[i] - reach)
            while j < end and middles[j] <= middles[i] + reach and counts[i] < enough:
                across = min(left + width, boxes[j, 0] + boxes[j, 2]) - max(left, boxes[j, 0])
                down = min(top + height, boxes[j, 1] + boxes[j, 3]) - max(top, boxes[j, 1])
                if j != i and across > 0 and down > 0:
                    shared = across * down
                    if shared >= least * (width * height + boxes[j, 2] * boxes[j, 3] - shared):
                        counts[i] += 1
                j += 1
            if counts[i] >= enough:
                break
    return counts
