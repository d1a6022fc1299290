"""What the plots of open pages ask for by address: points, trees of clusters, facts. Kept in memory, newest only.

The page registers what it shows each time it is drawn, so what was pushed out comes back by itself. An address names
content, by its hash, and is never a path. Knows no Streamlit.
"""

import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

from core.maps.clusters import NOISE, ClusterTree
from core.maps.exploration import Picture

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


class _Shelf(Generic[_Thing]):
    """The things used last, up to a limit on their sizes together; one alone may be larger."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._things: OrderedDict[str, tuple[_Thing, int]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, name: str, thing: _Thing, *, size: int = 1) -> None:
        with self._lock:
            self._things[name] = (thing, size)
            self._things.move_to_end(name)
            while len(self._things) > 1 and sum(size for _, size in self._things.values()) > self._most:
                self._things.popitem(last=False)

    def get(self, name: str) -> _Thing | None:
        with self._lock:
            if name not in self._things:
                return None
            self._things.move_to_end(name)
            return self._things[name][0]


_arrays: _Shelf[bytes] = _Shelf(MOST_ARRAY_BYTES)
_trees: _Shelf[ClusterTree] = _Shelf(MOST_TREES)
_facts: _Shelf[Facts] = _Shelf(MOST_FACTS)
_drafts: _Shelf[Draft] = _Shelf(MOST_DRAFTS)


def offer_array(array: np.ndarray) -> str:
    """The address at which a browser can fetch the bytes of an array, little-endian, row by row."""
    content = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<")).tobytes()
    name = _name(content)
    _arrays.put(name, content, size=len(content))
    return f"{PREFIX}/arrays/{name}"


def offer_tree(tree: ClusterTree, *, key: str) -> str:
    """The address at which a browser can have a tree cut at any ``?eps=``; ``key`` names the tree."""
    name = _name(key.encode())
    _trees.put(name, tree)
    return f"{PREFIX}/cuts/{name}"


def offer_facts(facts: Facts, *, key: str) -> str:
    """The address under which a browser can ask what is known of one point: ``<address>/<place of the point>``."""
    name = _name(key.encode())
    _facts.put(name, facts)
    return f"{PREFIX}/facts/{name}"


def offer_draft(draft: Draft, *, key: str) -> str:
    """The address under which a browser can follow a map that is being made; ``draft`` gives its newest picture."""
    name = _name(key.encode())
    _drafts.put(name, draft)
    return f"{PREFIX}/drafts/{name}"


def read_draft(name: str) -> Draft | None:
    """What was offered, or None."""
    return _drafts.get(name) if NAME.fullmatch(name) else None


def read_array(name: str) -> bytes | None:
    """The bytes that were offered, or None."""
    return _arrays.get(name) if NAME.fullmatch(name) else None


def cut_tree(name: str, eps: float) -> bytes | None:
    """The clusters at one eps as ``code_labels`` gives them, little-endian; None if there is no such tree.

    Raises:
        AnomalureError: If eps is not a finite number above 0.
    """
    tree = _trees.get(name) if NAME.fullmatch(name) else None
    return None if tree is None else code_labels(tree.cut(eps)).astype("<u2").tobytes()


def read_facts(name: str, place: int) -> Mapping[str, Any] | None:
    """What is known of one point, or None."""
    facts = _facts.get(name) if NAME.fullmatch(name) else None
    return None if facts is None else facts(place)


def code_labels(labels: np.ndarray) -> np.ndarray:
    """Cluster labels as the plot wants them: 0 is noise, then 1, 2, ...; shape ``(n,)``, uint16.

    Clusters beyond the last number that fits share it: nobody can tell 65,000 colours apart.
    """
    return np.minimum(labels - NOISE, MOST_CLUSTERS + 1).astype(np.uint16)


def _name(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()
