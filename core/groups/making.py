"""Makes the tree of groups from the main directions of a run's crops."""

from collections.abc import Callable, Sequence
from hashlib import blake2b

import numpy as np

from core.groups.recurring import Recurring
from core.groups.tree import AtPlace, GroupTree
from core.groups.ward import MOST_LEAVES, gather_leaves, grow_tree

LEAST_GROUPS, MOST_GROUPS = 10, 80
"""Fewer groups hide rare animals, and nobody wants to name more; few crops make fewer groups."""
CROPS_A_GROUP = 4
"""A suggestion never makes more groups than a quarter of the crops."""
LEAST_ON_A_LINE = 3
GATHERING_SHARE = 0.7
PARTS_OF_A_PLACE = 16
"""Boxes that recur at one place fall into so many leaves, so that a person can split them."""


def make_tree(
    crop_ids: Sequence[str],
    points: np.ndarray,
    *,
    version: str,
    recurring: Sequence[Recurring] = (),
    most_leaves: int = MOST_LEAVES,
    on_share: Callable[[float], None] = lambda share: None,
) -> GroupTree:
    """Group crops by look.

    Args:
        crop_ids: The crops.
        points: Their main directions, shape ``(n, d)``, finite; left unmodified.
        version: The fingerprint of the run.
        recurring: Crops that recur at one place of a camera: each is a group of its own, and the others are grouped
            without them. The version of the tree then differs from the run's fingerprint.
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
    others = np.ones(len(points), dtype=bool)
    for one in recurring:
        others[one.rows] = False
    rows_of = [np.flatnonzero(others), *(one.rows for one in recurring)]
    whole = _grow(points[rows_of[0]], most=most_leaves, on_share=on_share)
    parts = [whole, *(_grow(points[rows], most=PARTS_OF_A_PLACE, on_share=lambda _: None) for rows in rows_of[1:])]
    leaf_of = np.empty(len(points), dtype=np.int32)
    starts = np.cumsum([0, *(part[0].max(initial=-1) + 1 for part in parts)])
    for rows, part, start in zip(rows_of, parts, starts, strict=False):
        leaf_of[rows] = part[0] + start
    children, heights = _join(parts, starts)
    on_share(1.0)
    return GroupTree(
        version=_sign(version, ids, recurring),
        crops_version=version,
        crop_ids=ids,
        leaf_of=leaf_of,
        children=children,
        heights=heights,
        points=points.astype(np.float16),
        suggested=max(choose_number(whole[2], n_crops=len(rows_of[0])), min(len(points), 1)),
        recurring=tuple(
            AtPlace(int(start), int(stop), one.place, one.n_events)
            for start, stop, one in zip(starts[1:], starts[2:], recurring, strict=False)
        ),
    )


_Grown = tuple[np.ndarray, np.ndarray, np.ndarray]
"""The leaf of each point, and the merges of the leaves with their heights."""


def _grow(points: np.ndarray, *, most: int, on_share: Callable[[float], None]) -> _Grown:
    """The tree of some points; a single leaf if they are all alike, no leaf for none."""
    if len(points) == 0 or np.ptp(points, axis=0).max(initial=0) == 0:
        return np.zeros(len(points), np.int32), np.empty((0, 2), np.int32), np.empty(0, np.float32)
    share = GATHERING_SHARE if len(points) > most else 0.0
    leaf_of = gather_leaves(points, most=most, on_share=lambda done: on_share(share * done))
    counts = np.bincount(leaf_of)
    means = np.stack([np.bincount(leaf_of, column) for column in points.T], axis=1) / counts[:, None]  # (m, d)
    return leaf_of, *grow_tree(means, counts, on_share=lambda done: on_share(share + (1 - share) * done))


def _join(parts: Sequence[_Grown], starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """One tree of several: the merges within the later ones come first, and the roots of all are joined at the end."""
    m = int(starts[-1])
    children: list[np.ndarray] = []
    heights: list[np.ndarray] = []
    roots: list[int] = []
    n_merges = 0
    for (_, merges, up), start, stop in sorted(
        zip(parts, starts, starts[1:], strict=False), key=lambda part: part[1] == 0
    ):
        if stop == start:
            continue
        n_leaves = int(stop - start)
        children.append(np.where(merges < n_leaves, merges + start, merges - n_leaves + m + n_merges))
        heights.append(up if start == 0 else np.zeros_like(up))  # a place is split like others, but never cut
        n_merges += len(merges)
        roots.append(m + n_merges - 1 if len(merges) else int(start))
    for i, root in enumerate(roots[-2::-1]):
        below = roots[-1] if i == 0 else m + n_merges - 1
        children.append(np.array([[root, below]]))
        heights.append(np.full(1, heights[-1][-1] if len(heights[-1]) else 0.0))
        n_merges += 1
    if not children:
        return np.empty((0, 2), np.int32), np.empty(0, np.float32)
    return np.concatenate(children).astype(np.int32), np.concatenate(heights).astype(np.float32)


def _sign(version: str, ids: np.ndarray, recurring: Sequence[Recurring]) -> str:
    """The version of a tree: the crops', and with recurring ones also of which these are."""
    if not recurring:
        return version
    digest = blake2b(version.encode(), digest_size=8)
    for one in recurring:
        digest.update("\n".join(sorted(str(crop_id) for crop_id in ids[one.rows])).encode() + b"\0")
    return digest.hexdigest()


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
