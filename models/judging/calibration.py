"""Turns scores into comparable units and valid p-values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

N_FOLDS = 5
LEAST_SPREAD = 1e-9


@dataclass(frozen=True)
class Units:
    """The scale of one group's scores: ``median`` becomes 0, ``high`` (the 95th percentile) becomes 1."""

    median: float
    high: float

    @classmethod
    def of(cls, scores: np.ndarray) -> "Units":
        """Measure the units on the scores of held-out normal crops, shape ``(n,)``, n >= 1, finite."""
        if len(scores) == 0 or not np.isfinite(scores).all():
            raise ValueError("units need one or more finite scores")
        median, high = np.quantile(scores, [0.5, 0.95])
        return cls(float(median), float(high))

    @classmethod
    def of_reference(cls, scores: np.ndarray, *, least: int) -> "Units":
        """As ``of``, for the held-out crops that p-values are counted among: one in twenty new normal crops is over 1.

        With fewer than ``least`` scores, shape ``(n,)``, finite, the units are left as they are.
        """
        if len(scores) < least:
            return cls(0.0, 1.0)
        # Between order statistics at ranks of n + 1, as p-values are; numpy's usual quantile is too low for small n.
        median, high = np.quantile(scores, [0.5, 0.95], method="weibull")
        return cls(float(median), float(high))

    def standardise(self, scores: np.ndarray) -> np.ndarray:
        """Convert scores to these units. If all held-out scores are equal, scores are only shifted."""
        spread = self.high - self.median
        return (scores - self.median) / (spread if spread > LEAST_SPREAD else 1.0)


def compute_p_values(scores: np.ndarray, *, reference: np.ndarray) -> np.ndarray:
    """The share of held-out normal crops that score at least as high, each crop counted among them itself.

    ``(1 + #{reference >= score}) / (1 + n)``: among crops that are like the held-out ones, a p-value of at most
    ``a`` comes up in at most a share ``a``. It cannot be smaller than ``1 / (1 + n)``.

    Args:
        scores: Shape ``(m,)``; higher is more anomalous.
        reference: Scores of held-out normal crops, shape ``(n,)``, in any order; n = 0 gives 1 throughout.

    Source: Vovk et al., Algorithmic Learning in a Random World, 2005.
    """
    ordered = np.sort(np.asarray(reference, dtype=float))
    at_least = len(ordered) - np.searchsorted(ordered, scores, side="left")
    return (1.0 + at_least) / (1.0 + len(ordered))


def assign_folds(labels: Sequence[str], groups: Sequence[str], *, n_folds: int = N_FOLDS, seed: int = 0) -> np.ndarray:
    """Assign rows to folds so that rows of one group stay together and each label is spread evenly.

    Args:
        labels: Species of each row, shape ``(n,)``.
        groups: Group of each row (an event, a photo), shape ``(n,)``; never split.
        n_folds: >= 2.
        seed: Seed of the shuffle.

    Returns:
        Fold of each row, shape ``(n,)``, int, 0 to ``n_folds - 1``.
    """
    if n_folds < 2:
        raise ValueError(f"at least 2 folds are needed, got {n_folds}")
    if len(labels) != len(groups):
        raise ValueError(f"got {len(labels)} labels and {len(groups)} groups")
    rng = np.random.default_rng(seed)
    groups_of: dict[str, list[str]] = {}
    for label, group in dict.fromkeys(zip(labels, groups, strict=True)):
        groups_of.setdefault(label, []).append(group)
    fold_of: dict[str, int] = {}
    # Rare species first, so that a group with two species goes to the fold that lacks the rarer one.
    for label in sorted(groups_of, key=lambda name: (len(groups_of[name]), name)):
        members = sorted(groups_of[label])
        taken = np.bincount([fold_of[group] for group in members if group in fold_of], minlength=n_folds)
        for i in rng.permutation(len(members)):
            if members[i] not in fold_of:
                fold = int(rng.choice(np.flatnonzero(taken == taken.min())))
                fold_of[members[i]] = fold
                taken[fold] += 1
    return np.array([fold_of[group] for group in groups], dtype=int)


def score_held_out(
    n_rows: int, folds: np.ndarray, *, fit_and_score: Callable[[np.ndarray, np.ndarray], np.ndarray]
) -> np.ndarray:
    """Score every row by models that were not trained on it.

    Args:
        n_rows: How many rows there are.
        folds: The fold of each, shape ``(n_rows,)``.
        fit_and_score: Called with the indices to train on and those to score; returns ``(len(second), k)``.

    Returns:
        Shape ``(n_rows, k)``.
    """
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    for fold in np.unique(folds):
        held_out = np.flatnonzero(folds == fold)
        rest = np.flatnonzero(folds != fold)
        parts.append((held_out, fit_and_score(rest, held_out)))
    scores = np.empty((n_rows, parts[0][1].shape[1]))
    for held_out, part in parts:
        scores[held_out] = part
    return scores


def merge_small_groups(counts: Sequence[int], *, enough: int) -> np.ndarray:
    """Merge groups with too few held-out crops, smallest first, until the merged group has enough.

    The p-values of a group of n crops cannot be below 1 / (n + 1), so crops of a small group alone could never be
    flagged. The p-values of a merged group are valid for all its crops together, not for each part.

    Args:
        counts: Held-out crops of each group, shape ``(k,)``, >= 0.
        enough: Held-out crops that a group needs to stay alone, >= 1.

    Returns:
        For each group the index of the group whose p-values it shares, shape ``(k,)``, int; its own if it stays alone.
    """
    order = sorted(range(len(counts)), key=lambda i: (counts[i], i))
    merged: list[int] = []
    total = 0
    for i in order:
        if counts[i] >= enough and (not merged or total >= enough):
            break
        merged.append(i)
        total += counts[i]
    shared = np.arange(len(counts))
    shared[merged] = min(merged, default=0)
    return shared
