"""Known anomalies for experiments: a class put into each scene where it was not, or taken out where it was."""

import numpy as np
from scipy import sparse

from core.scenes.scene_set import build_present, list_pairs


def inject_class(
    present: sparse.csr_array, pool: np.ndarray, rng: np.random.Generator
) -> tuple[sparse.csr_array, np.ndarray]:
    """Put one absent class into each scene, drawn uniformly from those of ``pool`` that it lacks.

    Args:
        present: Shape ``(n, k)``, boolean.
        pool: Indices of classes.
        rng: Draws them.

    Returns:
        The scenes with it, and the class of each, shape ``(n,)``.

    Raises:
        ValueError: If a scene has every class of the pool already.
    """
    there = present[:, pool].toarray()
    if there.all(axis=1).any():
        raise ValueError("a scene has every class of the pool already")
    drawn = rng.random(there.shape)
    drawn[there] = -1
    chosen = np.asarray(pool)[drawn.argmax(axis=1)]
    rows, columns = list_pairs(present)
    n = present.shape[0]
    return build_present(np.append(rows, np.arange(n)), np.append(columns, chosen), shape=present.shape), chosen


def remove_class(present: sparse.csr_array, rng: np.random.Generator) -> tuple[sparse.csr_array, np.ndarray]:
    """Take one class out of each scene, drawn uniformly from those that it has.

    Returns:
        The scenes without it, and the class of each, shape ``(n,)``.

    Raises:
        ValueError: If a scene has no class.
    """
    counts = np.diff(present.indptr)
    if (counts == 0).any():
        raise ValueError("a scene has no class that could be taken out")
    places = present.indptr[:-1] + (rng.random(len(counts)) * counts).astype(int)
    kept = np.ones(present.nnz, dtype=bool)
    kept[places] = False
    rows, columns = list_pairs(present)
    return build_present(rows[kept], columns[kept], shape=present.shape), columns[places]


def find_rarest(present: sparse.csr_array, n: int) -> np.ndarray:
    """The ``n`` classes that the fewest scenes have, but at least one."""
    counts = np.asarray(present.sum(axis=0)).ravel()
    order = np.argsort(counts, kind="stable")
    return order[counts[order] > 0][:n]


def measure_injected(log_odds: np.ndarray, present: sparse.csr_array, injected: np.ndarray) -> dict[str, float]:
    """How often an injected class stands out: ``under_half`` (a probability under 0.5, log-odds under 0) and
    ``most_anomalous``, shares of the scenes, 0 to 1.

    Args:
        log_odds: Of each class in the scenes with the injected class, shape ``(n, k)``.
        present: These scenes.
        injected: The class that was put into each, shape ``(n,)``.
    """
    rows = np.arange(len(injected))
    lowest = np.where(present.toarray(), log_odds, np.inf)
    # Of equal ones the injected one does not count as the lowest by luck of its index.
    n_lowest = (lowest == lowest.min(axis=1, keepdims=True)).sum(axis=1)
    is_lowest = lowest[rows, injected] == lowest.min(axis=1)
    return {
        "under_half": float((log_odds[rows, injected] < 0).mean()),
        "most_anomalous": float((is_lowest / n_lowest).mean()),
    }


def measure_removed(log_odds: np.ndarray, present: sparse.csr_array, removed: np.ndarray) -> dict[str, float]:
    """How often a removed class is missed: ``over_half`` (a probability over 0.5) and ``most_missed``, shares of
    the scenes, 0 to 1."""
    rows = np.arange(len(removed))
    highest = np.where(present.toarray(), -np.inf, log_odds)
    n_highest = (highest == highest.max(axis=1, keepdims=True)).sum(axis=1)
    is_highest = highest[rows, removed] == highest.max(axis=1)
    return {
        "over_half": float((log_odds[rows, removed] > 0).mean()),
        "most_missed": float((is_highest / n_highest).mean()),
    }
