"""Draws labelled crops anew, by whole events of each species, for the intervals of a comparison."""

from math import comb, prod

import numpy as np
import pandas as pd

from core.evaluation.bootstrap import LEAST_KEPT, choose_rounds

ROUNDS_AT_ONCE = 100
LEAST_EVENTS = 2
"""Events of a species without which nothing can be said about other events of it."""


def draw_weights(kinds: np.ndarray, groups: np.ndarray, *, rounds: int | None = None, seed: int = 0) -> np.ndarray:
    """How often each crop counts in each draw.

    Events are drawn within each species, so no draw lacks a species, however few events it has. Of ``m`` events
    ``m - 1`` are drawn with replacement and count ``m / (m - 1)`` times: with as many as there are, intervals would be
    too narrow where events are few. The crops of two species in one event are drawn apart. A species with a single
    event counts once in every draw.

    Args:
        kinds: The species of each crop, shape ``(n,)``, object.
        groups: The event of each, shape ``(n,)``, object.
        rounds: Number of draws; None: as ``core.evaluation.bootstrap.choose_rounds``.
        seed: Of the draws; the same crops in any order give the same draws.

    Returns:
        float32, shape ``(rounds, n)``, >= 0.

    Source: Rao and Wu, Resampling inference with complex survey data, JASA 1988.
    """
    rounds = choose_rounds(len(kinds)) if rounds is None else rounds
    rng = np.random.default_rng(seed)
    weights = np.ones((rounds, len(kinds)), np.float32)
    for kind in sorted(set(kinds)):
        own = kinds == kind
        codes, events = pd.factorize(groups[own], sort=True)
        m = len(events)
        if m < LEAST_EVENTS:
            continue
        picks = rng.integers(0, m, (rounds, m - 1)) + m * np.arange(rounds)[:, None]
        counts = np.bincount(picks.ravel(), minlength=rounds * m).reshape(rounds, m)
        weights[:, own] = (counts * (m / (m - 1)))[:, codes]
    return weights


def are_enough(kinds: np.ndarray, groups: np.ndarray) -> bool:
    """Whether there are so many different draws that their middle 95% means something: 20 or more."""
    events = pd.Series(groups).groupby(kinds).nunique()
    return prod(comb(2 * m - 2, m - 1) for m in events if m >= LEAST_EVENTS) >= LEAST_KEPT


def draw_auroc(scores: np.ndarray, *, novel: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The AUROC of each draw, shape ``(rounds,)``, 0 to 1.

    Args:
        scores: Shape ``(n,)``, higher is more anomalous.
        novel: Whether each crop is of the unknown species, shape ``(n,)``, bool.
        weights: As of ``draw_weights``.
    """
    order = np.argsort(-scores, kind="stable")
    ranks, novel = scores[order], novel[order]
    last = np.append(np.flatnonzero(np.diff(ranks)), len(ranks) - 1)  # last crop of each run of equal scores
    drawn = np.empty(len(weights))
    for begin in range(0, len(weights), ROUNDS_AT_ONCE):
        some = weights[begin : begin + ROUNDS_AT_ONCE, order].astype(float)  # (rounds, n)
        met, passed = (np.cumsum(some * which, axis=1)[:, last] for which in (novel, ~novel))  # (rounds, n scores)
        gained, level = np.diff(met, prepend=0, axis=1), np.diff(passed, prepend=0, axis=1)
        n_odd, n_usual = met[:, -1:], passed[:, -1:]
        below = n_usual - passed + level / 2
        drawn[begin : begin + ROUNDS_AT_ONCE] = (gained * below).sum(axis=1) / (n_odd * n_usual)[:, 0]
    return drawn
