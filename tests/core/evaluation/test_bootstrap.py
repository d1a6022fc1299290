"""Intervals and curves: events drawn anew, against slow and obvious versions of the same maths."""

import numpy as np
import pandas as pd
import pytest

from core.evaluation.bootstrap import choose_rounds, compare_draws, draw_figures, find_intervals, measure_weighted
from core.evaluation.curves import trace_curves
from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_review_share


def draw_table(seed: int, *, n: int = 60, events: int = 20) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    novel = rng.random(n) < 0.3
    novel[:2] = (True, False)
    scores = np.round(rng.normal(size=n) + novel, 1 if seed % 2 else 3)
    return pd.DataFrame(
        {
            "event": [f"event-{i % events}" for i in range(n)],
            "rank": scores,
            "novel": novel,
            "flagged": scores > 0.8,
            "truth": np.where(novel, "stoat", "deer"),
        }
    )


@pytest.mark.parametrize("seed", range(6))
def test_figures_of_crops_that_count_several_times_are_those_of_a_table_that_repeats_them(seed):
    table = draw_table(seed).sort_values("rank", ascending=False, kind="stable")
    times = np.random.default_rng(seed).integers(0, 3, len(table))
    times[[int(table["novel"].argmax()), int((~table["novel"]).argmax())]] = 1
    scores, novel, flagged = (table[name].to_numpy() for name in ("rank", "novel", "flagged"))
    last = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    repeated = table.loc[table.index.repeat(times)]
    many, odd = repeated["rank"].to_numpy(), repeated["novel"].to_numpy()

    found = measure_weighted(times.astype(float), novel=novel, flagged=flagged, last=last, recall=0.95)

    assert found["auroc"] == pytest.approx(compute_auroc(many, novel=odd))
    assert found["average_precision"] == pytest.approx(compute_average_precision(many, novel=odd))
    assert found["review_at_95"] == pytest.approx(compute_review_share(many, novel=odd))
    assert found["recall_flagged"] == pytest.approx(repeated.loc[odd, "flagged"].mean())
    assert found["false_alarm_rate"] == pytest.approx(repeated.loc[~odd, "flagged"].mean())


def test_an_interval_holds_the_figure_and_narrows_with_more_events():
    few, many = draw_table(2, n=60, events=60), draw_table(2, n=1_200, events=1_200)

    short, long = (find_intervals(draw_figures(table, recall=0.95, rounds=200))["auroc"] for table in (many, few))

    for table, (low, high) in ((few, long), (many, short)):
        assert low < compute_auroc(table["rank"].to_numpy(), novel=table["novel"].to_numpy()) < high
    assert short[1] - short[0] < 0.5 * (long[1] - long[0])


def test_crops_of_one_event_are_drawn_together():
    table = draw_table(2, n=40, events=40)
    doubled = pd.concat([table, table], ignore_index=True)  # each event twice: nothing new was seen

    once, twice = (find_intervals(draw_figures(part, recall=0.95, rounds=200))["auroc"] for part in (table, doubled))

    np.testing.assert_allclose(once, twice, atol=1e-9)


def test_the_same_events_are_drawn_for_two_runs_so_that_they_can_be_compared():
    table = draw_table(2, n=200, events=200)
    same = table.sample(frac=1, random_state=3)
    better = table.assign(rank=table["rank"] + table["novel"])
    draws = [draw_figures(part, recall=0.95, rounds=100) for part in (table, same, better)]

    equal, ahead = compare_draws(draws[0], draws[1]), compare_draws(draws[2], draws[0])

    np.testing.assert_allclose(equal["auroc"], 0, atol=1e-12)
    assert ahead["auroc"][0] > 0


def test_what_no_draw_can_give_has_no_interval():
    table = draw_table(2).assign(novel=False)

    intervals = find_intervals(draw_figures(table, recall=0.95, rounds=50))

    assert intervals["auroc"] is None
    assert intervals["recall_flagged"] is None
    assert intervals["false_alarm_rate"] is not None


def test_very_many_crops_are_drawn_fewer_times():
    assert choose_rounds(500) == 1_000
    assert choose_rounds(100_000) == 200
    assert choose_rounds(10_000_000) == 100


@pytest.mark.parametrize("seed", range(4))
def test_curves_pass_through_what_every_threshold_gives(seed):
    table = draw_table(seed)
    scores, novel = table["rank"].to_numpy(), table["novel"].to_numpy()

    curves = trace_curves(scores, novel=novel)

    expected = [(0.0, 0.0, 0.0)]
    for threshold in sorted(set(scores), reverse=True):
        over = scores >= threshold
        expected.append((over.mean(), over[novel].mean(), over[~novel].mean()))
    np.testing.assert_allclose(np.column_stack([curves.reviewed, curves.recall, curves.false_alarms]), expected)
    assert np.trapezoid(curves.recall, curves.false_alarms) == pytest.approx(compute_auroc(scores, novel=novel))
    assert curves.prevalence == pytest.approx(novel.mean())


def test_very_long_curves_are_thinned_without_losing_their_shape():
    rng = np.random.default_rng(0)
    novel = rng.random(30_000) < 0.02
    scores = rng.normal(size=30_000) + 2 * novel

    curves = trace_curves(scores, novel=novel)

    assert len(curves.recall) < 700
    assert np.trapezoid(curves.recall, curves.false_alarms) == pytest.approx(
        compute_auroc(scores, novel=novel), abs=2e-3
    )


@pytest.mark.parametrize("novel", [np.zeros(3, bool), np.ones(3, bool), np.ones(2, bool)])
def test_curves_need_both_kinds(novel):
    with pytest.raises(ValueError, match=r"both needed|one shape"):
        trace_curves(np.arange(3.0), novel=novel)
