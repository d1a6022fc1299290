"""Known anomalies for experiments: each scene gets, or loses, exactly one class."""

import numpy as np
import pytest
from scipy import sparse

from core.scenes.injection import find_rarest, inject_class, measure_injected, measure_removed, remove_class
from core.scenes.scene_set import build_present
from tests.fakes.scenes import make_scenes


def test_one_absent_class_of_the_pool_is_put_into_each_scene():
    present = make_scenes(200).present
    pool = np.array([0, 2, 5])

    injected, chosen = inject_class(present, pool, np.random.default_rng(0))

    added = injected.toarray() & ~present.toarray()
    assert (added.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(added.argmax(axis=1), chosen)
    assert set(chosen) == set(pool)
    assert injected.nnz == present.nnz + 200


def test_one_class_is_taken_out_of_each_scene():
    present = make_scenes(200).present

    left, chosen = remove_class(present, np.random.default_rng(0))

    gone = present.toarray() & ~left.toarray()
    assert (gone.sum(axis=1) == 1).all()
    np.testing.assert_array_equal(gone.argmax(axis=1), chosen)


def test_a_class_is_drawn_uniformly():
    present = build_present(np.repeat(np.arange(3000), 2), np.tile([0, 1], 3000), shape=(3000, 5))

    _, chosen = inject_class(present, np.arange(5), np.random.default_rng(0))
    _, removed = remove_class(present, np.random.default_rng(0))

    assert np.bincount(chosen, minlength=5) / 3000 == pytest.approx([0, 0, 1 / 3, 1 / 3, 1 / 3], abs=0.04)
    assert removed.mean() == pytest.approx(0.5, abs=0.04)


def test_the_measures_by_hand():
    odds = np.array([[-2.0, 1.0, -1.0], [-1.0, -1.0, 3.0]])
    there = sparse.csr_array(np.array([[1, 1, 0], [1, 1, 0]], dtype=bool))

    assert measure_injected(odds, there, np.array([0, 0])) == {"under_half": 1.0, "most_anomalous": 0.75}
    assert measure_removed(odds, there, np.array([2, 2])) == {"over_half": 0.5, "most_missed": 1.0}


def test_the_rarest_are_those_in_the_fewest_scenes_and_in_at_least_one():
    table = np.array([[1, 1, 0, 1], [1, 0, 0, 1], [1, 0, 0, 0]], dtype=bool)

    assert find_rarest(sparse.csr_array(table), 2).tolist() == [1, 3]


@pytest.mark.parametrize(
    "wrong",
    [
        lambda rng: inject_class(sparse.csr_array(np.ones((2, 3), dtype=bool)), np.arange(3), rng),
        lambda rng: remove_class(sparse.csr_array(np.array([[True], [False]])), rng),
    ],
    ids=["full", "empty"],
)
def test_where_there_is_nothing_to_change_it_says_so(wrong):
    with pytest.raises(ValueError, match="a scene has"):
        wrong(np.random.default_rng(0))
