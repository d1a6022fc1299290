"""The box around an outline of an animal: a polygon, or the run lengths of a mask, as COCO writes them."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

FARTHEST = 1e9


def find_extent(outline: object) -> tuple[float, float, float, float] | None:
    """Left, top, width and height of a COCO ``segmentation``; ``None`` if it has no extent or is broken.

    Args:
        outline: A list of polygons (``[x, y, x, y, ...]``), one polygon, or run lengths: ``size`` ``[height, width]``
            and ``counts``, a list or COCO's packed text.
    """
    if isinstance(outline, dict):
        return _extent_of_mask(outline)
    if not isinstance(outline, list) or not outline:
        return None
    polygons = outline if isinstance(outline[0], list) else [outline]
    across: list[float] = []
    down: list[float] = []
    for polygon in polygons:
        if not isinstance(polygon, list) or not _are_numbers(polygon):
            return None
        across += polygon[0::2]
        down += polygon[1::2]
    if len(across) < 3 or len(across) != len(down):
        return None
    return _box(min(across), min(down), max(across), max(down))


def _are_numbers(values: Sequence[object]) -> bool:
    return all(isinstance(value, int | float) and abs(value) < FARTHEST for value in values)


def _box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float] | None:
    if not right > left or not bottom > top or not all(map(math.isfinite, (left, top, right, bottom))):
        return None
    return float(left), float(top), float(right - left), float(bottom - top)


def _extent_of_mask(mask: dict[str, object]) -> tuple[float, float, float, float] | None:
    size, counts = mask.get("size"), mask.get("counts")
    if not isinstance(size, list) or len(size) != 2 or not all(type(side) is int and 0 < side < 1e6 for side in size):
        return None
    lengths = list(_unpack(counts)) if isinstance(counts, str) else counts
    if not isinstance(lengths, list) or any(type(length) is not int or length < 0 for length in lengths):
        return None
    height, ends = size[0], [0]
    for length in lengths:
        ends.append(ends[-1] + length)
    if ends[-1] > height * size[1]:
        return None
    columns: list[int] = []
    rows: list[int] = []
    # The runs go down the columns, in turn outside and inside the mask.
    for n, (start, end) in enumerate(pairwise(ends)):
        if n % 2 == 0 or start == end:
            continue
        first, last = start // height, (end - 1) // height
        columns += [first, last]
        rows += [start % height, (end - 1) % height] if first == last else [0, height - 1]
    return _box(min(columns), min(rows), max(columns) + 1, max(rows) + 1) if columns else None


def _unpack(text: str) -> Iterator[int]:
    """The run lengths in COCO's text: 5 bits a sign, and from the third on the difference to the last but one."""
    lengths: list[int] = []
    value = shift = 0
    for sign in text:
        bits = ord(sign) - 48
        if not 0 <= bits < 64:
            return
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32 and shift < 40:
            continue
        if bits & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
        yield lengths[-1]
        value = shift = 0
