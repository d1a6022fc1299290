"""The tree of groups: any number of groups at once, parts of groups, typical crops, and a file that is whole."""

import json

import numpy as np
import pytest

from core.errors import AnomalureError
from core.groups.making import make_tree
from core.groups.tree import GroupTree


def grow(n_each=(6, 5, 4, 3), **options) -> GroupTree:
    """Four clear looks; crop ids tell the look."""
    rng = np.random.default_rng(0)
    looks = np.repeat(np.eye(4) * 10, n_each, axis=0)
    points = looks + rng.normal(size=looks.shape) * 0.1
    names = np.repeat(list("abcd"), n_each)
    return make_tree([f"{name}{i}" for i, name in enumerate(names)], points, version="v1", **options)


def looks_of(tree: GroupTree, leaves) -> set[str]:
    return {tree.crop_ids[row][0] for row in tree.crops_in(leaves)}


def test_a_cut_gives_so_many_groups_that_hold_each_crop_once():
    tree = grow()
    for k in range(1, 19):
        groups = [tree.leaves_of(node) for node in tree.cut(k)]
        assert len(groups) == k
        assert sorted(leaf for group in groups for leaf in group) == list(range(18))
    assert len(tree.cut(500)) == 18
    assert sorted(looks_of(tree, tree.leaves_of(node)).pop() for node in tree.cut(4)) == list("abcd")


def test_a_split_gives_two_parts_also_of_a_group_that_was_merged_or_lost_crops():
    tree = grow()
    a, b, c, _ = (
        leaves for look in "abcd" for leaves in [tuple(int(i) for i in tree.leaf_of if tree.crop_ids[i][0] == look)]
    )
    assert sorted(map(sorted, tree.split(a + b))) == sorted(map(sorted, [a, b]))
    assert sorted(map(sorted, tree.split(a[2:] + c[:1]))) == sorted(map(sorted, [a[2:], c[:1]]))
    assert tree.split(a[2:] + c[:1])[0] == a[2:]  # the larger first
    assert tree.split(a[:1]) == [a[:1]]
    assert sum(len(part) for part in tree.split(a)) == len(a)


def test_the_most_typical_crop_is_nearest_to_the_mean():
    tree = make_tree(list("abcde"), np.array([[0.0], [1.0], [2.0], [3.0], [9.0]]), version="v")
    assert tree.order_by_typical(np.arange(5)).tolist() == [3, 2, 1, 0, 4]
    assert tree.order_by_typical(np.array([], dtype=int)).tolist() == []


def test_many_crops_share_leaves():
    tree = grow((60, 50, 40, 30), most_leaves=20)
    assert tree.n_leaves <= 20
    assert [len(looks_of(tree, tree.leaves_of(node))) for node in tree.cut(4)] == [1, 1, 1, 1]
    assert tree.counts.sum() == 180


@pytest.mark.parametrize("n", [1, 2, 7])
def test_one_crop_or_crops_that_are_all_alike_are_one_leaf(n, tmp_path):
    tree = make_tree([str(i) for i in range(n)], np.ones((n, 3)), version="v")

    assert (tree.n_leaves, tree.suggested, tree.cut(1), tree.cut(9)) == (1, 1, [0], [0])
    assert tree.leaves_of(0) == (0,)
    assert tree.split([0]) == [(0,)]
    assert tree.crops_in([0]).tolist() == list(range(n))
    tree.write(tmp_path / "tree.npz")
    assert GroupTree.read(tmp_path / "tree.npz").crop_ids.tolist() == tree.crop_ids.tolist()


def test_a_tree_without_crops_has_no_groups(tmp_path):
    tree = make_tree([], np.empty((0, 0)), version="v")
    assert (tree.n_leaves, tree.suggested, tree.cut(3)) == (0, 0, [])
    tree.write(tmp_path / "tree.npz")
    assert len(GroupTree.read(tmp_path / "tree.npz").crop_ids) == 0


def test_the_suggestion_finds_clear_looks_and_does_not_change_with_a_few_crops():
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(25, 32))
    points = looks[rng.integers(0, 25, size=800)] + rng.normal(size=(800, 32)) * 0.2
    whole = make_tree([str(i) for i in range(800)], points, version="v").suggested
    most = make_tree([str(i) for i in range(780)], points[20:], version="v").suggested
    assert abs(whole - 25) <= 1
    assert abs(most - whole) <= 2


def test_it_is_read_as_it_was_written(tmp_path):
    tree = grow()
    tree.write(tmp_path / "groups" / "tree.npz")

    read = GroupTree.read(tmp_path / "groups" / "tree.npz", version="v1")

    assert (read.version, read.suggested) == (tree.version, tree.suggested)
    for name in ("crop_ids", "leaf_of", "children", "heights", "points"):
        np.testing.assert_array_equal(getattr(read, name), getattr(tree, name))
    assert [one.name for one in (tmp_path / "groups").iterdir()] == ["tree.npz"]


def test_a_missing_damaged_or_outdated_file_is_a_sentence(tmp_path):
    path = tmp_path / "tree.npz"
    with pytest.raises(AnomalureError, match="no groups yet"):
        GroupTree.read(path)
    grow().write(path)
    with pytest.raises(AnomalureError, match="of other crops"):
        GroupTree.read(path, version="v2")
    whole = path.read_bytes()
    for damaged in (b"", b"no zip", whole[: len(whole) // 2], whole[:200] + b"\0" * 90 + whole[290:]):
        path.write_bytes(damaged)
        with pytest.raises(AnomalureError, match="damaged"):
            GroupTree.read(path)


@pytest.mark.parametrize("change", [{"children": [[0, 0]]}, {"leaf_of": [0, 5]}, {"format": 99}, {"suggested": 7}])
def test_a_file_whose_parts_do_not_fit_is_refused(tmp_path, change):
    arrays = {
        "crop_ids": np.array(["a", "b"]),
        "leaf_of": np.array([0, 1]),
        "children": np.array([[0, 1]]),
        "heights": np.array([1.0]),
        "points": np.zeros((2, 1)),
    }
    about = {"format": 1, "version": "v", "suggested": 1}
    about |= {key: value for key, value in change.items() if key in about}
    arrays |= {key: np.array(value) for key, value in change.items() if key in arrays}
    np.savez(tmp_path / "tree.npz", about=np.array(json.dumps(about)), **arrays)
    with pytest.raises(AnomalureError, match=r"damaged|newer version"):
        GroupTree.read(tmp_path / "tree.npz")


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda tree: tree.cut(0), "at least 1"),
        (lambda tree: tree.leaves_of(99), "nodes are 0 to 34"),
        (lambda tree: tree.split([]), "at least one leaf"),
        (lambda tree: tree.split([99]), "leaves are 0 to 17"),
        (lambda tree: tree.crops_in([-1]), "leaves are 0 to 17"),
        (lambda tree: make_tree(["a"], np.zeros((2, 2)), version=""), "shape"),
    ],
)
def test_bad_arguments_are_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call(grow())
