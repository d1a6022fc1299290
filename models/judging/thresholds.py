"""Thresholds as others state them, turned into the false-alarm rate that they amount to."""

import re
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from core.errors import AnomalureError
from core.settings.run import RunSettings

LEAST_RATE, MOST_RATE = 0.0001, 0.5
"""Of ``RunSettings.false_alarm_rate``."""
_DEVIATIONS = re.compile(r"mean\s*\+\s*(\d+(?:\.\d+)?)\s*sd", re.IGNORECASE)
_PERCENTILE = re.compile(r"p(?:ercentile)?\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
FORMS = "mean+2sd (mean and standard deviations) or p95 (a percentile)"


class Threshold(NamedTuple):
    """``deviations`` over the mean of the held-out normal crops, or at their ``percentile``; the other is None."""

    deviations: float | None = None
    percentile: float | None = None


def read_threshold(text: str) -> Threshold | None:
    """``mean+2.5sd``, ``p99`` or ``percentile 99``; None: the text is empty.

    Raises:
        AnomalureError: If it is none of them.
    """
    text = text.strip()
    if not text:
        return None
    if found := _DEVIATIONS.fullmatch(text):
        return Threshold(deviations=float(found[1]))
    if (found := _PERCENTILE.fullmatch(text)) and 50 <= float(found[1]) < 100:
        return Threshold(percentile=float(found[1]))
    raise AnomalureError(f"A threshold is {FORMS}, the percentile from 50 to under 100; got {text!r}.")


def find_cut(scores: np.ndarray, threshold: Threshold) -> float:
    """The score over which crops are flagged, in the unit of ``scores``, those of normal crops, shape ``(n,)``."""
    if threshold.deviations is not None:
        return float(scores.mean() + threshold.deviations * scores.std())
    assert threshold.percentile is not None
    return float(np.percentile(scores, threshold.percentile))


def find_rate(scores: np.ndarray, threshold: Threshold) -> float:
    """The false-alarm rate that a threshold amounts to: the p-value of the least crop over it, over 0 to 1.

    Args:
        scores: Of held-out normal crops, shape ``(n,)``, n >= 1; higher is more anomalous.
        threshold: From where on to flag.
    """
    return float((1 + (scores > find_cut(scores, threshold)).sum()) / (1 + len(scores)))


def set_threshold(settings: RunSettings, scores: np.ndarray, text: str) -> tuple[RunSettings, str]:
    """The settings with the false-alarm rate that a threshold amounts to, and a sentence about it for the card.

    Raises:
        AnomalureError: If the text is no threshold.
    """
    threshold = read_threshold(text)
    assert threshold is not None
    rate = find_rate(scores, threshold)
    kept = round(min(max(rate, LEAST_RATE), MOST_RATE), 6)
    words = (
        f"The threshold {text.strip()} of the scores of {len(scores)} held-out normal crops flags {rate:.2%} of such "
        f"crops: this is the false-alarm rate of runs, {kept:g}."
    )
    return replace(settings, false_alarm_rate=kept), words
