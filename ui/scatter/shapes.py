"""Finds the points inside an outline drawn by hand."""

from collections.abc import Sequence

import numpy as np

Outline = Sequence[Sequence[float]]


def find_inside(points: np.ndarray, outline: Outline) -> np.ndarray:
    """Which points lie inside an outline, by the even-odd rule, as in the browser.

    Args:
        points: Shape ``(n, 2)``.
        outline: Corners ``(x, y)`` in the units of the points; the last is joined to the first. An outline with fewer
            than three corners contains no point.

    Returns:
        Shape ``(n,)``, bool.
    """
    corners = np.asarray(outline, dtype=np.float64).reshape(-1, 2)
    inside = np.zeros(len(points), dtype=bool)
    if len(corners) < 3:
        return inside
    near = np.flatnonzero(((points >= corners.min(axis=0)) & (points <= corners.max(axis=0))).all(axis=1))
    x, y = points[near].astype(np.float64).T
    within = np.zeros(len(near), dtype=bool)
    for (ax, ay), (bx, by) in zip(corners, np.roll(corners, 1, axis=0), strict=True):
        if ay != by:
            within ^= ((ay > y) != (by > y)) & (x < (bx - ax) * (y - ay) / (by - ay) + ax)
    inside[near] = within
    return inside
