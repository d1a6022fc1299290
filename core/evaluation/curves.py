"""Curves of scores against the truth: receiver operating characteristic, precision and recall, review effort."""

from dataclasses import dataclass

import numpy as np

MOST_POINTS = 600


@dataclass(frozen=True)
class Curves:
    """At each score from the highest down, all crops at least that odd taken together.

    All have shape ``(m,)``, 0 to 1, and start at the point where nothing is reviewed.

    Attributes:
        reviewed: Share of all crops.
        recall: Share of the anomalies.
        false_alarms: Share of the normal crops.
        precision: Share of the reviewed crops that are anomalies; at the start that of the first step.
        prevalence: Share of the anomalies among all crops: what chance would give.
    """

    reviewed: np.ndarray
    recall: np.ndarray
    false_alarms: np.ndarray
    precision: np.ndarray
    prevalence: float


def trace_curves(scores: np.ndarray, *, novel: np.ndarray, most_points: int = MOST_POINTS) -> Curves:
    """Trace the curves; of very many points a part is kept, the ends and the steepest stretch among them.

    Args:
        scores: Shape ``(n,)``, finite; higher is more anomalous.
        novel: Which are anomalies, shape ``(n,)``, bool, with at least one of each kind.
        most_points: About how many points to keep.

    Raises:
        ValueError: If shapes differ, or anomalies or normal crops are missing.
    """
    scores, novel = np.asarray(scores, dtype=float), np.asarray(novel, dtype=bool)
    if scores.ndim != 1 or scores.shape != novel.shape:
        raise ValueError(f"scores and novel must have one shape (n,), got {scores.shape} and {novel.shape}")
    if not novel.any() or novel.all():
        raise ValueError(f"anomalies and normal crops are both needed, got {novel.sum()} and {(~novel).sum()}")
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    met, seen = np.cumsum(novel[order])[last], last + 1
    recall, false_alarms = met / novel.sum(), (seen - met) / (~novel).sum()
    precision = met / seen
    points = [seen / len(scores), recall, false_alarms]
    reviewed, recall, false_alarms = (np.concatenate([[0.0], values]) for values in points)
    precision = np.concatenate([precision[:1], precision])
    kept = _thin(recall + false_alarms, most=most_points)
    return Curves(reviewed[kept], recall[kept], false_alarms[kept], precision[kept], float(novel.mean()))


def _thin(along: np.ndarray, *, most: int) -> np.ndarray:
    """Indices to keep, evenly spaced along a rising line, so that steep stretches keep their points."""
    if len(along) <= most:
        return np.arange(len(along))
    wanted = np.linspace(along[0], along[-1], most)
    return np.unique(np.concatenate([[0], np.searchsorted(along, wanted).clip(0, len(along) - 1), [len(along) - 1]]))
