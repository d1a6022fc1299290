"""The data that plots of open pages load by address: points, trees of clusters, facts. Only the newest are kept.

The page registers what it shows each time it is drawn, so dropped data comes back by itself. An address contains the
hash of the data and is never a path.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np
from cachetools import LRUCache

from core.maps.clusters import NOISE, ClusterTree
from core.maps.pictures import Picture

PREFIX = "/explore-data"
NAME = re.compile(r"[0-9a-f]{24}")
# A plot of a million crops has 8 MB of points and 2 MB for each array of codes.
MOST_ARRAY_BYTES = 400_000_000
MOST_TREES = 12
MOST_FACTS = 12
MOST_DRAFTS = 12
MOST_CLUSTERS = 65_534

_Thing = TypeVar("_Thing")
Facts = Callable[[int], Mapping[str, Any] | None]
Draft = Callable[[], Picture | None]

# The data used last. One large array may take all of the space.
_arrays: LRUCache[str, bytes] = LRUCache(MOST_ARRAY_BYTES, getsizeof=lambda one: min(len(one), MOST_ARRAY_BYTES))
_trees: LRUCache[str, ClusterTree] = LRUCache(MOST_TREES)
_facts: LRUCache[str, Facts] = LRUCache(MOST_FACTS)
_drafts: LRUCache[str, Draft] = LRUCache(MOST_DRAFTS)
_lock = threading.Lock()


def offer_array(array: np.ndarray) -> str:
    """The address where a browser can fetch the bytes of an array, little-endian, row by row."""
    content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    name = _name(content)
    _put(_arrays, name, content)
    return f"{PREFIX}/arrays/{name}"


def offer_tree(tree: ClusterTree, *, key: str) -> str:
    """The address where a browser gets the clusters of a tree at any ``?eps=``; ``key`` identifies the tree."""
    name = _name(key.encode())
    _put(_trees, name, tree)
    return f"{PREFIX}/cuts/{name}"


def offer_facts(facts: Facts, *, key: str) -> str:
    """The address where a browser gets the facts about one point: ``<address>/<row of the point>``."""
    name = _name(key.encode())
    _put(_facts, name, facts)
    return f"{PREFIX}/facts/{name}"


def offer_draft(draft: Draft, *, key: str) -> str:
    """The address where a browser follows a map that is being computed; ``draft`` returns its newest picture."""
    name = _name(key.encode())
    _put(_drafts, name, draft)
    return f"{PREFIX}/drafts/{name}"


def read_draft(name: str) -> Draft | None:
    """The data at an address, or None."""
    return _get(_drafts, name)


def read_array(name: str) -> bytes | None:
    """The bytes of an array, or None."""
    return _get(_arrays, name)


def cut_tree(name: str, eps: float) -> bytes | None:
    """The clusters at one eps as ``code_labels`` gives them, little-endian; None if there is no such tree.

    Raises:
        AnomalureError: If eps is not a finite number above 0.
    """
    tree = _get(_trees, name)
    return None if tree is None else code_labels(tree.cut(eps)).astype("<u2").tobytes()


def read_facts(name: str, place: int) -> Mapping[str, Any] | None:
    """The facts about one point, or None."""
    facts = _get(_facts, name)
    return None if facts is None else facts(place)


def code_labels(labels: np.ndarray) -> np.ndarray:
    """Cluster labels as the plot reads them: 0 is noise, then 1, 2, ...; shape ``(n,)``, uint16.

    All clusters beyond the largest possible number share it: nobody can tell 65,000 colours apart.
    """
    return np.minimum(labels - NOISE, MOST_CLUSTERS + 1).astype(np.uint16)


def _name(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def _put(kept: LRUCache[str, _Thing], name: str, thing: _Thing) -> None:
    with _lock:
        kept[name] = thing


def _get(kept: LRUCache[str, _Thing], name: str) -> _Thing | None:
    with _lock:
        return kept.get(name) if NAME.fullmatch(name) else None
