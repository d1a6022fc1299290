"""The review queue: a run's crops, most anomalous first, with their verdicts, also those given in other runs."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.review.filters import QueueFilters
from core.review.index import ReviewIndex
from core.runs.folder import RunFolder

QUEUE_COLUMNS = (
    "crop_id",
    "photo_id",
    "file_name",
    "deployment",
    "captured_at",
    "event_id",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "photo_width",
    "photo_height",
    "species",
    "score",
    "p_value",
    "flagged",
    "judged_by",
    "judged_against",
    "detector_class",
    "detector_confidence",
    "verdict",
    "verdict_species",
    "note",
    "reviewer",
    "decided_at",
    "verdict_crop_id",
    "given_to",
    "run",
    "bundle",
    "false_alarm_rate",
)
"""Columns of ``ReviewQueue.rows``. Texts are never missing but may be empty; ``verdict`` is empty while undecided,
``score`` and ``p_value`` are NaN before the run is scored, ``decided_at`` is in UTC, boxes are in pixels of the
upright photo, whose size is ``photo_width`` x ``photo_height``. ``verdict_crop_id`` is the crop that the verdict was
given on; it is another run's crop if the box differs a little. ``given_to`` is the group that the verdict was given to,
empty if the reviewer looked at the crop itself."""


@dataclass(frozen=True)
class ReviewQueue:
    """One page of a run's crops, and how many there are.

    ``rows`` has the columns ``QUEUE_COLUMNS``. ``total`` crops match all the filters; ``n_selected`` match all but
    ``undecided_only``, and ``n_decided`` of those have a verdict: "12 of 40 reviewed". ``n_flagged`` crops of the
    species and camera are flagged, whatever the other filters.
    """

    rows: pd.DataFrame
    total: int = 0
    n_selected: int = 0
    n_decided: int = 0
    n_flagged: int = 0
    offset: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether no crop matches."""
        return self.total == 0

    @classmethod
    def empty(cls) -> "ReviewQueue":
        """A queue without any crop."""
        return cls(rows=pd.DataFrame(columns=list(QUEUE_COLUMNS)))


def read_queue(
    run: RunFolder | ReviewIndex,
    verdicts: pd.DataFrame | None = None,
    *,
    limit: int = 60,
    offset: int = 0,
    **filters: Any,
) -> ReviewQueue:
    """One page of a run's crops.

    Args:
        run: The run, of which only finished shards are read; or its index, to which the verdicts have been added.
        verdicts: Verdicts to add, ``Store.verdicts()``.
        limit: Largest number of rows of the page, >= 0.
        offset: Number of rows before the page, >= 0.
        filters: The fields of ``QueueFilters``.

    Raises:
        ValueError: If the order is unknown or a number is out of range.
    """
    if limit < 0 or offset < 0:
        raise ValueError(f"limit and offset must be at least 0, got {limit} and {offset}")
    chosen = QueueFilters(**filters)
    index = _take_in(run, verdicts)
    view = index.open_view(chosen)
    rows = index.rows(view.places[offset : offset + limit], false_alarm_rate=chosen.false_alarm_rate)
    return ReviewQueue(
        rows=rows[list(QUEUE_COLUMNS)],
        total=len(view.places),
        n_selected=view.n_selected,
        n_decided=view.n_decided,
        n_flagged=index.count_flagged(chosen),
        offset=offset,
    )


def read_crop(run: RunFolder | ReviewIndex, verdicts: pd.DataFrame | None, crop_id: str) -> dict[str, Any] | None:
    """The row of one crop of a run, by ``QUEUE_COLUMNS``; None if the run has no such crop."""
    index = _take_in(run, verdicts)
    place = index.find_places([crop_id]).get(crop_id)
    if place is None:
        return None
    row = index.rows(np.array([place]))[list(QUEUE_COLUMNS)].iloc[0]
    return {str(name): value for name, value in row.to_dict().items()}


def read_values(run: RunFolder | ReviewIndex, column: str) -> dict[str, int]:
    """How many crops of the run there are by ``species`` or ``deployment``, sorted by name."""
    if column not in ("species", "deployment"):
        raise ValueError(f"column must be species or deployment, got {column!r}")
    return _take_in(run, None).read_values(column)


def _take_in(run: RunFolder | ReviewIndex, verdicts: pd.DataFrame | None) -> ReviewIndex:
    index = run if isinstance(run, ReviewIndex) else ReviewIndex(run)
    if verdicts is not None:
        index.add_verdicts(verdicts)
    return index
