"""The groups of a small run, made at once."""

from collections.abc import Sequence

import numpy as np

from core.groups.making import make_tree
from core.groups.recurring import Recurring
from core.groups.tree import GroupTree, find_tree, fingerprint_run
from core.runs.catalogue import open_catalogue
from core.runs.folder import RunFolder


def add_groups(run: RunFolder, *, n_kinds: int = 3, seed: int = 0, recurring: Sequence[Recurring] = ()) -> GroupTree:
    """Write a tree in which the crops of a run are of ``n_kinds`` kinds: the i-th crop is of kind ``i % n_kinds``."""
    crop_ids = open_catalogue(run).table.column("crop_id").to_pylist()
    draws = np.random.default_rng(seed)
    places = draws.normal(size=(n_kinds, 8)) * 10
    points = places[np.arange(len(crop_ids)) % n_kinds] + draws.normal(size=(len(crop_ids), 8))
    tree = make_tree(crop_ids, points.astype(np.float32), version=fingerprint_run(run), recurring=recurring)
    tree.write(find_tree(run))
    return tree
