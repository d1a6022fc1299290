"""How well scores tell the odd from the usual, against slow and obvious versions of the same maths."""

import math

import numpy as np
import pytest

from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_flag_rates, compute_review_share

SEEDS = range(8)


def draw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and some anomalies among them."""
    rng = np.random.default_rng(seed)
    novel = rng.random(60) < 0.3
    return np.round(rng.normal(size=60) + novel, 0 if seed % 2 else 2), novel


@pytest.mark.parametrize("seed", SEEDS)
def test_auroc_is_the_share_of_pairs_in_the_right_order_with_ties_as_half(seed):
    scores, novel = draw(seed)
    pairs = [1.0 if odd > usual else 0.5 if odd == usual else 0.0 for odd in scores[novel] for usual in scores[~novel]]
    assert compute_auroc(scores, novel=novel) == pytest.approx(sum(pairs) / len(pairs))


@pytest.mark.parametrize("seed", SEEDS)
def test_average_precision_adds_up_precision_at_each_score_with_the_recall_that_it_gains(seed):
    scores, novel = draw(seed)
    total, before = 0.0, 0.0
    for threshold in sorted(set(scores), reverse=True):
        reviewed = scores >= threshold
        recall = novel[reviewed].sum() / novel.sum()
        total += (recall - before) * novel[reviewed].mean()
        before = recall
    assert compute_average_precision(scores, novel=novel) == pytest.approx(total)


@pytest.mark.parametrize("recall", [0.05, 0.5, 0.95, 1.0])
@pytest.mark.parametrize("seed", SEEDS)
def test_review_share_counts_the_crops_until_enough_anomalies_are_met_in_the_unluckiest_order(seed, recall):
    scores, novel = draw(seed)
    queue = sorted(zip(scores, novel, strict=True), key=lambda crop: (-crop[0], crop[1]))
    met = reviewed = 0
    while met < math.ceil(recall * novel.sum()):
        met += queue[reviewed][1]
        reviewed += 1
    assert compute_review_share(scores, novel=novel, recall=recall) == pytest.approx(reviewed / len(scores))


def test_scores_that_are_all_alike_mean_reviewing_everything():
    novel = np.array([True, False, False, False])
    assert compute_review_share(np.zeros(4), novel=novel) == 1.0
    assert compute_auroc(np.zeros(4), novel=novel) == 0.5


def test_a_tenth_of_thirty_anomalies_is_three():
    novel = np.ones(30, dtype=bool)
    assert compute_review_share(np.arange(30.0), novel=novel, recall=0.1) == pytest.approx(0.1)


def test_flag_rates_are_the_shares_of_flagged_among_the_odd_and_the_usual():
    flagged = np.array([True, True, False, True, False, False, False, False])
    novel = np.array([True, True, True, False, False, False, False, False])
    assert compute_flag_rates(flagged, novel=novel) == (pytest.approx(2 / 3), pytest.approx(1 / 5))


def test_the_share_of_nothing_is_none():
    assert compute_flag_rates(np.array([True]), novel=np.array([True])) == (1.0, None)
    assert compute_flag_rates(np.array([True]), novel=np.array([False])) == (None, 1.0)


def test_the_input_is_left_as_it_was():
    scores, novel = draw(0)
    before = scores.copy(), novel.copy()
    compute_review_share(scores, novel=novel)
    compute_auroc(scores, novel=novel)
    np.testing.assert_array_equal(scores, before[0])
    np.testing.assert_array_equal(novel, before[1])


BOTH = np.array([True, False])


@pytest.mark.parametrize("compute", [compute_auroc, compute_average_precision, compute_review_share])
@pytest.mark.parametrize(
    ("scores", "novel", "said"),
    [
        (np.zeros(3), BOTH, "one shape"),
        (np.zeros((2, 1)), BOTH, "one shape"),
        (np.array([0.0, math.nan]), BOTH, "finite"),
        (np.array([0.0, math.inf]), BOTH, "finite"),
        (np.zeros(2), np.array([0, 1]), "bool"),
        (np.zeros(2), np.array([False, False]), "both needed"),
        (np.zeros(0), np.zeros(0, dtype=bool), "both needed"),
    ],
)
def test_bad_arguments_are_refused_by_name(compute, scores, novel, said):
    with pytest.raises(ValueError, match=said):
        compute(scores, novel=novel)


@pytest.mark.parametrize("compute", [compute_auroc, compute_average_precision])
def test_ranking_needs_a_normal_crop_too(compute):
    with pytest.raises(ValueError, match="both needed"):
        compute(np.zeros(2), novel=np.array([True, True]))


@pytest.mark.parametrize("recall", [0.0, -1.0, 1.01, math.nan])
def test_a_recall_out_of_range_is_refused(recall):
    with pytest.raises(ValueError, match="recall"):
        compute_review_share(np.zeros(2), novel=BOTH, recall=recall)


def test_flag_rates_refuse_another_shape():
    with pytest.raises(ValueError, match="one shape"):
        compute_flag_rates(np.array([True]), novel=BOTH)
