"""Splits photos or crops for training and validation by whole events, so that no burst is in both."""

import hashlib
from collections.abc import Sequence

import numpy as np


def hold_out_events(event_ids: Sequence[str], *, share: float, seed: int = 0) -> np.ndarray:
    """Choose events to hold out, and mark their photos or crops.

    Events are sorted by a hash of the seed and their name, and held out until the share of rows is reached as nearly as
    whole events allow. With two or more events and a share over 0, at least one is held out and at least one is not.
    The same names and seed give the same events in any order of the rows.

    Args:
        event_ids: The event of each row, shape ``(n,)``.
        share: Share of the rows to hold out, 0 to 1.
        seed: Seed of the choice of events.

    Returns:
        bool, shape ``(n,)``: True where held out.

    Raises:
        ValueError: If ``share`` is not from 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, got {share}")
    events, of_row, sizes = np.unique(np.asarray(event_ids, dtype=str), return_inverse=True, return_counts=True)
    if share == 0 or len(events) < 2:
        return np.zeros(len(event_ids), dtype=bool)
    drawn = sorted(range(len(events)), key=lambda i: hashlib.blake2b(f"{seed}:{events[i]}".encode()).digest())
    held_sizes = np.cumsum(sizes[drawn])
    n_events = int(np.abs(held_sizes - share * len(event_ids)).argmin()) + 1
    held = np.zeros(len(events), dtype=bool)
    held[drawn[: min(n_events, len(events) - 1)]] = True
    return held[of_row]
