"""Gives many crops one verdict, and undoes that as a whole."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.records import Decision
from core.study.project import Project

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Batch:
    """One decision about many crops. ``before`` has their rows from before it, for undoing it."""

    decision: Decision
    before: tuple[Row, ...]


def decide_all(
    project: Project, rows: Sequence[Row], decision: Decision, *, reviewer: str, keep_decided: bool
) -> Batch:
    """Give crops a verdict, all or none.

    Args:
        project: Where verdicts are kept.
        rows: Rows of the review queue.
        decision: The verdict.
        reviewer: Who decides.
        keep_decided: Leave crops alone that have a verdict already.

    Returns:
        What was done, for ``take_back``; its ``before`` has the crops that got the verdict.
    """
    chosen = [row for row in rows if not (keep_decided and row["verdict"])]
    if chosen:
        project.save_verdicts(chosen, decision, reviewer=reviewer)
    return Batch(decision, tuple(chosen))


def take_back(project: Project, batch: Batch, *, reviewer: str) -> None:
    """Put crops back to what they were: undecided, or the verdict that they had, in the name of who gave it."""
    # The earlier verdict was given on this crop, or on a box of another run whose verdict is no longer valid.
    fresh = [{**row, "verdict_crop_id": row["crop_id"]} for row in batch.before]
    project.undo_verdicts([row for row in fresh if not row["verdict"]], reviewer=reviewer)
    earlier: dict[tuple[str, str, str, str], list[Row]] = defaultdict(list)
    for row in fresh:
        if row["verdict"]:
            earlier[row["verdict"], row["reviewer"], row["note"], row["verdict_species"]].append(row)
    for (verdict, given_by, note, species), some in earlier.items():
        project.save_verdicts(some, verdict, reviewer=given_by, note=note, species=species)
