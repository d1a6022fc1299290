"""Scores of crops by models that know neither their event nor their species: each species is unknown in turn."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from models.judging.calibration import assign_folds
from models.judging.judge import Judged, fit_judge

N_FOLDS = 3
LEAST_CROPS, LEAST_GROUPS = 5, 2
"""Crops and events that a species needs to be the unknown one."""


def choose_unknown(kinds: Sequence[str], groups: Sequence[str]) -> tuple[list[str], dict[str, int]]:
    """The species that can be unknown in turn, and the crops of those that are too few and always known.

    Args:
        kinds: The species of each crop, shape ``(n,)``.
        groups: The event of each, shape ``(n,)``.
    """
    crops = Counter(kinds)
    events = Counter(kind for kind, _ in set(zip(kinds, groups, strict=True)))
    enough = [name for name in sorted(crops) if crops[name] >= LEAST_CROPS and events[name] >= LEAST_GROUPS]
    return enough, {name: crops[name] for name in sorted(crops) if name not in enough}


def score_unknown(
    rows: np.ndarray,
    kinds: Sequence[str],
    groups: Sequence[str],
    *,
    unknown: str,
    sections: Sequence[int],
    weights: Sequence[float] = (),
    one_class: str,
    n_folds: int = N_FOLDS,
    seed: int = 0,
    on_fold: Callable[[], None] = lambda: None,
) -> tuple[np.ndarray, np.ndarray]:
    """Score every crop while one species is unknown.

    Events are divided into folds. The crops of a fold, also those of the unknown species, are scored by models of the
    other species that were fitted and calibrated without this fold, as a bundle that meets a new season.

    Args:
        rows: Raw embeddings, shape ``(n, d)``.
        kinds: The species of each, shape ``(n,)``.
        groups: The event of each, shape ``(n,)``; never divided.
        unknown: The species that no model is fitted to.
        sections: As ``fit_judge``, like ``weights`` and ``one_class``.
        weights: How much each section counts.
        one_class: Name of the one-class model.
        n_folds: >= 2.
        seed: Of the folds and of approximate models.
        on_fold: Called after each fold.

    Returns:
        Scores, higher is more anomalous, and p-values, both of shape ``(n,)``.

    Raises:
        AnomalureError: If too few crops of the other species are left to fit a model to.
    """
    kinds_of, groups_of = np.asarray(kinds, dtype=object), np.asarray(groups, dtype=object)
    folds = assign_folds(kinds_of.tolist(), groups_of.tolist(), n_folds=n_folds, seed=seed)
    scores, p_values = np.empty(len(rows)), np.empty(len(rows))
    for fold in np.unique(folds):
        learn = (folds != fold) & (kinds_of != unknown)
        asked = folds == fold
        judge = fit_judge(
            rows[learn],
            kinds_of[learn].tolist(),
            groups_of[learn].tolist(),
            sections=sections,
            weights=weights,
            one_class=one_class,
            seed=seed,
        )
        found: Judged = judge.judge(rows[asked])
        scores[asked], p_values[asked] = found.scores, found.p_values
        on_fold()
    return scores, p_values


def limit_crops(kinds: Sequence[str], groups: Sequence[str], *, most: int, seed: int = 0) -> np.ndarray:
    """Which crops are used where a species has more than ``most``: whole events, drawn at random.

    Returns:
        bool, shape ``(n,)``. A species whose first event is larger than ``most`` keeps that event whole.
    """
    kinds_of, groups_of = np.asarray(kinds, dtype=object), np.asarray(groups, dtype=object)
    used = np.zeros(len(kinds_of), dtype=bool)
    rng = np.random.default_rng(seed)
    for kind in sorted(set(kinds_of)):
        own = kinds_of == kind
        events = sorted(set(groups_of[own]))
        kept: set[str] = set()
        n_kept = 0
        for event in (events[i] for i in rng.permutation(len(events))):
            n = int((own & (groups_of == event)).sum())
            if not kept or n_kept + n <= most:
                kept.add(event)
                n_kept += n
        used |= own & np.isin(groups_of, list(kept))
    return used
