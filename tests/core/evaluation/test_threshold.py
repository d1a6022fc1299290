"""Accepted anomalies say which false-alarm rate would have flagged them."""

import numpy as np
import pytest

from core.evaluation.threshold import LEAST_ANOMALIES, suggest_rate


def find_slowly(p_values, anomalous, recall):
    for rate in sorted(set(p_values[anomalous])):
        if (p_values[anomalous] <= rate).mean() >= recall - 1e-12:
            return rate
    raise AssertionError


@pytest.mark.parametrize("recall", [0.5, 0.8, 0.95, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_smallest_rate_that_flags_enough(seed, recall):
    rng = np.random.default_rng(seed)
    anomalous = rng.random(200) < 0.3
    p_values = np.where(anomalous, rng.random(200) ** 3, rng.random(200)).round(2) + 0.001

    found = suggest_rate(p_values, anomalous=anomalous, recall=recall)

    assert found["rate"] == find_slowly(p_values, anomalous, recall)
    assert found["recall"] == (p_values[anomalous] <= found["rate"]).mean() >= recall
    assert found["false_alarms"] == (p_values[~anomalous] <= found["rate"]).mean()


def test_few_anomalies_say_nothing():
    p_values = np.full(LEAST_ANOMALIES - 1, 0.01)
    assert suggest_rate(p_values, anomalous=np.ones(len(p_values), dtype=bool)) is None


def test_without_normal_crops_the_false_alarms_are_not_known():
    found = suggest_rate(np.linspace(0.01, 0.2, 20), anomalous=np.ones(20, dtype=bool))
    assert found["rate"] == pytest.approx(0.19)
    assert found["false_alarms"] is None


@pytest.mark.parametrize(("shape", "recall"), [((3,), 0.0), ((3,), 1.1), ((4,), 0.95)])
def test_arguments_that_cannot_be_are_refused(shape, recall):
    with pytest.raises(ValueError, match="must be"):
        suggest_rate(np.ones(3), anomalous=np.ones(shape, dtype=bool), recall=recall)
