"""Groups photos of one camera that are close in time into events: one visit of an animal each."""

import math
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd


def group_events(
    deployments: Sequence[str] | pd.Series,
    captured_at: Sequence[datetime | None] | np.ndarray | pd.Series,
    *,
    gap_s: float,
) -> list[str]:
    """Name the event of each photo.

    A photo belongs to the event of the photo before it in the same deployment if it was taken at most ``gap_s``
    seconds later. A photo without a time is an event of its own.

    Args:
        deployments: The deployment of each photo, shape ``(n,)``, in any order.
        captured_at: When each was taken, shape ``(n,)``: ``None`` or ``NaT`` where unknown.
        gap_s: In seconds, >= 0.

    Returns:
        Event ids in the photos' order, such as ``north/2024-05-03T06:12:10`` (deployment and first photo's time)
        or ``north/no-time-1``; the same photos give the same ids.

    Raises:
        ValueError: If the lengths differ or ``gap_s`` is not a number >= 0.
    """
    if not gap_s >= 0 or not math.isfinite(gap_s):
        raise ValueError(f"gap_s must be a number of seconds >= 0, got {gap_s}")
    if len(deployments) != len(captured_at):
        raise ValueError(f"got {len(deployments)} deployments and {len(captured_at)} times")
    n = len(deployments)
    if n == 0:
        return []
    times = pd.Series(captured_at).astype("datetime64[us]").to_numpy()
    # A column of pandas stays one: as objects, the names of ten million photos would take a gigabyte.
    codes, names = pd.factorize(
        deployments if isinstance(deployments, pd.Series) else np.asarray(deployments, dtype=object)
    )

    timed = np.flatnonzero(~np.isnat(times))
    order = timed[np.lexsort((times[timed], codes[timed]))]
    starts = np.ones(len(order), dtype=bool)
    starts[1:] = (codes[order][1:] != codes[order][:-1]) | (
        np.diff(times[order]) / np.timedelta64(1, "us") > gap_s * 1e6
    )
    first = order[starts]  # the photo that opens each event
    ids = [
        f"{names[code]}/{time.isoformat(timespec='auto')}"
        for code, time in zip(codes[first], times[first].tolist(), strict=True)
    ]
    events = np.empty(n, dtype=object)
    events[order] = np.array(ids, dtype=object)[np.cumsum(starts) - 1] if len(order) else []
    without = np.flatnonzero(np.isnat(times))
    nth = pd.Series(codes[without]).groupby(codes[without]).cumcount() + 1 if len(without) else []
    events[without] = [f"{names[code]}/no-time-{k}" for code, k in zip(codes[without], nth, strict=True)]
    return events.tolist()
