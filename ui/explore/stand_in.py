"""Chooses what to show until a map is computed: another t-SNE, else the PCA, computed in the background if needed."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from cachetools import LRUCache

from core.maps.exploration import Exploration
from core.maps.making import PCA, make_pca
from core.maps.pictures import Picture
from core.maps.projection import Projection

# The page may wait this long without seeming to hang; the PCA of some thousand crops is done by then.
PATIENCE_S = 0.6
# More embeddings than this would need too much of the dashboard's memory, so another process reads them.
MOST_CROPS_HERE = 20_000
MOST_KEPT = 8

_worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="stand-in")
_made: LRUCache[Path, Future[Picture]] = LRUCache(MOST_KEPT)
_lock = threading.Lock()


def find_stand_in(exploration: Exploration, projection: Projection) -> Picture | None:
    """The picture to show until a projection has its own first picture; None if there is none in time.

    Raises:
        AnomalureError: If the crops cannot be laid out at all.
    """
    found = exploration.nearest(projection) or exploration.picture(PCA)
    if found is not None or exploration.n_crops > MOST_CROPS_HERE:
        return found
    with _lock:
        future = _made.get(exploration.folder)
        if future is None:
            future = _made[exploration.folder] = _worker.submit(make_pca, exploration)
    try:
        return future.result(timeout=PATIENCE_S)
    except TimeoutError:
        return None
    except Exception:
        with _lock:
            _made.pop(exploration.folder, None)  # the next call tries again
        raise


def say_stand_in(shown: Projection, wanted: Projection) -> str:
    """A sentence such as ``PCA until the t-SNE is ready``."""
    if shown.kind is wanted.kind:
        return f"{shown.label}, until {wanted.label.partition(', ')[2] or wanted.label} is ready"
    return f"{shown.label} until the {wanted.label.partition(',')[0]} is ready"
