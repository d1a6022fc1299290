"""How much of a retraining's gain is chance."""

import numpy as np
import pytest

from models.loop.held_out import draw_differences
from ui.retrain.report import tells_more_than_chance


def order(n: int, *, good: float, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half of the crops are anomalies; the larger ``good``, the better scores tell them apart."""
    rng = np.random.default_rng(seed)
    odd = np.arange(n) % 2 == 0
    scores = rng.normal(size=n) + good * odd
    return scores, np.exp(-np.maximum(scores, 0)), odd


@pytest.mark.parametrize(("n", "is_sure"), [(14, False), (400, True)])
def test_the_same_gain_is_chance_in_a_few_crops_and_none_in_many(n, is_sure):
    was, shown, odd = order(n, good=0.5, seed=1)
    now, p_values, _ = order(n, good=1.5, seed=2)
    events = np.array([f"e{i // 2}" for i in range(n)], dtype=object)

    difference = draw_differences((was, shown, 0.05), (now, p_values, 0.05), odd=odd, events=events)

    report = {"difference": difference, "after": {"n_anomalies": n // 2, "n_normal": n // 2}}
    assert set(difference) >= {"auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate"}
    assert tells_more_than_chance(report, "auroc") is is_sure


def test_without_held_out_crops_there_is_no_difference():
    nothing = np.empty(0)

    order_of_none = (nothing, nothing, 0.05)
    found = draw_differences(order_of_none, order_of_none, odd=nothing.astype(bool), events=nothing)
    assert found == {}


@pytest.mark.parametrize(("n", "is_sure"), [(14, False), (40, True)])
def test_a_report_of_an_earlier_version_counts_its_crops(n, is_sure):
    assert tells_more_than_chance({"after": {"n_anomalies": n, "n_normal": n}}, "auroc") is is_sure
