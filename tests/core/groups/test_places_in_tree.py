"""Crops that recur at one place are groups of a tree that no number of groups changes, and that can still be split."""

import numpy as np
import pytest

from core.errors import AnomalureError
from core.groups.making import make_tree
from core.groups.partition import replay
from core.groups.recurring import Place, Recurring
from core.groups.tree import GroupTree

N = 60
NORTH = Place("north", (0.1, 0.2, 0.3, 0.25))
AT_NORTH, AT_SOUTH = np.arange(10, 30), np.arange(40, 46)


def make(*groups, n=N):
    rng = np.random.default_rng(0)
    points = rng.normal(size=(n, 5)) + 9 * np.eye(5)[np.arange(n) % 5]
    return make_tree([f"c{i}" for i in range(n)], points, version="v1", recurring=groups)


@pytest.fixture
def tree() -> GroupTree:
    return make(Recurring(AT_NORTH, NORTH, 9), Recurring(AT_SOUTH, Place("south", NORTH.box), 6))


@pytest.mark.parametrize("k", [1, 2, 5, 34, 1_000])
def test_each_place_is_one_group_beside_any_number_of_others(tree, k):
    groups = replay(tree, [], k=k)

    assert len(groups) == min(k, N - 26) + 2
    assert [(group.recurs.place.camera, group.rows.tolist()) for group in groups[:2]] == [
        ("south", AT_SOUTH.tolist()),
        ("north", AT_NORTH.tolist()),
    ]
    assert all(group.recurs is None for group in groups[2:])
    assert sorted(np.concatenate([group.rows for group in groups]).tolist()) == list(range(N))


def test_the_others_are_grouped_as_if_the_place_were_not_there(tree):
    others = np.setdiff1d(np.arange(N), np.concatenate([AT_NORTH, AT_SOUTH]))
    alone = make_tree([f"c{i}" for i in others], tree.points[others].astype(np.float32), version="v1")

    for k in (2, 5, 9):
        with_places = {frozenset(group.rows.tolist()) for group in replay(tree, [], k=k) if not group.recurs}
        assert with_places == {frozenset(others[group.rows].tolist()) for group in replay(alone, [], k=k)}


def test_a_place_is_split_within_itself_and_what_is_joined_at_one_place_stays_there(tree):
    (north,) = [one for one in tree.recurring if one.place.camera == "north"]
    parts = tree.split(range(north.start, north.stop))

    assert len(parts) == 2
    assert sorted(np.concatenate([tree.crops_in(part) for part in parts]).tolist()) == AT_NORTH.tolist()
    assert [tree.find_place(part) for part in parts] == [north, north]
    assert tree.find_place([0, north.start]) is None
    assert tree.find_place([one.start for one in tree.recurring]) is None

    both = make(Recurring(AT_NORTH, NORTH, 9), Recurring(AT_SOUTH, NORTH, 6))
    assert both.find_place([one.start for one in both.recurring]).place == NORTH


def test_its_version_tells_what_recurs_and_its_file_is_read_for_the_same_crops(tree, tmp_path):
    assert make().version == "v1" != tree.version != make(Recurring(AT_NORTH, NORTH, 9)).version
    tree.write(tmp_path / "tree.npz")

    read = GroupTree.read(tmp_path / "tree.npz", version="v1")

    assert (read.version, read.recurring) == (tree.version, tree.recurring)
    with pytest.raises(AnomalureError, match="of other crops"):
        GroupTree.read(tmp_path / "tree.npz", version="v2")


def test_a_run_of_nothing_but_one_stump_is_one_group():
    tree = make(Recurring(np.arange(20), NORTH, 9), n=20)

    assert (tree.suggested, tree.n_free_leaves) == (1, 0)
    assert [len(group.rows) for group in replay(tree, [], k=7)] == [20]
