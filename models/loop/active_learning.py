"""Orders the undecided crops of a run: likely anomalies first, or the most informative crops first."""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from scipy.special import expit

from models.loop.ranker import Ranker

CHANCE_EVERY = 10
"""In the likely order, every tenth crop is random, so that unexpected anomalies are found too."""
MIXED = 2_000
"""Only this many first ranks are mixed or spread; after them the order is plain likelihood or doubt."""
DOUBTED = 1_000
"""Among this many most doubtful crops, the most different ones are chosen ..."""
CHOSEN = 200
"""... this many: the order is made again long before all of them are decided."""


def draw_lots(crop_ids: Sequence[str]) -> np.ndarray:
    """A random number for each crop, shape ``(n,)``, uint64: always the same for the same crop id."""
    digests = b"".join(hashlib.blake2b(f"lot:{crop_id}".encode(), digest_size=8).digest() for crop_id in crop_ids)
    return np.frombuffer(digests, dtype=np.uint64)


def order_by_likelihood(log_odds: np.ndarray, *, lots: np.ndarray, chance_every: int = CHANCE_EVERY) -> np.ndarray:
    """Most likely anomalies first, every ``chance_every``-th crop at random.

    Args:
        log_odds: Shape ``(n,)``; higher is more anomalous.
        lots: As ``draw_lots``, shape ``(n,)``.
        chance_every: >= 2; 0: no crop is placed at random.

    Returns:
        Indices, shape ``(n,)``.
    """
    likely = np.argsort(-log_odds, kind="stable")
    if not chance_every:
        return likely
    by_odds, at_random = iter(likely.tolist()), iter(np.argsort(lots, kind="stable").tolist())
    first: dict[int, None] = {}  # a dict keeps the order, and each crop once
    while len(first) < min(len(likely), MIXED):
        source = at_random if len(first) % chance_every == chance_every - 1 else by_odds
        first[next(i for i in source if i not in first)] = None
    front = np.fromiter(first, dtype=int, count=len(first))
    return np.concatenate([front, likely[~np.isin(likely, front)]])


def order_for_learning(log_odds: np.ndarray, rows: np.ndarray, *, decided: np.ndarray) -> np.ndarray:
    """Most informative first: doubtful crops, each unlike those before it and unlike the decided ones.

    Args:
        log_odds: Shape ``(n,)``.
        rows: Normalised embeddings (length 1), shape ``(n, d)``.
        decided: Normalised embeddings of the decided crops, shape ``(m, d)``.

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
    """Ranges ``[start, stop)`` of n verdicts in their order; a ranker is trained at the start of each.

    A range has ten verdicts, later a fifth of the verdicts before it. The ranges do not depend on n, so earlier
    predictions do not change when verdicts are added.
    """
    start = 0
    while start < n:
        stop = start + max(10, start // 5)
        yield start, min(stop, n)
        start = stop


def predict_decided(rows: np.ndarray, scores: np.ndarray, anomalous: np.ndarray, *, known: int = 0) -> np.ndarray:
    """Predict each decided crop by a ranker that was trained only on the verdicts before it.

    Args:
        rows: Normalised embeddings in the order of the verdicts, shape ``(n, d)``.
        scores: One-class scores, shape ``(n,)``.
        anomalous: The verdicts, shape ``(n,)``, bool.
        known: Number of first verdicts (from other runs) that are only trained on, not predicted.

    Returns:
        Log-odds, shape ``(n - known,)``.
    """
    parts = [np.zeros(0)]
    for start, stop in list_rounds(len(rows) - known):
        first, last = known + start, known + stop
        ranker = Ranker.fit(rows[:first], scores[:first], anomalous[:first])
        parts.append(ranker.log_odds(rows[first:last], scores[first:last]))
    return np.concatenate(parts)
