"""The ranker: a model of the odds that a crop is an anomaly, trained on verdicts."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.special import expit

PRIOR_ODDS = -4.0
PRIOR_SLOPE = 2.0
"""Before any verdict the log-odds are ``PRIOR_ODDS + PRIOR_SLOPE * score``: 2% at the median of the normal crops, 12%
at their 95th percentile. The order is that of the scores."""
LOWEST_SCORE, HIGHEST_SCORE = -1.0, 4.0
LOOK_SPREAD = 6.0
"""How far, in log-odds, verdicts can move a crop by its embedding; 4 to 10 work as well on five kinds of anomaly."""
NEARNESS_SPREAD = 2.0
SCORE_SPREAD = 1.0
SHIFT_SPREAD = 1.0
MOST_VERDICTS = 2_000
"""With more verdicts, a sample with a fixed seed (anomalies first) is used, weighted for the verdicts left out."""
MOST_NEIGHBOURS = 500
SEED = 0
CHUNK_ROWS = 8_192
_STEPS = 50
_GOOD_ENOUGH = 1e-8
_LEAST_STEP = 1e-4
_LEAST_CURVATURE = 1e-9


@dataclass(frozen=True)
class Ranker:
    """A logistic regression that starts from the one-class score and is moved by the verdicts, if there are any.

    Its inputs are the normalised embedding, the score, and the similarity to the nearest anomaly and to the nearest
    normal crop that were reviewed. Each weight has a Gaussian prior around what the score alone says, so without
    verdicts the order is that of the score, a few verdicts change it a little, and many verdicts determine it.

    Attributes:
        weights: Of the embedding, shape ``(d,)``.
        nearness: Weights of the similarity to the nearest reviewed anomaly and normal crop, shape ``(2,)``.
        slope: Weight of the score.
        shift: Constant term of the log-odds.
        anomalies: Reviewed anomalies, normalised, shape ``(k, d)``.
        normals: Reviewed normal crops, normalised, shape ``(m, d)``.

    Source: MacKay, Bayesian methods for adaptive models, 1992 (maximum a posteriori logistic regression); solved in
    the space of the verdicts, so that the cost grows with their number and not with the length of the embedding.
    """

    weights: np.ndarray
    nearness: np.ndarray
    slope: float
    shift: float
    anomalies: np.ndarray
    normals: np.ndarray

    @classmethod
    def start(cls, width: int) -> "Ranker":
        """The ranker before any verdict, for embeddings of this length."""
        nothing = np.zeros((0, width), dtype=np.float32)
        return cls(np.zeros(width), np.zeros(2), PRIOR_SLOPE, PRIOR_ODDS, nothing, nothing)

    @classmethod
    def fit(cls, rows: np.ndarray, scores: np.ndarray, anomalous: np.ndarray) -> "Ranker":
        """Train on decided crops.

        Args:
            rows: Normalised embeddings (of length 1), shape ``(n, d)``.
            scores: One-class scores, higher is more anomalous, shape ``(n,)``; NaN counts as 0.
            anomalous: The verdicts, shape ``(n,)``, bool.

        Raises:
            ValueError: If the shapes do not fit.
        """
        rows, scores, anomalous = _check(rows, scores, anomalous)
        if len(rows) == 0:
            return cls.start(rows.shape[1])
        kept, weights = _choose(anomalous)
        rows, scores, anomalous = rows[kept], scores[kept], anomalous[kept]
        anomalies, normals = rows[anomalous], rows[~anomalous]
        if len(normals) > MOST_NEIGHBOURS:
            normals = normals[np.sort(np.random.default_rng(SEED).permutation(len(normals))[:MOST_NEIGHBOURS])]
        nearness = np.stack(
            [
                _measure_likeness(rows, anomalies, leave_out_same=True),
                _measure_likeness(rows, normals, leave_out_same=True),
            ],
            axis=1,
        )
        inputs = np.concatenate(
            [
                LOOK_SPREAD * rows,
                NEARNESS_SPREAD * nearness,
                SCORE_SPREAD * scores[:, None],
                np.full((len(rows), 1), SHIFT_SPREAD),
            ],
            axis=1,
        )
        learnt = inputs.T @ _solve(
            inputs @ inputs.T, PRIOR_ODDS + PRIOR_SLOPE * scores, anomalous.astype(float), weights
        )
        width = rows.shape[1]
        return cls(
            LOOK_SPREAD * learnt[:width],
            NEARNESS_SPREAD * learnt[width : width + 2],
            PRIOR_SLOPE + SCORE_SPREAD * float(learnt[width + 2]),
            PRIOR_ODDS + SHIFT_SPREAD * float(learnt[width + 3]),
            anomalies.astype(np.float32),
            normals.astype(np.float32),
        )

    def log_odds(self, rows: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """The log-odds that each crop is an anomaly; higher is more anomalous.

        Args:
            rows: Normalised embeddings, shape ``(n, d)``.
            scores: One-class scores, shape ``(n,)``; NaN counts as 0.

        Returns:
            Shape ``(n,)``, finite.
        """
        rows, scores, _ = _check(rows, scores, np.zeros(len(rows), dtype=bool))
        odds = self.shift + self.slope * scores
        for start in range(0, len(rows), CHUNK_ROWS):
            chunk = rows[start : start + CHUNK_ROWS]
            part = chunk @ self.weights
            if self.nearness.any():
                part = part + self.nearness[0] * _measure_likeness(chunk, self.anomalies)
                part = part + self.nearness[1] * _measure_likeness(chunk, self.normals)
            odds[start : start + CHUNK_ROWS] += part
        return odds


def _check(rows: np.ndarray, scores: np.ndarray, anomalous: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rows, scores, anomalous = np.asarray(rows), np.asarray(scores, dtype=float), np.asarray(anomalous)
    if rows.ndim != 2 or scores.shape != (len(rows),) or anomalous.shape != (len(rows),):
        raise ValueError(
            f"rows, scores and verdicts must have shapes (n, d), (n,) and (n,), got {rows.shape}, "
            f"{scores.shape} and {anomalous.shape}"
        )
    if anomalous.dtype != bool:
        raise ValueError(f"verdicts must be of type bool, got {anomalous.dtype}")
    return rows, np.clip(np.nan_to_num(scores), LOWEST_SCORE, HIGHEST_SCORE), anomalous


def _choose(anomalous: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The verdicts to train on and the weight of each."""
    if len(anomalous) <= MOST_VERDICTS:
        return np.arange(len(anomalous)), np.ones(len(anomalous))
    rng = np.random.default_rng(SEED)
    odd, usual = (rng.permutation(np.flatnonzero(anomalous == value)) for value in (True, False))
    n_odd = min(len(odd), max(MOST_VERDICTS // 2, MOST_VERDICTS - len(usual)))
    n_usual = min(len(usual), MOST_VERDICTS - n_odd)
    kept = np.concatenate([odd[:n_odd], usual[:n_usual]])
    counts = [np.full(n, len(of) / max(n, 1)) for n, of in ((n_odd, odd), (n_usual, usual))]
    return kept, np.concatenate(counts)


def _measure_likeness(rows: np.ndarray, others: np.ndarray, *, leave_out_same: bool = False) -> np.ndarray:
    """Cosine similarity to the nearest of ``others``, -1 to 1; 0 without any. ``leave_out_same``: not to itself."""
    if len(others) == 0:
        return np.zeros(len(rows))
    likeness = rows @ others.T  # (n, k)
    if leave_out_same:
        # A copy of the photo does not count as another crop, either.
        likeness = np.where(likeness > 1 - 1e-5, -np.inf, likeness)
    nearest = likeness.max(axis=1)
    return np.where(np.isfinite(nearest), nearest, 0.0)


def _solve(kernel: np.ndarray, prior: np.ndarray, outcomes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Newton's steps in the space of the verdicts, shape ``(n,)``: log-odds are ``prior + kernel @ result``.

    A step is halved until it is an improvement: far from the solution a full step can overshoot.
    """
    n = len(outcomes)
    signs = np.where(outcomes > 0, -1.0, 1.0)

    def measure_cost(odds: np.ndarray, result: np.ndarray) -> float:
        return float(weights @ np.logaddexp(0, signs * odds) + 0.5 * result @ (odds - prior))

    odds, result = prior.copy(), np.zeros(n)
    cost = measure_cost(odds, result)
    for _ in range(_STEPS):
        chance = expit(odds)
        curvature = weights * chance * (1 - chance) + _LEAST_CURVATURE
        target = curvature * (odds - prior) + weights * (outcomes - chance)
        root = np.sqrt(curvature)
        matrix = root[:, None] * kernel * root
        matrix[np.diag_indices(n)] += 1.0
        factor = cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)
        step = target - root * cho_solve(factor, root * (kernel @ target), check_finite=False) - result
        move = kernel @ step
        size = 1.0
        while (new := measure_cost(odds + size * move, result + size * step)) > cost and size > _LEAST_STEP:
            size /= 2
        odds, result = odds + size * move, result + size * step
        gain, cost = cost - new, new
        if gain < _GOOD_ENOUGH * (1 + abs(cost)):
            break
    return result
