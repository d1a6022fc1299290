"""Exact Ward clustering of weighted points, and k-means that gathers very many points into few first."""

from collections.abc import Callable

import numpy as np

MOST_LEAVES = 4_000
"""With more points, those that are nearly alike are gathered into leaves first."""
FITTED_POINTS = 60_000
"""With more points, the centres of the leaves are fitted to a seeded sample of this many."""
ROUNDS = 3
CHUNK_ROWS = 2_048
COMPACT_AT = 64
"""Rows of clusters that are gone are removed whenever half are gone, unless there are only this few."""


def grow_tree(
    points: np.ndarray, counts: np.ndarray, *, on_share: Callable[[float], None] = lambda share: None
) -> tuple[np.ndarray, np.ndarray]:
    """Merge the two clusters that raise the variance least, until one is left.

    Args:
        points: The mean of each leaf, shape ``(m, d)``, finite, m >= 1; left unmodified.
        counts: How many crops each leaf stands for, shape ``(m,)``, > 0.
        on_share: Gets the share of the merges that are done, 0 to 1.

    Returns:
        ``children`` (m - 1, 2), int32: nodes 0 to m - 1 are the leaves, and row i makes node m + i. ``heights``
        (m - 1,), float32, ascending, in the units of the points. For counts of 1 both are those of
        ``scipy.cluster.hierarchy.linkage(points, method="ward")``.

    Raises:
        ValueError: If the shapes do not fit, or a number is not finite or not positive.

    Source: Ward, JASA 1963; the chain of nearest neighbours: Muellner, arXiv:1109.2378.
    """
    points, counts = np.asarray(points, dtype=np.float64), np.asarray(counts, dtype=np.float64)
    if points.ndim != 2 or len(points) == 0:
        raise ValueError(f"points must have shape (m, d) with m >= 1, got {points.shape}")
    if counts.shape != points.shape[:1] or not (np.isfinite(counts) & (counts > 0)).all():
        raise ValueError(f"counts must be {len(points)} numbers > 0, got shape {counts.shape}")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite")
    return _sort_merges(*_follow_chain(points, counts, on_share))


def _follow_chain(
    points: np.ndarray, counts: np.ndarray, on_share: Callable[[float], None]
) -> tuple[np.ndarray, np.ndarray]:
    """Merge along chains of nearest neighbours: pairs of leaves (m - 1, 2), one of each side, and squared heights."""
    m = len(points)
    # A cluster takes the row of one of its leaves; the row of the other is gone.
    centres, sizes, leaf = points - points.mean(axis=0), counts.copy(), np.arange(m)
    squares = (centres**2).sum(axis=1)
    pairs, heights = np.empty((m - 1, 2), dtype=np.int64), np.empty(m - 1)
    chain: list[int] = []
    steps: list[float] = []  # the distance from each link to the next
    done = 0
    while done < m - 1:
        if not chain:
            chain = [int(np.flatnonzero(sizes)[0])]
            steps = []
        top = chain[-1]
        apart = squares + squares[top] - 2.0 * (centres @ centres[top])  # (rows,)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart *= 2.0 * sizes[top] * sizes / (sizes[top] + sizes)
        apart[sizes == 0] = np.inf
        apart[top] = np.inf
        nearest = int(np.argmin(apart))
        distance = max(float(apart[nearest]), 0.0)
        # Distances along a chain fall. Where rounding hides that, it must not go round in circles.
        if not steps or (distance < steps[-1] and nearest not in chain):
            chain.append(nearest)
            steps.append(distance)
            continue
        kept, gone = chain[-1], chain[-2]
        pairs[done], heights[done] = (leaf[gone], leaf[kept]), steps[-1]
        done += 1
        centres[kept] = (sizes[kept] * centres[kept] + sizes[gone] * centres[gone]) / (sizes[kept] + sizes[gone])
        squares[kept] = (centres[kept] ** 2).sum()
        sizes[kept] += sizes[gone]
        sizes[gone] = 0.0
        chain, steps = chain[:-2], steps[:-2]
        alive = m - done
        if len(sizes) > COMPACT_AT and alive * 2 <= len(sizes):
            rows = np.flatnonzero(sizes)
            places = np.zeros(len(sizes), dtype=np.int64)
            places[rows] = np.arange(len(rows))
            chain = places[chain].tolist()
            centres, squares, sizes, leaf = centres[rows], squares[rows], sizes[rows], leaf[rows]
        if done % 100 == 0:
            on_share(done / (m - 1))
    return pairs, heights


