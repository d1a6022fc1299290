"""Clusters for the plots, computed in the background, because a tree of very many crops takes seconds."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
from cachetools import LRUCache

from core.errors import AnomalureError
from core.maps.clusters import cluster_hdbscan
from core.maps.exploration import Exploration
from core.maps.projection import Projection
from ui.scatter.data import Grouping, group_by_tree
from ui.scatter.view import Method, Side

MOST_KEPT = 12
# The page may wait this long without seeming to hang.
PATIENCE_S = 0.4
# On the plane a tree takes a second at most. Among the embeddings the time grows with the square of the number
# of crops, so the tree of more crops than this is built by a process of its own.
MOST_CROPS_HERE = 5_000

_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="groupings")
_made: LRUCache[str, Future[Grouping]] = LRUCache(MOST_KEPT)
_lock = threading.Lock()


def find_missing_tree(exploration: Exploration, side: Side) -> int | None:
    """The ``min_samples`` of the tree that a process has to build before crops can be grouped, or None."""
    min_samples = side.min_samples if side.method is Method.DBSCAN else side.min_cluster_size
    if side.on_map or exploration.n_crops <= MOST_CROPS_HERE or exploration.has_tree(min_samples=min_samples):
        return None
    return min_samples


def check_grouping(side: Side) -> None:
    """Refuse parameters that are not valid for any crops.

    Raises:
        AnomalureError: If a number is out of its range.
    """
    if side.eps is not None and not side.eps > 0:
        raise AnomalureError(f"eps is a distance above 0, got {side.eps:g}. Choose one on the slider.")
    if side.method is Method.DBSCAN and side.min_samples < 1:
        raise AnomalureError(f"A core point needs at least 1 crop within eps, itself included; got {side.min_samples}.")
    if side.method is Method.HDBSCAN and side.min_cluster_size < 2:
        raise AnomalureError(f"A cluster needs at least 2 crops, got {side.min_cluster_size}.")


def find_grouping(exploration: Exploration, side: Side, *, shown: Projection, points: np.ndarray) -> Grouping | None:
    """How the crops of a plot are grouped; None while it is being computed, which this function starts.

    Call it only after ``check_grouping`` raised nothing and ``find_missing_tree`` returned None.

    Args:
        exploration: The exploration of the run.
        side: The plot.
        shown: The finished projection that is shown.
        points: Its points, shape ``(n, 2)``.

    Raises:
        AnomalureError: If the crops cannot be grouped like this.
    """
    where = shown if side.on_map else None
    size = f"eps-{side.min_samples}" if side.method is Method.DBSCAN else f"size-{side.min_cluster_size}"
    key = f"{exploration.folder}/{where.key if where else 'embeddings'}/{side.method}/{size}"
    with _lock:
        future = _made.get(key)
        if future is None:
            future = _made[key] = _worker.submit(_group, key, exploration, side, where, points)
    try:
        return future.result(timeout=PATIENCE_S)
    except TimeoutError:
        return None
    except Exception:
        with _lock:
            _made.pop(key, None)  # the next call tries again
        raise


def _group(key: str, exploration: Exploration, side: Side, where: Projection | None, points: np.ndarray) -> Grouping:
    if side.method is Method.HDBSCAN:
        size = side.min_cluster_size
        if where is not None:
            return Grouping(key=key, labels=cluster_hdbscan(points, min_cluster_size=size))
        return Grouping(key=key, labels=exploration.tree(None, min_samples=size).find_hdbscan(min_cluster_size=size))
    tree = exploration.tree(where, min_samples=side.min_samples)
    return group_by_tree(tree, key=key, points=points if where is not None else exploration.prepared())
