"""The second stage starts from the score, is moved by verdicts, and says honestly what is left."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import expit

from core.evaluation.metrics import compute_auroc
from core.review.stopping import LEAST_DECIDED, Remaining, estimate_remaining
from models.loop import ranker as ranker_module
from models.loop.active_learning import draw_lots, list_rounds, order_by_likelihood, order_for_learning, predict_decided
from models.loop.ranker import LOOK_SPREAD, NEARNESS_SPREAD, PRIOR_ODDS, PRIOR_SLOPE, SCORE_SPREAD, SHIFT_SPREAD, Ranker


def draw_looks(n: int, *, width: int = 6, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(n, width))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_without_verdicts_the_order_is_that_of_the_scores():
    looks, scores = draw_looks(20), np.linspace(-1, 4, 20)

    odds = Ranker.fit(looks[:0], scores[:0], np.zeros(0, dtype=bool)).log_odds(looks, scores)

    assert (np.diff(odds) > 0).all()
    assert odds == pytest.approx(PRIOR_ODDS + PRIOR_SLOPE * scores)


def test_the_weights_are_those_of_a_slow_search():
    looks, scores = draw_looks(25, seed=1), np.random.default_rng(2).normal(size=25)
    odd = looks[:, 0] + 0.3 * scores > 0.4
    learnt = Ranker.fit(looks, scores, odd)

    likeness = looks @ looks.T
    np.fill_diagonal(likeness, -np.inf)
    near = np.stack([likeness[:, odd].max(axis=1), likeness[:, ~odd].max(axis=1)], axis=1)
    inputs = np.hstack([looks, near, np.clip(scores, -1, 4)[:, None], np.ones((25, 1))])
    centre = np.array([0.0] * 8 + [PRIOR_SLOPE, PRIOR_ODDS])
    spread = np.array([LOOK_SPREAD] * 6 + [NEARNESS_SPREAD] * 2 + [SCORE_SPREAD, SHIFT_SPREAD])

    def cost(weights):
        odds = inputs @ weights
        return np.logaddexp(0, np.where(odd, -odds, odds)).sum() + 0.5 * (((weights - centre) / spread) ** 2).sum()

    slow = minimize(cost, centre, method="BFGS", options={"gtol": 1e-7}).x
    ours = np.concatenate([learnt.weights, learnt.nearness, [learnt.slope, learnt.shift]])
    assert ours == pytest.approx(slow, abs=2e-3)


def test_few_verdicts_move_the_order_a_little_and_many_decide_it():
    looks, scores = draw_looks(600, seed=3), np.random.default_rng(4).normal(size=600)
    odd = looks[:, 0] > 0.5  # the score says nothing of it
    test = slice(300, None)

    aurocs = [
        compute_auroc(Ranker.fit(looks[:n], scores[:n], odd[:n]).log_odds(looks[test], scores[test]), novel=odd[test])
        for n in (0, 10, 40, 300)
    ]

    assert aurocs == sorted(aurocs)
    assert aurocs[0] < 0.6
    assert aurocs[-1] > 0.95


@pytest.mark.parametrize("odd", [np.ones(6, dtype=bool), np.zeros(6, dtype=bool)])
def test_verdicts_of_one_kind_alone_are_no_trouble(odd):
    looks = draw_looks(6)

    odds = Ranker.fit(looks, np.zeros(6), odd).log_odds(looks, np.full(6, np.nan))

    assert np.isfinite(odds).all()
    assert (odds > PRIOR_ODDS).all() if odd.all() else (odds < PRIOR_ODDS).all()


def test_of_very_many_verdicts_a_sample_counts_for_all(monkeypatch):
    looks, scores = draw_looks(400, seed=5), np.zeros(400)
    odd = looks[:, 0] > 0.6
    whole = Ranker.fit(looks, scores, odd).log_odds(looks, scores)
    monkeypatch.setattr(ranker_module, "MOST_VERDICTS", 200)

    sampled = Ranker.fit(looks, scores, odd).log_odds(looks, scores)

    assert expit(sampled).mean() == pytest.approx(expit(whole).mean(), abs=0.05)
    assert np.corrcoef(sampled, whole)[0, 1] > 0.95


@pytest.mark.parametrize(
    ("rows", "scores", "odd"),
    [
        (np.zeros((3, 2)), np.zeros(2), np.zeros(3, dtype=bool)),
        (np.zeros(3), np.zeros(3), np.zeros(3, dtype=bool)),
        (np.zeros((3, 2)), np.zeros(3), np.zeros(3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(rows, scores, odd):
    with pytest.raises(ValueError, match=r"must (have shapes|be of type)"):
        Ranker.fit(rows, scores, odd)


# Orders


def test_every_tenth_crop_comes_by_lot_and_each_comes_once():
    odds, lots = np.arange(50.0)[::-1], draw_lots([f"crop-{i}" for i in range(50)])

    order = order_by_likelihood(odds, lots=lots)

    assert sorted(order) == list(range(50))
    by_lot = np.argsort(lots, kind="stable")
    first_drawn = next(i for i in by_lot if i not in order[:9])
    assert order[:9].tolist() == list(range(9))
    assert order[9] == first_drawn
    assert order_by_likelihood(odds, lots=lots, chance_every=0).tolist() == list(range(50))


def test_lots_are_the_same_in_every_process():
    assert draw_lots(["a", "b"]).tolist() == [LOT_OF_A, LOT_OF_B]


LOT_OF_A, LOT_OF_B = 17648598219618568025, 2864958893844797112


def test_what_teaches_most_is_in_doubt_and_unlike_what_was_seen():
    looks = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])

    order = order_for_learning(np.array([0.0, 0.1, 0.2, 6.0]), looks, decided=np.zeros((0, 2)))

    assert order.tolist() == [0, 2, 3, 1], "the twin of the first comes last, though it is in doubt"
    after = order_for_learning(np.array([0.0, 0.1, 0.2, 6.0]), looks, decided=np.array([[1.0, 0.0]]))
    assert after.tolist() == [2, 3, 0, 1], "both twins of a decided crop come last, the more doubtful first"


def test_what_was_predicted_never_knew_its_own_verdict():
    looks, scores = draw_looks(60, seed=6), np.random.default_rng(7).normal(size=60)
    odd = looks[:, 0] > 0.3

    said = predict_decided(looks, scores, odd)
    turned = odd.copy()
    turned[45:] = ~turned[45:]

    assert (predict_decided(looks, scores, turned)[:40] == said[:40]).all()
    assert (predict_decided(looks[:40], scores[:40], odd[:40]) == said[:40]).all()
    assert len(predict_decided(looks, scores, odd, known=20)) == 40
    assert [stop for _, stop in list_rounds(100)] == [10, 20, 30, 40, 50, 60, 72, 86, 100]


# What is left


def simulate(n: int, *, seed: int, shift: float = 0.0) -> tuple[Remaining, int]:
    """A review that follows its log-odds, which are off by ``shift``."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(-4, 2, size=n)
    odd = rng.random(n) < expit(odds + shift)
    order = np.argsort(-odds)
    seen, left = order[: n // 4], order[n // 4 :]
    said = estimate_remaining(odds[left], predicted=odds[seen], anomalous=odd[seen])
    return said, int(odd[left].sum())


@pytest.mark.parametrize("shift", [-1.0, 0.0, 1.0])
def test_the_bound_covers_what_is_left_as_often_as_it_says_though_the_odds_are_off(shift):
    said = [simulate(400, seed=seed, shift=shift) for seed in range(100)]

    assert np.mean([left <= estimate.at_most for estimate, left in said]) >= 0.9
    assert np.mean([estimate.expected - left for estimate, left in said]) == pytest.approx(0, abs=3)


def test_nothing_left_to_look_at_means_nothing_left():
    said = estimate_remaining(np.zeros(0), predicted=np.zeros(3), anomalous=np.array([True, False, False]))

    assert (said.expected, said.at_most, said.found, said.can_stop) == (0.0, 0, 1, True)


def test_it_never_says_more_than_there_are_and_never_stops_before_something_was_seen():
    hopeful = estimate_remaining(np.full(5, 9.0), predicted=np.zeros(0), anomalous=np.zeros(0, dtype=bool))
    early = estimate_remaining(np.full(5, -9.0), predicted=np.full(10, -9.0), anomalous=np.zeros(10, dtype=bool))
    later = estimate_remaining(
        np.full(5, -9.0), predicted=np.full(LEAST_DECIDED, -9.0), anomalous=np.zeros(LEAST_DECIDED, dtype=bool)
    )

    assert hopeful.at_most == 5
    assert (early.can_stop, later.can_stop) == (False, True)


def test_a_million_crops_are_counted_at_once():
    odds = np.random.default_rng(8).normal(-9, 2, size=1_000_000)

    said = estimate_remaining(odds, predicted=odds[:500], anomalous=np.zeros(500, dtype=bool))

    assert 0 <= said.expected <= said.at_most < 1_000_000


@pytest.mark.parametrize(
    "values", [{"open_log_odds": [np.nan]}, {"predicted": [0.0, 1.0]}, {"anomalous": np.zeros(1)}, {"level": 1.0}]
)
def test_numbers_that_make_no_sense_are_refused(values):
    fine = {"open_log_odds": [0.0], "predicted": [0.0], "anomalous": np.zeros(1, dtype=bool)}

    with pytest.raises(ValueError, match="must be"):
        estimate_remaining(**{**fine, **values})
