"""Likely names of crops and of groups of crops. They are guesses: the classes are ImageNet's, not the project's."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from models.guesses.names import N_CLASSES, list_names, name_of_class

N_GUESSES = 3
_ROWS_AT_ONCE = 8_192


def guess_names(scores: np.ndarray, *, n: int = N_GUESSES) -> tuple[np.ndarray, np.ndarray]:
    """The likely names of each crop with their shares, the most likely first.

    Args:
        scores: Of the 1,000 ImageNet classes before the softmax, shape ``(n_crops, 1000)``, finite.
        n: How many names a crop gets, from 1 to the number of names.

    Returns:
        Names, shape ``(n_crops, n)``, object, and their shares, same shape, float32, descending. A share is the
        probability of all classes with that name, so the shares of a crop add up to at most 1. Equal shares are in
        alphabetical order.

    Raises:
        ValueError: If ``scores`` has another shape or is not finite, or ``n`` is out of range.
    """
    scores = np.asarray(scores)
    if scores.ndim != 2 or scores.shape[1] != N_CLASSES:
        raise ValueError(f"scores must have shape (n, {N_CLASSES}), got {scores.shape}")
    if not 1 <= n <= len(list_names()):
        raise ValueError(f"n is from 1 to {len(list_names())}, got {n}")
    names = np.empty((len(scores), n), dtype=object)
    shares = np.empty((len(scores), n), dtype=np.float32)
    for start in range(0, len(scores), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        names[part], shares[part] = _guess(scores[part].astype(np.float32), n)
    return names, shares


@cache
def _classes_of_names() -> np.ndarray:
    """1 where a class has a name, shape ``(1000, n_names)``, float32."""
    table = np.zeros((N_CLASSES, len(list_names())), dtype=np.float32)
    table[np.arange(N_CLASSES), name_of_class()] = 1
    return table


def _guess(scores: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite numbers")
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))  # (rows, 1000)
    shares = raised @ _classes_of_names()  # (rows, names)
    shares /= shares.sum(axis=1, keepdims=True)
    rows = np.arange(len(shares))
    best = np.empty((len(shares), n), dtype=int)
    best_shares = np.empty((len(shares), n), dtype=np.float32)
    for nth in range(n):  # a few passes for the largest are faster than sorting all names
        best[:, nth] = shares.argmax(axis=1)
        best_shares[:, nth] = shares[rows, best[:, nth]]
        shares[rows, best[:, nth]] = -1
    return np.array(list_names(), dtype=object)[best], best_shares


def guess_group(names: np.ndarray, shares: np.ndarray, *, most: int = N_GUESSES) -> list[tuple[str, float]]:
    """The likely names of a group of crops, from the guesses of its crops as ``guess_names`` gives them.

    Args:
        names: Shape ``(n_crops, n)``. An empty name is none: a crop without guesses.
        shares: Same shape.
        most: How many names at most.

    Returns:
        Names with the mean of their shares over the crops that have guesses, the most likely first. A name that is not
        among the first of a crop counts 0 there. Empty if no crop has guesses.

    Raises:
        ValueError: If the shapes differ.
    """
    names, shares = np.asarray(names, dtype=object), np.asarray(shares, dtype=float)
    if names.ndim != 2 or names.shape != shares.shape:
        raise ValueError(f"names and shares must have one shape (n, k), got {names.shape} and {shares.shape}")
    known = names != ""
    n_crops = int(known.any(axis=1).sum())
    if n_crops == 0:
        return []
    distinct, which = np.unique(names[known].astype(str), return_inverse=True)
    means = np.bincount(which, weights=shares[known]) / n_crops
    best = np.argsort(-means, kind="stable")[:most]
    return [(str(distinct[row]), float(means[row])) for row in best]


def say_guess(guesses: Sequence[tuple[str, float]]) -> str:
    """Names and shares in words, such as "red fox 62%, coyote 11%"; empty for none."""
    return ", ".join(f"{name} {share:.0%}" for name, share in guesses)
