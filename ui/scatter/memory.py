"""What the plots of open pages ask for by address: points, trees of clusters, facts. Kept in memory, newest only.

The page registers what it shows each time it is drawn, so what was pushed out comes back by itself. An address names
content, by its hash, and is never a path. Knows no Streamlit.
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
# A plot of a million crops is 8 MB of points and 2 MB of each kind of code.
MOST_ARRAY_BYTES = 400_000_000
MOST_TREES = 12
MOST_FACTS = 12
MOST_DRAFTS = 12
MOST_CLUSTERS = 65_534

_Thing = TypeVar("_Thing")
Facts = Callable[[int], Mapping[str, Any] | None]
Draft = Callable[[], Picture | None]

# The things used last. A large array alone may take all of the room.
_arrays: LRUCache[str, bytes] = LRUCache(MOST_ARRAY_BYTES, getsizeof=lambda one: min(len(one), MOST_ARRAY_BYTES))
_trees: LRUCache[str, ClusterTree] = LRUCache(MOST_TREES)
_facts: LRUCache[str, Facts] = LRUCache(MOST_FACTS)
_drafts: LRUCache[str, Draft] = LRUCache(MOST_DRAFTS)
_lock = threading.Lock()


def offer_array(array: np.ndarray) -> str:
    """The address at which a browser can fetch the bytes of an array, little-endian, row by row."""
    content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    name = _name(content)
    _put(_arrays, name, content)
    return f"{PREFIX}/arrays/{name}"


def offer_tree(tree: ClusterTree, *, key: str) -> str:
    """The address at which a browser can have a tree cut at any ``?eps=``; ``key`` names the tree."""
    name = _name(key.encode())
    _put(_trees, name, tree)
    return f"{PREFIX}/cuts/{name}"


def offer_facts(facts: Facts, *, key: str) -> str:
    """The address under which a browser can ask what is known of one point: ``<address>/<place of the point>``."""
    name = _name(key.encode())
    _put(_facts, name, facts)
    return f"{PREFIX}/facts/{name}"


def offer_draft(draft: Draft, *, key: str) -> str:
    """The address under which a browser can follow a map that is being made; ``draft`` gives its newest picture."""
    name = _name(key.encode())
    _put(_drafts, name, draft)
    return f"{PREFIX}/drafts/{name}"


def read_draft(name: str) -> Draft | None:
    """What was offered, or None."""
    return _get(_drafts, name)


def read_array(name: str) -> bytes | None:
    """The bytes that were offered, or None."""
    return _get(_arrays, name)


def cut_tree(name: str, eps: float) -> bytes | None:
    """The clusters at one eps as ``code_labels`` gives them, little-endian; None if there is no such tree.

    Raises:
        AnomalureError: If eps is not a finite number above 0.
    """
    tree = _get(_trees, name)
    return None if tree is None else code_labels(tree.cut(eps)).astype("<u2").tobytes()


def read_facts(name: str, place: int) -> Mapping[str, Any] | None:
    """What is known of one point, or None."""
    facts = _get(_facts, name)
    return None if facts is None else facts(place)


def code_labels(labels: np.ndarray) -> np.ndarray:
    """Cluster labels as the plot wants them: 0 is noise, then 1, 2, ...; shape ``(n,)``, uint16.

    Clusters beyond the last number that fits share it: nobody can tell 65,000 colours apart.
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
