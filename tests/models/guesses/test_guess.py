"""Guesses at what a crop shows."""

import math

import numpy as np
import pytest

from models.guesses.guess import guess_group, guess_names, say_guess
from models.guesses.names import list_names, name_of_class

RED_FOX, TABBY, PERSIAN_CAT, BEAGLE, ABACUS, TRICERATOPS = 277, 281, 283, 162, 398, 51


def scores_with(**values: float) -> np.ndarray:
    scores = np.full((1, 1000), -50.0)
    for index, value in values.items():
        scores[0, int(index.removeprefix("c"))] = value
    return scores


def test_the_class_with_the_highest_score_comes_first():
    names, shares = guess_names(scores_with(c277=2.0, c272=1.0))

    assert list(names[0][:2]) == ["red fox", "coyote"]
    odds = math.exp(1)
    assert shares[0][:2] == pytest.approx([odds / (1 + odds), 1 / (1 + odds)], abs=1e-5)


def test_two_breeds_of_cat_are_one_name_and_beat_a_fox_that_is_a_little_likelier_than_each():
    names, shares = guess_names(scores_with(c281=1.0, c283=1.0, c277=1.1))

    assert names[0][0] == "domestic cat"
    assert shares[0][0] > 0.5


@pytest.mark.parametrize("index", [ABACUS, 999, TRICERATOPS])
def test_what_is_no_living_animal_is_called_no_animal(index):
    names, _ = guess_names(scores_with(**{f"c{index}": 9.0}))
    assert names[0][0] == "no animal"


def test_shares_are_descending_and_add_up_to_one_over_all_names():
    scores = np.random.default_rng(0).normal(scale=3, size=(20, 1000))
    _, shares = guess_names(scores, n=len(list_names()))

    assert (np.diff(shares, axis=1) <= 0).all()
    assert shares.sum(axis=1) == pytest.approx(np.ones(20), abs=1e-5)


def guess_slowly(scores: np.ndarray, n: int) -> list[list[tuple[str, float]]]:
    answer = []
    for row in scores:
        total = sum(math.exp(score) for score in row)
        share = dict.fromkeys(list_names(), 0.0)
        for index, score in enumerate(row):
            share[list_names()[name_of_class()[index]]] += math.exp(score) / total
        answer.append(sorted(share.items(), key=lambda item: (-item[1], list_names().index(item[0])))[:n])
    return answer


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_the_fast_way_is_the_slow_way(dtype):
    scores = np.random.default_rng(1).normal(scale=2, size=(30, 1000)).astype(dtype)
    before = scores.copy()

    names, shares = guess_names(scores, n=5)

    slow = guess_slowly(scores.astype(float), 5)
    assert names.tolist() == [[name for name, _ in row] for row in slow]
    assert shares == pytest.approx(np.array([[share for _, share in row] for row in slow]), abs=1e-5)
    assert np.array_equal(scores, before)


def test_equal_shares_are_in_alphabetical_order():
    names, shares = guess_names(scores_with(c277=3.0, c272=3.0))
    assert names[0][:2].tolist() == ["coyote", "red fox"]
    assert shares[0][0] == shares[0][1]


def test_very_large_scores_are_no_problem():
    _, shares = guess_names(scores_with(c277=60_000.0, c272=-60_000.0))
    assert shares[0].tolist() == [1.0, 0.0, 0.0]


def test_no_crops_have_no_guesses():
    names, shares = guess_names(np.empty((0, 1000), dtype=np.float16))
    assert names.shape == shares.shape == (0, 3)


@pytest.mark.parametrize(
    ("scores", "n", "says"),
    [
        (np.zeros(1000), 3, r"shape \(n, 1000\), got \(1000,\)"),
        (np.zeros((2, 398)), 3, r"shape \(n, 1000\), got \(2, 398\)"),
        (np.full((1, 1000), np.nan), 3, "finite"),
        (np.full((1, 1000), np.inf), 3, "finite"),
        (np.zeros((1, 1000)), 0, "n is from 1 to"),
        (np.zeros((1, 1000)), 1000, "n is from 1 to"),
    ],
)
def test_bad_scores_are_refused(scores, n, says):
    with pytest.raises(ValueError, match=says):
        guess_names(scores, n=n)


def test_a_group_is_called_what_its_crops_are_called_on_average():
    names = np.array([["lion", "puma"], ["lion", "no animal"], ["puma", "lion"]], dtype=object)
    shares = np.array([[0.8, 0.1], [0.6, 0.3], [0.5, 0.4]])

    assert guess_group(names, shares) == [
        ("lion", pytest.approx(0.6)),
        ("puma", pytest.approx(0.2)),
        ("no animal", pytest.approx(0.1)),
    ]
    assert [name for name, _ in guess_group(names, shares, most=1)] == ["lion"]


def test_crops_without_guesses_do_not_count_in_a_group():
    names = np.array([["lion", "puma"], ["", ""]], dtype=object)
    assert guess_group(names, np.array([[0.8, 0.1], [0.0, 0.0]]))[0] == ("lion", pytest.approx(0.8))
    assert guess_group(np.full((3, 2), "", dtype=object), np.zeros((3, 2))) == []
    assert guess_group(np.empty((0, 3), dtype=object), np.empty((0, 3))) == []


@pytest.mark.parametrize(("names", "shares"), [((3,), (3,)), ((2, 3), (2, 2)), ((2, 3), (3, 3))])
def test_names_and_shares_of_different_shapes_are_refused(names, shares):
    with pytest.raises(ValueError, match="one shape"):
        guess_group(np.full(names, "lion", dtype=object), np.zeros(shares))


def test_a_guess_is_said_in_words():
    assert say_guess([("red fox", 0.624), ("coyote", 0.111)]) == "red fox 62%, coyote 11%"
    assert say_guess([]) == ""
