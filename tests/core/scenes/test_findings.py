"""What is unexpected and what is missing: against a slow version, at its limits, and at the promised rate."""

import doctest

import numpy as np
import pytest
from scipy import sparse

import core.scenes.findings
import core.scenes.scene_set
import core.scenes.words
from core.scenes.findings import Calibration, Kind, calibrate, find_odd, score_scenes, to_probability
from core.scenes.scene_set import build_present, make_scene_set

SEVERAL = np.array([-1, -1, -1, 0])


def draw(n=40, k=4, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, k)), sparse.csr_array(rng.random((n, k)) < 0.4)


def score_slowly(odds, present, several_of):
    there = present.toarray()
    unexpected, missing = [], []
    for i in range(len(odds)):
        unexpected.append(max((-odds[i, j] for j in range(odds.shape[1]) if there[i, j]), default=-np.inf))
        absent = [odds[i, j] for j in range(odds.shape[1]) if not there[i, j] and several_of[j] < 0]
        missing.append(max(absent, default=-np.inf))
    return unexpected, missing


def find_slowly(odds, present, calibration, rate, several_of):
    there = present.toarray()
    found = set()
    for i in range(len(odds)):
        for j in range(odds.shape[1]):
            if there[i, j]:
                kind, score = Kind.UNEXPECTED, -odds[i, j]
            elif several_of[j] < 0:
                kind, score = Kind.MISSING, odds[i, j]
            else:
                continue
            held_out = calibration.of(kind)
            p = (1 + sum(other >= score for other in held_out)) / (1 + len(held_out))
            if p <= rate:
                found.add((i, j, str(kind), round(p, 9)))
    return found


@pytest.mark.parametrize("module", [core.scenes.findings, core.scenes.scene_set, core.scenes.words])
def test_the_examples_are_true(module):
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize("seed", range(3))
def test_scores_are_those_of_the_obvious_loop(seed):
    odds, present = draw(seed=seed)

    np.testing.assert_allclose(score_scenes(odds, present, several_of=SEVERAL), score_slowly(odds, present, SEVERAL))


@pytest.mark.parametrize("rate", [0.0, 0.01, 0.05, 0.1, 0.5, 1.0])
def test_findings_are_those_of_the_obvious_loop(rate):
    odds, present = draw(seed=1)
    calibration = calibrate(*score_scenes(*draw(seed=2), several_of=SEVERAL))

    found = find_odd(odds, present, calibration, rate=rate, several_of=SEVERAL)

    rows = {(row[0], row[1], row[2], round(row[5], 9)) for row in found.itertuples(index=False)}
    assert rows == find_slowly(odds, present, calibration, rate, SEVERAL)
    assert found["p_value"].is_monotonic_increasing
    np.testing.assert_allclose(
        found["probability"], to_probability(odds[found["scene"].to_numpy(), found["class"].to_numpy()])
    )


def test_equal_scores_are_not_flagged_beyond_the_rate():
    same = np.zeros(99)
    calibration = Calibration(same, same)

    found = find_odd(np.zeros((10, 2)), build_present([0], [0], shape=(10, 2)), calibration, rate=0.05)

    assert found.empty


def test_the_promised_rate_holds_for_new_ordinary_scenes():
    shares = []
    for seed in range(40):
        calibration = calibrate(*score_scenes(*draw(199, seed=(seed, 1))))
        found = find_odd(*draw(200, seed=(seed, 2)), calibration, rate=0.1)
        shares.append([found.loc[found["kind"] == kind, "scene"].nunique() / 200 for kind in Kind])

    assert np.mean(shares, axis=0) == pytest.approx([0.1, 0.1], abs=0.01)


def test_scenes_without_classes_have_nothing_unexpected_and_full_ones_nothing_missing():
    odds = np.ones((2, 2))

    unexpected, missing = score_scenes(odds, build_present([1, 1], [0, 1], shape=(2, 2)))

    assert unexpected.tolist() == [-np.inf, -1.0]
    assert missing.tolist() == [1.0, -np.inf]


def test_input_is_left_as_it_was():
    odds, present = draw()
    before = odds.copy(), present.toarray()

    score_scenes(odds, present)
    find_odd(odds, present, Calibration(np.zeros(9), np.zeros(9)), rate=0.5)

    np.testing.assert_array_equal(odds, before[0])
    np.testing.assert_array_equal(present.toarray(), before[1])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: find_odd(*draw(), Calibration(np.zeros(9), np.zeros(9)), rate=1.5), "between 0 and 1"),
        (lambda: calibrate(np.array([np.nan]), np.array([0.0])), "NaN"),
        (lambda: make_scene_set(["a"], [{}], cameras=["x", "y"]), "a camera"),
    ],
)
def test_what_cannot_be_is_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        wrong()
