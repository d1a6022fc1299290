"""Gives many crops one verdict, and undoes that as a whole, also after a reload, which begins a new session."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from core.records import Decision, name_key
from core.study.project import Project
from ui.explore.run import read_rows

MOST_BATCHES = 20
MOST_REVIEWERS = 100
# Later, whoever opens the page does not think of that decision any more.
OFFERED_S = 2 * 3600.0

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """One decision about many crops of a run. ``before`` has their rows from before it, for undoing it."""

    decision: Decision
    before: tuple[Row, ...]
    run_id: str = ""
    reviewer: str = ""


_kept: OrderedDict[tuple[str, str], list[tuple[float, Batch]]] = OrderedDict()
_lock = Lock()


def keep_batch(project: Project, batch: Batch) -> None:
    """Remember what a reviewer did last, for every tab of this dashboard."""
    key = _key(project, batch.reviewer)
    with _lock:
        _kept[key] = [*_kept.get(key, []), (time.monotonic(), batch)][-MOST_BATCHES:]
        _kept.move_to_end(key)
        while len(_kept) > MOST_REVIEWERS:
            _kept.popitem(last=False)


def find_last_batch(project: Project, reviewer: str) -> Batch | None:
    """What this reviewer did last; None: nothing, or long ago."""
    with _lock:
        kept = _kept.get(_key(project, reviewer), [])
        return kept[-1][1] if kept and time.monotonic() - kept[-1][0] < OFFERED_S else None


def forget_batch(project: Project, batch: Batch) -> bool:
    """Whether it was there to be forgotten: of two tabs that take it back, one does."""
    key = _key(project, batch.reviewer)
    with _lock:
        kept = _kept.get(key, [])
        _kept[key] = [one for one in kept if one[1] is not batch]
        return len(_kept[key]) < len(kept)


def _key(project: Project, reviewer: str) -> tuple[str, str]:
    return str(project.path), name_key(reviewer)


def decide_all(
    project: Project, rows: Sequence[Row], decision: Decision, *, reviewer: str, keep_decided: bool, run_id: str = ""
) -> Batch:
    """Give crops of a run a verdict, all or none.

    Args:
        project: Where verdicts are kept.
        rows: Rows of the review queue.
        decision: The verdict.
        reviewer: Who decides.
        keep_decided: Leave crops alone that have a verdict already.
        run_id: Of the run that they are in.

    Returns:
        What was done, for ``take_back``; its ``before`` has the crops that got the verdict.
    """
    chosen = [row for row in rows if not (keep_decided and row["verdict"])]
    if chosen:
        project.save_verdicts(chosen, decision, reviewer=reviewer)
    return Batch(decision, tuple(chosen), run_id, reviewer)


def take_back(project: Project, batch: Batch, *, reviewer: str) -> int:
    """Put crops back to what they were: undecided, or the verdict that they had, in the name of who gave it.

    Returns:
        How many were decided anew since then. They are left as they are.
    """
    now = {row["crop_id"]: row for row in read_rows(project, project.run(batch.run_id), _list_ids(batch))}
    before = [row for row in batch.before if _holds(now.get(row["crop_id"]), batch)]
    # The earlier verdict was given on this crop, or on a box of another run whose verdict is no longer valid.
    fresh = [{**row, "verdict_crop_id": row["crop_id"]} for row in before]
    undecided = [row for row in fresh if not row["verdict"]]
    if undecided:
        project.undo_verdicts(undecided, reviewer=reviewer)
    earlier: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in fresh:
        if row["verdict"]:
            earlier[row["verdict"], row["reviewer"], row["note"], row["verdict_species"]].append(row)
    for (verdict, given_by, note, species), some in earlier.items():
        project.save_verdicts(some, verdict, reviewer=given_by, note=note, species=species)
    return len(batch.before) - len(before)


def _list_ids(batch: Batch) -> list[str]:
    return [str(row["crop_id"]) for row in batch.before]


def _holds(row: Row | None, batch: Batch) -> bool:
    """Whether a crop still has the verdict of that decision, to which nobody has added anything."""
    return (
        row is not None
        and row["verdict"] == batch.decision
        and name_key(row["reviewer"]) == name_key(batch.reviewer)
        and not row["note"]
        and not row["verdict_species"]
    )
