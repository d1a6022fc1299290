"""Cohen's kappa: by hand, and against a slow version that counts one crop after the other."""

import math

import numpy as np
import pytest

from core.study.agreement import (
    Agreement,
    compare_reviewers,
    compute_kappa,
    find_kappa_interval,
    say_agreement,
    say_kappa,
)

WORDS = ("anomaly", "normal", "unsure")


def slow_kappa(first, second) -> float:
    n = len(first)
    observed = sum(a == b for a, b in zip(first, second, strict=True)) / n
    chance = sum((sum(a == word for a in first) / n) * (sum(b == word for b in second) / n) for word in WORDS)
    return (observed - chance) / (1 - chance)


def test_a_table_worked_by_hand():
    # 20 + 15 of 50 agree: 0.7; chance (25 * 30 + 25 * 20) / 2500 = 0.5; (0.7 - 0.5) / 0.5 = 0.4
    assert compute_kappa(np.array([[20, 5], [10, 15]])) == pytest.approx(0.4)


def test_it_is_what_the_slow_version_gives():
    draw = np.random.default_rng(5)
    for _ in range(50):
        first = draw.choice(WORDS, 60, p=(0.6, 0.3, 0.1)).tolist()
        second = [word if draw.random() < 0.7 else str(draw.choice(WORDS)) for word in first]
        agreement = compare_reviewers(first, second, categories=WORDS)
        assert agreement.kappa == pytest.approx(slow_kappa(first, second))
        assert agreement.n_crops == 60
        assert agreement.n_agreed == sum(a == b for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize(
    ("first", "second", "kappa"),
    [
        (["anomaly", "normal"], ["anomaly", "normal"], 1.0),
        (["anomaly", "normal"], ["normal", "anomaly"], -1.0),
        (["anomaly", "anomaly", "normal", "normal"], ["anomaly", "normal", "anomaly", "normal"], 0.0),
        ([], [], math.nan),
        (["normal"] * 3, ["normal"] * 3, math.nan),
    ],
)
def test_the_ends_of_the_scale(first, second, kappa):
    assert compare_reviewers(first, second, categories=WORDS).kappa == pytest.approx(kappa, nan_ok=True)


@pytest.mark.parametrize(("first", "second"), [(["normal"], []), (["normal"], ["perhaps"])])
def test_what_cannot_be_compared_is_refused(first, second):
    with pytest.raises(ValueError, match="verdict"):
        compare_reviewers(first, second, categories=WORDS)


@pytest.mark.parametrize(
    ("kappa", "words"),
    [
        (1, "almost perfect"),
        (0.8, "substantial"),
        (0.5, "moderate"),
        (0.3, "fair"),
        (0, "slight"),
        (-0.1, "poor"),
        (math.nan, "not defined"),
    ],
)
def test_kappa_in_words(kappa, words):
    assert say_kappa(kappa) == words


def test_a_few_crops_are_not_put_into_words():
    """Two reviewers who agree on 6 of 8 crops: kappa 0 would be called slight, and could be anything."""
    few = Agreement(("normal", "anomaly"), np.array([[6, 1], [1, 0]]), compute_kappa(np.array([[6, 1], [1, 0]])))

    said = say_agreement(few)

    assert said.startswith("8 crops are too few to say how well they agree beyond chance.")
    assert not any(word in said for word in ("slight", "poor", "fair", "moderate"))


def test_with_more_crops_the_words_are_those_of_the_whole_interval():
    many = compare_reviewers(["a"] * 60 + ["b"] * 40, ["a"] * 55 + ["b"] * 45, categories=("a", "b"))
    low, high = find_kappa_interval(many)

    assert low < many.kappa < high
    assert high - low < 0.25
    assert "almost perfect (kappa 0." in say_agreement(many)
    assert "95 times in 100" in say_agreement(many)


def test_one_verdict_throughout_has_no_kappa_and_it_is_said():
    same = compare_reviewers(["a"] * 40, ["a"] * 40, categories=("a", "b"))

    assert "not defined" in say_agreement(same)
