"""Estimates how many anomalies remain among the undecided crops, and whether the review can stop."""

import math
from dataclasses import dataclass

import numpy as np

LEVEL = 0.97
"""People look at the estimate after every few verdicts and stop at the first good one. At 0.95 it then covered the
remaining anomalies in less than nine of ten reviews (bench/loop.py)."""
SPREAD_OF_SHIFT = 1.0
SPREAD_OF_SLOPE = 0.3
_SHIFTS = np.linspace(-3.0, 3.0, 41) * SPREAD_OF_SHIFT
_SLOPES = 1.0 + np.linspace(-2.5, 2.5, 21) * SPREAD_OF_SLOPE
# Log-odds are counted in bins of this width, so a million crops cost as little as a few hundred.
BIN_WIDTH = 0.05
_EXTREME = 20.0
ENOUGH_FOUND = 0.95
"""The review can stop when probably at least this share of the anomalies is found ..."""
FEW_LEFT = 3
"""... or when probably fewer than this are left."""
LEAST_DECIDED = 30
"""With fewer verdicts there is no estimate."""


@dataclass(frozen=True, kw_only=True)
class Remaining:
    """The estimate of what remains in a run.

    Attributes:
        found: Anomalies among the crops that are decided.
        decided: Crops with a verdict of anomaly or normal.
        undecided: Crops without such a verdict.
        expected: Anomalies to expect among the undecided ones, >= 0.
        at_most: With probability ``level`` no more than this many remain; 0 to ``undecided``.
        level: Probability, 0 to 1.
    """

    found: int
    decided: int
    undecided: int
    expected: float
    at_most: int
    level: float = LEVEL

    @property
    def share_found(self) -> float:
        """With probability ``level`` at least this share of all anomalies is found; 0 to 1, and 1 if there are none."""
        total = self.found + self.at_most
        return 1.0 if total == 0 else self.found / total

    @property
    def can_stop(self) -> bool:
        """Whether the review can stop: few anomalies remain, or nearly all are found."""
        if self.decided < LEAST_DECIDED and self.undecided:
            return False
        return self.at_most < FEW_LEFT or self.share_found >= ENOUGH_FOUND


def estimate_remaining(
    open_log_odds: np.ndarray, *, predicted: np.ndarray, anomalous: np.ndarray, level: float = LEVEL
) -> Remaining:
    """How many anomalies the undecided crops probably hold.

    A ranker says how likely each undecided crop is an anomaly. The decided crops show how good it is: for each there is
    the prediction *before* its verdict was known, and the verdict. Because a verdict never changes its own prediction,
    this holds for any order of review, also for one that followed the ranker. A straight line over the log-odds (shift
    and slope) corrects the predictions. The uncertainty of the line widens the answer: it is the ``level`` quantile,
    over all lines weighted by how well they fit, of the Poisson distribution of the remaining anomalies.

    The estimate assumes that the undecided crops resemble the decided ones. It cannot predict anomalies that look like
    a known species if none of them was found; the random crops in the order are there to find them.

    Args:
        open_log_odds: Log-odds that each undecided crop is an anomaly, shape ``(n,)``.
        predicted: The log-odds that each decided crop had before its verdict, shape ``(m,)``.
        anomalous: Whether it was an anomaly, shape ``(m,)``, bool.
        level: Probability, above 0 and below 1.

    Raises:
        ValueError: If shapes differ, a number is not finite, or the level is out of range.

    Source: Dawid, The prequential approach, 1984; Platt scaling as a prior-weighted grid; model-based stopping as in
    Yang, Lewis and Frieder, Heuristic Stopping Rules for Technology-Assisted Review, 2021.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must be over 0 and under 1, got {level}")
    open_log_odds, predicted = np.asarray(open_log_odds, dtype=float), np.asarray(predicted, dtype=float)
    anomalous = np.asarray(anomalous)
    if anomalous.dtype != bool:
        raise ValueError(f"anomalous must be of type bool, got {anomalous.dtype}")
    if open_log_odds.ndim != 1 or predicted.ndim != 1 or predicted.shape != anomalous.shape:
        raise ValueError(
            f"log-odds must be flat and predicted and anomalous of one shape, got {open_log_odds.shape}, "
            f"{predicted.shape} and {anomalous.shape}"
        )
    if not (np.isfinite(open_log_odds).all() and np.isfinite(predicted).all()):
        raise ValueError("log-odds must be finite numbers")
    found, decided, undecided = int(anomalous.sum()), len(anomalous), len(open_log_odds)
    if undecided == 0:
        return Remaining(found=found, decided=decided, undecided=0, expected=0.0, at_most=0, level=level)
    shifts, slopes = (grid.ravel() for grid in np.meshgrid(_SHIFTS, _SLOPES))  # (g,)
    log_weight = -0.5 * (shifts / SPREAD_OF_SHIFT) ** 2 - 0.5 * ((slopes - 1) / SPREAD_OF_SLOPE) ** 2
    for outcome in (True, False):
        values, counts = _gather(predicted[anomalous == outcome])
        lines = shifts[:, None] + slopes[:, None] * values  # (g, bins)
        log_weight -= np.logaddexp(0, -lines if outcome else lines) @ counts
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    values, counts = _gather(open_log_odds)
    from scipy.special import expit  # importing it takes a tenth of a second, and every command reads this file

    means = expit(shifts[:, None] + slopes[:, None] * values) @ counts  # (g,)
    expected = float(means @ weight)
    at_most = _find_quantile(means, weight, level=level, most=undecided)
    return Remaining(found=found, decided=decided, undecided=undecided, expected=expected, at_most=at_most, level=level)


def _gather(log_odds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bins of log-odds that occur, and how often each does."""
    bins = np.round(np.clip(log_odds, -_EXTREME, _EXTREME) / BIN_WIDTH).astype(int)
    values, counts = np.unique(bins, return_counts=True)
    return values * BIN_WIDTH, counts.astype(float)


def _find_quantile(means: np.ndarray, weight: np.ndarray, *, level: float, most: int) -> int:
    """The least k at which the mixture of Poisson distributions reaches ``level``, at most ``most``."""
    from scipy.special import pdtr

    low, high = -1, min(most, math.ceil(float(means.max()) + 10 * math.sqrt(float(means.max()) + 1)))
    while high - low > 1:
        middle = (low + high) // 2
        if float(pdtr(middle, means) @ weight) >= level:
            high = middle
        else:
            low = middle
    return high
