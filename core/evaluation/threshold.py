"""Finds the false-alarm rate that would have flagged the anomalies that reviewers accepted."""

from typing import TypedDict

import numpy as np

LEAST_ANOMALIES = 10
RECALL = 0.95


class SuggestedRate(TypedDict):
    """The smallest rate that flags enough of the accepted anomalies, and what it costs.

    ``rate``: false-alarm rate, over 0 to 1. ``recall``: share of the anomalies that it flags. ``false_alarms``: share
    of the normal crops that it flags, None without any.
    """

    rate: float
    recall: float
    false_alarms: float | None


def suggest_rate(p_values: np.ndarray, *, anomalous: np.ndarray, recall: float = RECALL) -> SuggestedRate | None:
    """The smallest false-alarm rate at which at least ``recall`` of the reviewed anomalies are flagged.

    Args:
        p_values: Of reviewed crops, shape ``(n,)``, over 0 to 1; small is anomalous.
        anomalous: What was decided, shape ``(n,)``, bool.
        recall: Over 0 to 1.

    Returns:
        None with fewer than ``LEAST_ANOMALIES`` anomalies: too few to estimate a share of 95%.

    Raises:
        ValueError: If the shapes differ or the recall is out of range.
    """
    if p_values.shape != anomalous.shape or p_values.ndim != 1:
        raise ValueError(f"p_values and anomalous must be of one flat shape, got {p_values.shape}, {anomalous.shape}")
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be over 0 to 1, got {recall}")
    odd, usual = np.sort(p_values[anomalous]), p_values[~anomalous]
    if len(odd) < LEAST_ANOMALIES:
        return None
    needed = int(np.ceil(recall * len(odd) - 1e-9))
    rate = float(odd[needed - 1])
    return SuggestedRate(
        rate=rate,
        recall=float((odd <= rate).mean()),
        false_alarms=float((usual <= rate).mean()) if len(usual) else None,
    )
