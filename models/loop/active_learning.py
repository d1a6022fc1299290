"""In which order the undecided crops of a run are looked at: most likely first, or what teaches most first."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit

from core.review.stopping import Remaining, estimate_remaining
from models.loop.ranker import Ranker

CHANCE_EVERY = 10
"""In the order of likelihood every tenth crop is one by chance: what is not foreseen can be met only so."""
MIXED = 2_000
"""So many places of an order are thought about; behind them it is plain likelihood or doubt."""
DOUBTED = 1_000
"""Of so many of the most doubtful crops the most different ones are chosen ..."""
CHOSEN = 200
"""... so many: the order is made again long before they are through."""


def draw_lots(crop_ids: Sequence[str]) -> np.ndarray:
    """A fixed number by chance for each crop, shape ``(n,)``, uint64: the same in every process and every run."""
    digests = b"".join(hashlib.blake2b(f"lot:{crop_id}".encode(), digest_size=8).digest() for crop_id in crop_ids)
    return np.frombuffer(digests, dtype=np.uint64)


def order_by_likelihood(log_odds: np.ndarray, *, lots: np.ndarray, chance_every: int = CHANCE_EVERY) -> np.ndarray:
    """Most likely anomalies first, every ``chance_every``-th crop drawn by lot.

    Args:
        log_odds: Shape ``(n,)``; higher is more anomalous.
        lots: As ``draw_lots``, shape ``(n,)``.
        chance_every: >= 2; 0 for none by lot.

    Returns:
        Indices, shape ``(n,)``.
    """
    likely = np.argsort(-log_odds, kind="stable")
    if not chance_every:
        return likely
    by_odds, by_lot = iter(likely.tolist()), iter(np.argsort(lots, kind="stable").tolist())
    first: dict[int, None] = {}  # in order; a crop stands where it comes up first, by odds or by lot
    while len(first) < min(len(likely), MIXED):
        source = by_lot if len(first) % chance_every == chance_every - 1 else by_odds
        first[next(i for i in source if i not in first)] = None
    front = np.fromiter(first, dtype=int, count=len(first))
    return np.concatenate([front, likely[~np.isin(likely, front)]])


def order_for_learning(log_odds: np.ndarray, rows: np.ndarray, *, decided: np.ndarray) -> np.ndarray:
    """What teaches most first: crops in doubt, each unlike those before it and unlike what is decided.

    Args:
        log_odds: Shape ``(n,)``.
        rows: Normalised embeddings (length 1), shape ``(n, d)``.
        decided: Those of the crops that are decided, shape ``(m, d)``.

    Returns:
        Indices, shape ``(n,)``.

    Source: Lewis and Gale, 1994 (uncertainty); Sener and Savarese, Active learning for neural networks: a core-set
    approach, 2018 (farthest first), joined by the product of the two.
    """
    chance = expit(log_odds)
    doubt = chance * (1 - chance)  # (n,), 0 to 0.25
    order = np.argsort(-doubt, kind="stable")
    candidates = order[:DOUBTED]
    own = rows[candidates]
    nearest = np.full(len(candidates), -1.0)
    for start in range(0, len(decided), 1_000):
        nearest = np.maximum(nearest, (own @ decided[start : start + 1_000].T).max(axis=1))
    left = np.ones(len(candidates), dtype=bool)
    chosen = []
    for _ in range(min(CHOSEN, len(candidates))):
        worth = np.where(left, doubt[candidates] * (1.0 + 1e-6 - nearest), -np.inf)
        best = int(worth.argmax())
        left[best] = False
        chosen.append(best)
        nearest = np.maximum(nearest, own @ own[best])
    first = candidates[np.array(chosen, dtype=int)]
    return np.concatenate([first, order[~np.isin(order, first)]])


def list_rounds(n: int) -> Iterator[tuple[int, int]]:
    """Stretches ``[start, stop)`` of n verdicts in their order, at whose starts a ranker is learnt.

    Ten at a time, later a fifth of what there is; the same for every n, so that what was predicted stays the same.
    """
    start = 0
    while start < n:
        stop = start + max(10, start // 5)
        yield start, min(stop, n)
        start = stop


def foretell(rows: np.ndarray, scores: np.ndarray, anomalous: np.ndarray, *, known: int = 0) -> np.ndarray:
    """What a ranker, learnt from the verdicts before, said of each decided crop before its own was known.

    Args:
        rows: Normalised embeddings in the order of the verdicts, shape ``(n, d)``.
        scores: One-class scores, shape ``(n,)``.
        anomalous: The verdicts, shape ``(n,)``, bool.
        known: So many of the first verdicts were known beforehand (of other runs), and are not predicted.

    Returns:
        Log-odds, shape ``(n - known,)``.
    """
    parts = [np.zeros(0)]
    for start, stop in list_rounds(len(rows) - known):
        first, last = known + start, known + stop
        ranker = Ranker.fit(rows[:first], scores[:first], anomalous[:first])
        parts.append(ranker.log_odds(rows[first:last], scores[first:last]))
    return np.concatenate(parts)


def estimate_left(
    ranker: Ranker, rows: np.ndarray, scores: np.ndarray, *, predicted: np.ndarray, came_true: np.ndarray
) -> Remaining:
    """``core.review.stopping.estimate_remaining`` of the undecided crops, by a ranker."""
    return estimate_remaining(ranker.log_odds(rows, scores), predicted=predicted, came_true=came_true)
