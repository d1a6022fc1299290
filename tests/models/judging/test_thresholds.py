"""Thresholds as others state them become the false-alarm rate that they amount to."""

import numpy as np
import pytest

from core.errors import AnomalureError
from core.settings.run import RunSettings
from models.judging.calibration import compute_p_values
from models.judging.thresholds import find_cut, find_rate, read_threshold, set_threshold

SCORES = np.sort(np.random.default_rng(0).normal(size=500))


@pytest.mark.parametrize("text", ["mean+2sd", "mean + 0.5 SD", "p95", "percentile 80", "p99.5"])
def test_crops_over_the_threshold_are_those_that_the_rate_flags(text):
    threshold = read_threshold(text)
    asked = np.random.default_rng(1).normal(size=400) * 2
    cut, rate = find_cut(SCORES, threshold), find_rate(SCORES, threshold)

    flagged = compute_p_values(asked, reference=SCORES) <= rate

    assert flagged[asked > cut].all()
    between = (asked <= cut) & (asked > SCORES[cut >= SCORES].max())  # no held-out crop lies there to tell them apart
    assert not flagged[(asked <= cut) & ~between].any()


def test_the_cut_is_that_of_a_slow_version():
    mean = sum(SCORES) / len(SCORES)
    deviation = (sum((one - mean) ** 2 for one in SCORES) / len(SCORES)) ** 0.5
    assert find_cut(SCORES, read_threshold("mean+1.5sd")) == pytest.approx(mean + 1.5 * deviation)
    assert find_cut(np.arange(101.0), read_threshold("p90")) == 90


def test_the_rate_and_a_sentence_for_the_card():
    settings, words = set_threshold(RunSettings(), np.arange(99.0), "p90")
    assert settings.false_alarm_rate == 0.11
    assert words == (
        "The threshold p90 of the scores of 99 held-out normal crops flags 11.00% of such crops: this is the "
        "false-alarm rate of runs, 0.11."
    )


@pytest.mark.parametrize("text", ["2", "mean", "mean-2sd", "mean+sd", "p100", "p20", "p", "mean+nansd", "95%"])
def test_what_is_no_threshold_is_refused_in_a_sentence(text):
    with pytest.raises(AnomalureError, match=r"A threshold is mean\+2sd .* got"):
        read_threshold(text)


def test_an_empty_text_is_no_threshold():
    assert read_threshold("  ") is None
