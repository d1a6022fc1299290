"""Bootstrap intervals: how much figures would vary with another season of the same kind."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

ROUNDS = 1_000
LEAST_ROUNDS = 100
MOST_WORK = 20_000_000
"""Rounds times crops. Above it there are fewer rounds, because with very many crops the intervals are narrow."""
LEVEL = 0.95
LEAST_KEPT = 20

Draws = dict[str, np.ndarray]


def choose_rounds(n_crops: int) -> int:
    """How many draws are made for this many crops."""
    return int(np.clip(MOST_WORK // max(n_crops, 1), LEAST_ROUNDS, ROUNDS))


def draw_figures(scored: pd.DataFrame, *, recall: float, rounds: int | None = None, seed: int = 0) -> Draws:
    """The figures of resampled tables of scored crops.

    Whole events are drawn with replacement, not photos or crops: the photos of a burst show one animal, and drawing
    them one by one would make intervals too narrow. Each draw only changes the weights of the crops, so they are
    sorted once.

    Args:
        scored: Columns ``event, rank, novel, flagged, truth``, as ``core.evaluation.judging.JudgedCrops``.
        recall: For ``review_at_95``.
        rounds: Number of draws; None: as ``choose_rounds``.
        seed: Of the draws; the same events give the same draws, so that runs can be compared.

    Returns:
        ``auroc, average_precision, review_at_95, recall_flagged, false_alarm_rate`` and ``flagged of <species>``,
        each of shape ``(rounds,)``; NaN if a draw lacks crops that the figure needs.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; by clusters: Field and Welsh, JRSS B 2007.
    """
    ranks = scored["rank"].to_numpy(dtype=float)
    order = np.argsort(-ranks, kind="stable")
    ranks = ranks[order]
    novel = scored["novel"].to_numpy(dtype=bool)[order]
    flagged = scored["flagged"].to_numpy(dtype=bool)[order]
    truth = scored["truth"].to_numpy(dtype=object)[order]
    events, n_events = _number_events(scored["event"].to_numpy(dtype=object)[order])
    last = np.append(np.flatnonzero(np.diff(ranks)), len(ranks) - 1)  # last crop of each run of equal ranks
    kinds = {name: truth == name for name in sorted(set(truth))}
    rounds = choose_rounds(len(ranks)) if rounds is None else rounds
    rng = np.random.default_rng(seed)
    figures: dict[str, list[float]] = {}
    for _ in range(rounds):
        weights = np.bincount(rng.integers(0, n_events, n_events), minlength=n_events)[events].astype(float)
        drawn = measure_weighted(weights, novel=novel, flagged=flagged, last=last, recall=recall)
        for name, mask in kinds.items():
            drawn[f"flagged of {name}"] = _share(weights[mask], flagged[mask])
        for name, value in drawn.items():
            figures.setdefault(name, []).append(value)
    return {name: np.array(values) for name, values in figures.items()}


def measure_weighted(
    weights: np.ndarray, *, novel: np.ndarray, flagged: np.ndarray, last: np.ndarray, recall: float
) -> dict[str, float]:
    """The figures of ``core.evaluation.metrics`` where each crop counts ``weights`` times.

    All have shape ``(n,)``, crops most anomalous first; ``last`` are the rows at which a series of equal scores ends.
    """
    odd, usual = weights * novel, weights * ~novel
    n_odd, n_usual = odd.sum(), usual.sum()
    figures = {
        "auroc": np.nan,
        "average_precision": np.nan,
        "review_at_95": np.nan,
        "recall_flagged": _share(odd, flagged),
        "false_alarm_rate": _share(usual, flagged),
    }
    if not n_odd:
        return figures
    met, passed = np.cumsum(odd)[last], np.cumsum(usual)[last]
    # Of equal scores the normal ones come first, as in core.evaluation.metrics.compute_review_share.
    wanted = np.ceil(recall * n_odd - 1e-9)
    group = int(np.searchsorted(met, wanted - 1e-9))
    figures["review_at_95"] = float((passed[group] + wanted) / (n_odd + n_usual))
    if n_usual:
        gained, below = np.diff(met, prepend=0), np.diff(passed, prepend=0)
        figures["auroc"] = float((gained * (n_usual - passed + below / 2)).sum() / (n_odd * n_usual))
        seen = np.maximum(met + passed, 1e-12)
        figures["average_precision"] = float((gained / n_odd * met / seen).sum())
    return figures


def find_intervals(draws: Mapping[str, np.ndarray], *, level: float = LEVEL) -> dict[str, list[float] | None]:
    """The middle ``level`` of each figure's draws as ``[low, high]``; None where too few draws gave a figure."""
    tail = (1 - level) / 2
    intervals: dict[str, list[float] | None] = {}
    for name, values in draws.items():
        kept = values[np.isfinite(values)]
        enough = len(kept) >= max(LEAST_KEPT, len(values) / 2)
        intervals[name] = [float(edge) for edge in np.quantile(kept, [tail, 1 - tail])] if enough else None
    return intervals


def compare_draws(ours: Mapping[str, np.ndarray], theirs: Mapping[str, np.ndarray]) -> dict[str, list[float] | None]:
    """Intervals of ours minus theirs, of the same draws."""
    return find_intervals({name: ours[name] - theirs[name] for name in ours if name in theirs})


def _number_events(names: np.ndarray) -> tuple[np.ndarray, int]:
    codes, found = pd.factorize(names, sort=True)  # sorted: the same events are drawn whatever their scores
    return codes, len(found)


def _share(weights: np.ndarray, flagged: np.ndarray) -> float:
    total = weights.sum()
    return float((weights * flagged).sum() / total) if total else float("nan")
