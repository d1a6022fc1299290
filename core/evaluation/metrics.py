"""How well scores separate anomalies from normal crops. Scores: higher is more anomalous."""

import math

import numpy as np


def compute_auroc(scores: np.ndarray, *, novel: np.ndarray) -> float:
    """The chance that an anomaly scores higher than a normal crop; of two equal scores half counts.

    Args:
        scores: Shape ``(n,)``, finite.
        novel: Which are anomalies, shape ``(n,)``, bool, with at least one of each.

    Returns:
        0 to 1; 0.5 is chance.

    Raises:
        ValueError: If shapes differ, a score is not finite, or one of the two is missing.
    """
    from sklearn.metrics import roc_auc_score  # importing it takes a second

    scores, novel = _check(scores, novel, needs_normal=True)
    return float(roc_auc_score(novel, scores))


def compute_average_precision(scores: np.ndarray, *, novel: np.ndarray) -> float:
    """Average precision, from the highest score down; equal scores are taken together.

    Arguments and errors as for ``compute_auroc``. Random scores give the share of anomalies.
    """
    from sklearn.metrics import average_precision_score  # importing it takes a second

    scores, novel = _check(scores, novel, needs_normal=True)
    return float(average_precision_score(novel, scores))


def compute_review_share(scores: np.ndarray, *, novel: np.ndarray, recall: float = 0.95) -> float:
    """The share of crops to review, most anomalous first, to find ``recall`` of the anomalies.

    Among equal scores the normal crops come first, so the share holds in the worst case.

    Args:
        scores: Shape ``(n,)``, finite.
        novel: Which are anomalies, shape ``(n,)``, bool, with at least one.
        recall: Share of the anomalies to find, over 0 to 1; rounded up to whole anomalies.

    Returns:
        Over 0 to 1; small is good.

    Raises:
        ValueError: If shapes differ, a score is not finite, there is no anomaly, or ``recall`` is out of range.
    """
    if not 0 < recall <= 1:
        raise ValueError(f"recall must be over 0 and at most 1, got {recall}")
    scores, novel = _check(scores, novel, needs_normal=False)
    n_wanted = math.ceil(recall * novel.sum() - 1e-9)  # 0.1 * 30 is a little over 3 in floating point
    order = np.lexsort((novel, -scores))
    met_at = np.flatnonzero(novel[order])[n_wanted - 1]
    return float(met_at + 1) / len(scores)


def compute_flag_rates(flagged: np.ndarray, *, novel: np.ndarray) -> tuple[float | None, float | None]:
    """The share of the anomalies and of the normal crops that are flagged: recall and false-alarm rate.

    Both arguments have shape ``(n,)``, bool. A share of nothing is None.
    """
    flagged, novel = np.asarray(flagged, dtype=bool), np.asarray(novel, dtype=bool)
    if flagged.ndim != 1 or flagged.shape != novel.shape:
        raise ValueError(f"flagged and novel must have one shape (n,), got {flagged.shape} and {novel.shape}")
    recall = float(flagged[novel].mean()) if novel.any() else None
    false_alarms = float(flagged[~novel].mean()) if not novel.all() else None
    return recall, false_alarms


def _check(scores: np.ndarray, novel: np.ndarray, *, needs_normal: bool) -> tuple[np.ndarray, np.ndarray]:
    scores, novel = np.asarray(scores, dtype=float), np.asarray(novel)
    if scores.ndim != 1 or scores.shape != novel.shape:
        raise ValueError(f"scores and novel must have one shape (n,), got {scores.shape} and {novel.shape}")
    if novel.dtype != bool:
        raise ValueError(f"novel must be of type bool, got {novel.dtype}")
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers")
    if not novel.any() or (needs_normal and novel.all()):
        raise ValueError(f"anomalies and normal crops are both needed, got {novel.sum()} and {(~novel).sum()}")
    return scores, novel
