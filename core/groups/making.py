"""Makes the tree of groups from the main directions of a run's crops."""

from collections.abc import Callable, Sequence

import numpy as np

from core.groups.tree import GroupTree
from core.groups.ward import MOST_LEAVES, gather_leaves, grow_tree

LEAST_GROUPS, MOST_GROUPS = 10, 80
"""Fewer groups hide rare animals, and nobody wants to name more; few crops make fewer groups."""
CROPS_A_GROUP = 4
"""A suggestion never makes more groups than a quarter of the crops."""
LEAST_ON_A_LINE = 3
GATHERING_SHARE = 0.7


def make_tree(
    crop_ids: Sequence[str],
    points: np.ndarray,
    *,
    version: str,
    most_leaves: int = MOST_LEAVES,
    on_share: Callable[[float], None] = lambda share: None,
) -> GroupTree:
    """Group crops by look.

    Args:
        crop_ids: The crops.
        points: Their main directions, shape ``(n, d)``, finite; left unmodified.
        version: The fingerprint of the run.
        most_leaves: More crops than this are gathered into so many leaves first.
        on_share: Gets the share of the work that is done, 0 to 1.

    Returns:
        The tree. Crops that are all alike, or a single one, are one leaf.

    Raises:
        ValueError: If the shapes do not fit.
    """
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or len(points) != len(crop_ids):
        raise ValueError(f"points must have shape ({len(crop_ids)}, d), got {points.shape}")
    ids = np.empty(len(crop_ids), dtype=object)
    ids[:] = list(crop_ids)
    if len(points) == 0 or np.ptp(points, axis=0).max(initial=0) == 0:
        leaf_of = np.zeros(len(points), dtype=np.int32)
        children, heights = np.empty((0, 2), dtype=np.int32), np.empty(0, dtype=np.float32)
    else:
        share = GATHERING_SHARE if len(points) > most_leaves else 0.0
        leaf_of = gather_leaves(points, most=most_leaves, on_share=lambda done: on_share(share * done))
        counts = np.bincount(leaf_of)
        means = np.stack([np.bincount(leaf_of, column) for column in points.T], axis=1) / counts[:, None]  # (m, d)
        children, heights = grow_tree(means, counts, on_share=lambda done: on_share(share + (1 - share) * done))
    on_share(1.0)
    return GroupTree(
        version=version,
        crop_ids=ids,
        leaf_of=leaf_of,
        children=children,
        heights=heights,
        points=points.astype(np.float16),
        suggested=choose_number(heights, n_crops=len(points)),
    )


def choose_number(heights: np.ndarray, *, n_crops: int) -> int:
    """The number of groups at the bend of the merge heights, 1 or more; 0 for no crops.

    Between 10 and 80 groups, the heights fall steeply where groups of another look are parted, and slowly where each
    group falls into crops that differ as all crops do. The bend is where two straight lines fit best. Of the ways that
    were tried it moves least when a few crops are left out (docs/decisions/0013-groups.md).

    Args:
        heights: Of the merges, shape ``(m - 1,)``, ascending.
        n_crops: How many crops the tree has.

    Source: Salvador and Chan, ICTAI 2004.
    """
    m = len(heights) + 1
    most = min(MOST_GROUPS, n_crops // CROPS_A_GROUP, m - 1)
    if most <= LEAST_GROUPS + LEAST_ON_A_LINE:
        return max(min(most, LEAST_GROUPS), 1) if n_crops else 0
    numbers = np.arange(LEAST_GROUPS, most + 1)
    inside = heights[m - 1 - numbers].astype(np.float64)  # the highest merge inside one of so many groups
    bends = range(LEAST_ON_A_LINE - 1, len(numbers) - LEAST_ON_A_LINE + 1)
    misfits = [_misfit(numbers[: i + 1], inside[: i + 1]) + _misfit(numbers[i:], inside[i:]) for i in bends]
    return int(numbers[bends[int(np.argmin(misfits))]])


def _misfit(across: np.ndarray, up: np.ndarray) -> float:
    """Squared distances from the straight line that fits best."""
    across, up = across - across.mean(), up - up.mean()
    return float((up**2).sum() - (across @ up) ** 2 / (across**2).sum())
