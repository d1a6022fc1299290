"""What is unexpected in a scene, and what is missing from it, at a promised false-alarm rate.

A class that is present although it is unlikely is unexpected; one that is absent although it is likely is missing. Both
are measured in log-odds, higher is more anomalous, and compared with the most unexpected (or most missed) class of
each ordinary scene that was held out: so the rate is the share of ordinary *scenes* with at least one false alarm.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import pandas as pd
from scipy import sparse

from core.scenes.scene_set import list_pairs

NOTHING_FOUND = -np.inf
"""The score of a scene without a class that could be unexpected, or without one that could be missing."""
FINDING_COLUMNS = ("scene", "class", "kind", "probability", "score", "p_value")


class Kind(StrEnum):
    """What is odd about a class in a scene."""

    UNEXPECTED = "unexpected"
    MISSING = "missing"


@dataclass(frozen=True, eq=False)
class Calibration:
    """The scores of held-out ordinary scenes: of the most unexpected and of the most missed class of each, sorted."""

    unexpected: np.ndarray  # (m,)
    missing: np.ndarray  # (m,)

    def of(self, kind: Kind) -> np.ndarray:
        """The sorted scores for one of the two."""
        return self.unexpected if kind is Kind.UNEXPECTED else self.missing

    def p_values(self, scores: np.ndarray, *, kind: Kind) -> np.ndarray:
        """``(1 + #{held-out >= score}) / (1 + m)`` for each score."""
        ordered = self.of(kind)
        return (1 + len(ordered) - np.searchsorted(ordered, scores, side="left")) / (1 + len(ordered))

    def least_score(self, rate: float, *, kind: Kind) -> float:
        """The score above which p-values are at most ``rate``; infinite if there are too few held-out scenes for it.

        >>> ten = np.arange(10.0)
        >>> Calibration(ten, ten).least_score(0.2, kind=Kind.MISSING)
        8.0
        >>> Calibration(ten, ten).least_score(0.05, kind=Kind.MISSING)
        inf
        """
        ordered = self.of(kind)
        n_over = int(np.floor(rate * (1 + len(ordered)) + 1e-9)) - 1  # so many held-out scores may be at least as high
        if n_over < 0:
            return float("inf")
        if n_over >= len(ordered):
            return float("-inf")
        return float(ordered[len(ordered) - n_over - 1])  # a score must be higher than this one


def to_probability(log_odds: np.ndarray) -> np.ndarray:
    """Probabilities, 0 to 1, of log-odds: ``1 / (1 + exp(-x))``.

    >>> to_probability(np.array([0.0, -1000.0])).tolist()
    [0.5, 0.0]
    """
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(log_odds, dtype=float))))


def score_scenes(
    log_odds: np.ndarray, present: sparse.csr_array, *, several_of: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How unexpected its most unexpected class is, and how missed its most missed one, for each scene.

    Args:
        log_odds: Of each class, given the others, shape ``(n, k)``, finite.
        present: Which classes are there, shape ``(n, k)``.
        several_of: As in ``SceneSet``; "2 or more" can be unexpected, but is never missing.

    Returns:
        Two arrays of shape ``(n,)``, in log-odds, higher is more anomalous; ``NOTHING_FOUND`` where no class can be.
    """
    rows, columns = list_pairs(present)
    unexpected = np.full(len(log_odds), NOTHING_FOUND)
    np.maximum.at(unexpected, rows, -log_odds[rows, columns])
    return unexpected, _leave_absent(log_odds, present, several_of).max(axis=1, initial=NOTHING_FOUND)


def _leave_absent(log_odds: np.ndarray, present: sparse.csr_array, several_of: np.ndarray | None) -> np.ndarray:
    """The log-odds of what may be missing; ``NOTHING_FOUND`` elsewhere."""
    absent = log_odds.copy()
    absent[list_pairs(present)] = NOTHING_FOUND
    if several_of is not None:
        absent[:, several_of >= 0] = NOTHING_FOUND
    return absent


def calibrate(unexpected: np.ndarray, missing: np.ndarray) -> Calibration:
    """From the scores of held-out ordinary scenes.

    Raises:
        ValueError: If one of them is not a number.
    """
    if np.isnan(unexpected).any() or np.isnan(missing).any():
        raise ValueError("scores must be numbers, got NaN")
    return Calibration(np.sort(unexpected), np.sort(missing))


def find_odd(
    log_odds: np.ndarray,
    present: sparse.csr_array,
    calibration: Calibration,
    *,
    rate: float,
    several_of: np.ndarray | None = None,
) -> pd.DataFrame:
    """Every class that is unexpected in its scene or missing from it.

    Args:
        log_odds: Of each class, given the others, shape ``(n, k)``, finite.
        present: Which classes are there, shape ``(n, k)``.
        calibration: Of held-out ordinary scenes.
        rate: The false-alarm rate: share of ordinary scenes with a false alarm of a kind, 0 to 1.
        several_of: As in ``SceneSet``.

    Returns:
        ``FINDING_COLUMNS``: ``scene`` and ``class`` are indices, ``probability`` is 0 to 1; most anomalous first.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a false-alarm rate is between 0 and 1, got {rate}")
    rows, columns = list_pairs(present)
    hit = -log_odds[rows, columns] > calibration.least_score(rate, kind=Kind.UNEXPECTED)
    absent = _leave_absent(log_odds, present, several_of)
    least = max(calibration.least_score(rate, kind=Kind.MISSING), np.finfo(absent.dtype).min)
    absent_rows, absent_columns = np.nonzero(absent > least)
    joined = pd.concat(
        [
            _make_table(Kind.UNEXPECTED, rows[hit], columns[hit], log_odds, calibration),
            _make_table(Kind.MISSING, absent_rows, absent_columns, log_odds, calibration),
        ],
        ignore_index=True,
    )
    return joined.sort_values(["p_value", "score"], ascending=[True, False], kind="stable", ignore_index=True)


def _make_table(
    kind: Kind, rows: np.ndarray, columns: np.ndarray, log_odds: np.ndarray, calibration: Calibration
) -> pd.DataFrame:
    odds = log_odds[rows, columns]
    scores = -odds if kind is Kind.UNEXPECTED else odds
    return pd.DataFrame(
        {
            "scene": rows,
            "class": columns,
            "kind": str(kind),
            "probability": to_probability(odds),
            "score": scores.astype(float),
            "p_value": calibration.p_values(scores, kind=kind),
        }
    )
