"""The tree of merges is exact: scipy's for single points, and a slow version's for weighted ones."""

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from core.groups.ward import gather_leaves, grow_tree


def grow_slowly(points: np.ndarray, counts: np.ndarray) -> tuple[list[frozenset], list[float]]:
    """Ward by the formula of Lance and Williams on a full matrix: the leaves of each merge, and its height."""
    sizes = dict(enumerate(map(float, counts)))
    sets = {i: frozenset([i]) for i in sizes}
    apart = {}
    for i in sizes:
        for j in range(i):
            spread = 2 * sizes[i] * sizes[j] / (sizes[i] + sizes[j])
            apart[j, i] = spread * float(((points[i] - points[j]) ** 2).sum())
    merged, heights = [], []
    while len(sizes) > 1:
        (i, j), square = min(apart.items(), key=lambda item: item[1])
        new = max(sets) + 1
        for k in set(sizes) - {i, j}:
            total = sizes[i] + sizes[j] + sizes[k]
            ik, jk = apart[min(i, k), max(i, k)], apart[min(j, k), max(j, k)]
            apart[k, new] = ((sizes[i] + sizes[k]) * ik + (sizes[j] + sizes[k]) * jk - sizes[k] * square) / total
        sets[new] = sets[i] | sets[j]
        sizes[new] = sizes.pop(i) + sizes.pop(j)
        apart = {pair: value for pair, value in apart.items() if not {i, j} & set(pair)}
        merged.append(sets[new])
        heights.append(np.sqrt(square))
    return merged, heights


def list_sets(children: np.ndarray) -> list[frozenset]:
    sets = {i: frozenset([i]) for i in range(len(children) + 1)}
    for i, (a, b) in enumerate(children.tolist()):
        sets[len(children) + 1 + i] = sets[a] | sets[b]
    return [sets[len(children) + 1 + i] for i in range(len(children))]


@pytest.mark.parametrize(("n", "d"), [(2, 1), (3, 2), (60, 3), (400, 16), (900, 64)])
def test_single_points_give_the_tree_of_scipy(n, d):
    points = np.random.default_rng(n).normal(size=(n, d))
    before = points.copy()

    children, heights = grow_tree(points, np.ones(n))

    expected = linkage(points, method="ward")
    np.testing.assert_array_equal(children, expected[:, :2])
    np.testing.assert_allclose(heights, expected[:, 2], rtol=1e-5)
    np.testing.assert_array_equal(points, before)


@pytest.mark.parametrize("seed", range(5))
def test_weighted_points_give_the_tree_of_the_slow_version(seed):
    rng = np.random.default_rng(seed)
    points, counts = rng.normal(size=(40, 4)), rng.integers(1, 30, size=40)

    children, heights = grow_tree(points, counts)

    merged, expected = grow_slowly(points, counts)
    assert list_sets(children) == merged
    np.testing.assert_allclose(heights, expected, rtol=1e-5)


def test_a_leaf_of_five_crops_is_as_five_crops_at_its_place():
    rng = np.random.default_rng(0)
    points, counts = rng.normal(size=(30, 3)), rng.integers(1, 6, size=30)

    _, weighted = grow_tree(points, counts)
    _, repeated = grow_tree(np.repeat(points, counts, axis=0), np.ones(counts.sum()))

    np.testing.assert_allclose(weighted, repeated[-29:], rtol=1e-4)


def test_equal_points_merge_first_and_nothing_goes_round_in_circles():
    points = np.repeat(np.eye(3), 50, axis=0)

    children, heights = grow_tree(points, np.ones(150))

    assert np.allclose(heights[:147], 0, atol=1e-6)
    assert all(len({leaf // 50 for leaf in leaves}) == 1 for leaves in list_sets(children)[:147])


def test_one_point_has_no_merges():
    children, heights = grow_tree(np.zeros((1, 3)), np.ones(1))
    assert children.shape == (0, 2)
    assert heights.shape == (0,)


@pytest.mark.parametrize(
    ("points", "counts", "said"),
    [
        (np.zeros(3), np.ones(3), "shape"),
        (np.zeros((0, 3)), np.ones(0), "m >= 1"),
        (np.zeros((3, 2)), np.ones(2), "counts must be 3"),
        (np.zeros((3, 2)), np.array([1, 0, 1]), "numbers > 0"),
        (np.array([[np.nan], [1.0]]), np.ones(2), "finite"),
    ],
)
def test_bad_arguments_are_refused(points, counts, said):
    with pytest.raises(ValueError, match=said):
        grow_tree(points, counts)


def test_few_points_are_a_leaf_each_and_many_are_gathered_with_their_like():
    rng = np.random.default_rng(0)
    looks = rng.normal(size=(20, 8)).astype(np.float32) * 10
    kind = rng.integers(0, 20, size=3_000)
    points = looks[kind] + rng.normal(size=(3_000, 8)).astype(np.float32) * 0.1

    assert gather_leaves(points[:200], most=200).tolist() == list(range(200))
    leaf_of = gather_leaves(points, most=200)

    assert np.array_equal(leaf_of, gather_leaves(points, most=200))
    assert np.array_equal(np.unique(leaf_of), np.arange(leaf_of.max() + 1))
    assert leaf_of.max() < 200
    assert all(len(set(kind[leaf_of == leaf].tolist())) == 1 for leaf in range(leaf_of.max() + 1))


def test_a_rare_look_among_many_crops_gets_leaves_of_its_own():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(5_000, 8)).astype(np.float32) * 0.1
    points[:8] += 5.0

    leaf_of = gather_leaves(points, most=100)

    assert not set(leaf_of[:8].tolist()) & set(leaf_of[8:].tolist())


def test_very_many_equal_points_are_one_leaf():
    assert set(gather_leaves(np.ones((500, 3)), most=10).tolist()) == {0}