def _sort_merges(pairs: np.ndarray, squares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the merges by height, as scipy does."""
    m = len(pairs) + 1
    order = np.argsort(squares, kind="stable")
    parent = np.arange(2 * m - 1)
    children = np.empty((m - 1, 2), dtype=np.int32)
    for i, (a, b) in enumerate(pairs[order].tolist()):
        sides = []
        for node in (a, b):
            root = node
            while parent[root] != root:
                root = int(parent[root])
            while parent[node] != root:
                parent[node], node = root, int(parent[node])
            sides.append(root)
        parent[sides] = m + i
        children[i] = sorted(sides)
    return children, np.sqrt(squares[order]).astype(np.float32)


def gather_leaves(
    points: np.ndarray,
    *,
    most: int = MOST_LEAVES,
    seed: int = 0,
    on_share: Callable[[float], None] = lambda share: None,
) -> np.ndarray:
    """The leaf of each point, shape ``(n,)``, int32: 0, 1, ..., each with at least one point.

    At most ``most`` points are a leaf each. More are gathered by k-means. Half of its first centres are drawn by chance
    and half among points that are far from these, so that rare looks get leaves of their own.

    Args:
        points: Shape ``(n, d)``, finite.
        most: Number of leaves at most, >= 2.
        seed: Of the draws.
        on_share: Gets the share of the work that is done, 0 to 1.

    Raises:
        ValueError: If the shape does not fit.

    Source: Lloyd's k-means; centres by squared distance: Bahmani et al., VLDB 2012.
    """
    points = np.asarray(points, dtype=np.float32)
    if points.ndim != 2 or most < 2:
        raise ValueError(f"points must have shape (n, d) and most be >= 2, got {points.shape} and {most}")
    n = len(points)
    if n <= most:
        return np.arange(n, dtype=np.int32)
    rng = np.random.default_rng(seed)
    sample = points if n <= FITTED_POINTS else points[np.sort(rng.choice(n, FITTED_POINTS, replace=False))]
    centres = sample[rng.choice(len(sample), most // 2, replace=False)]
    _, squares = _assign(sample, centres)
    far = np.flatnonzero(squares > 0)
    if len(far):
        taken = min(most - len(centres), len(far))
        shares = squares[far].astype(np.float64)
        centres = np.concatenate([centres, sample[rng.choice(far, taken, replace=False, p=shares / shares.sum())]])
    for turn in range(ROUNDS):
        on_share(turn / (ROUNDS + 1))
        leaf_of, _ = _assign(sample, centres)
        counts = np.bincount(leaf_of, minlength=len(centres))
        order = np.argsort(leaf_of, kind="stable")
        full = np.flatnonzero(counts)
        starts = np.concatenate([[0], np.cumsum(counts[full])[:-1]])
        centres = (np.add.reduceat(sample[order], starts, axis=0) / counts[full, None]).astype(np.float32)
    on_share(ROUNDS / (ROUNDS + 1))
    leaf_of, _ = _assign(points, centres)
    return np.unique(leaf_of, return_inverse=True)[1].astype(np.int32)


def _assign(points: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest centre of each point and the squared distance to it, both of shape ``(n,)``."""
    nearest, squares = np.empty(len(points), dtype=np.int64), np.empty(len(points), dtype=np.float32)
    own = (centres**2).sum(axis=1) / 2
    turned = np.ascontiguousarray(centres.T)
    for start in range(0, len(points), CHUNK_ROWS):
        rows = points[start : start + CHUNK_ROWS]
        near = rows @ turned  # (chunk, k)
        near -= own
        best = near.argmax(axis=1)
        nearest[start : start + CHUNK_ROWS] = best
        squares[start : start + CHUNK_ROWS] = (rows**2).sum(axis=1) - 2 * near[np.arange(len(rows)), best]
    return nearest, np.maximum(squares, 0)
