"""Decisions as the board sends them: made at once in the browser, kept here, each exactly once."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.records import Decision, Verdict
from core.review.index import ReviewIndex
from core.study.project import Project, make_verdict, take_back

VERDICT_ID = re.compile(r"[0-9a-f]{32}")
LONGEST_NOTE = 2_000
LONGEST_SPECIES = 120
# A decision may wait in a browser until the server is back.
LONGEST_WAIT = timedelta(days=60)


@dataclass(frozen=True, kw_only=True)
class GivenDecision:
    """One decision of a reviewer about one crop.

    ``decision_id`` is made by whoever decided, 32 hex digits: the same one twice is kept once. ``verdict`` None takes
    back what holds. ``age_s`` is how long ago it was decided, in seconds, >= 0. ``false_alarm_rate`` is the one that
    was shown, None for the run's own.
    """

    decision_id: str
    crop_id: str
    verdict: Decision | None
    species: str = ""
    note: str = ""
    reviewer: str = ""
    age_s: float = 0.0
    false_alarm_rate: float | None = None

    def __post_init__(self) -> None:
        if not VERDICT_ID.fullmatch(self.decision_id):
            raise ValueError(f"a decision's id has 32 hex digits, got {self.decision_id!r}")
        if not 0 <= self.age_s <= LONGEST_WAIT.total_seconds():
            raise ValueError(f"a decision is at most {LONGEST_WAIT.days} days old, got {self.age_s} s")
        if self.false_alarm_rate is not None and not 0 <= self.false_alarm_rate <= 1:
            raise ValueError(f"a false-alarm rate is between 0 and 1, got {self.false_alarm_rate}")
        if len(self.note) > LONGEST_NOTE or len(self.species) > LONGEST_SPECIES:
            raise ValueError(f"a note has at most {LONGEST_NOTE} characters and a species {LONGEST_SPECIES}")


def keep_decisions(project: Project, run_id: str, decisions: Sequence[GivenDecision]) -> list[str]:
    """Keep decisions in their order; when this returns they are on the disk.

    Returns:
        The ids of the crops that the run does not have; nothing was kept about these.

    Raises:
        AnomalureError: If there is no such run, or the decisions could not be kept: none of them is then.
    """
    index = project.review_index(run_id)
    places = index.find_places([one.crop_id for one in decisions])
    known = [one for one in decisions if one.crop_id in places]
    verdicts = _to_verdicts(index, known, places)
    sequences = project.store.append_verdicts(verdicts)
    noted = [
        (
            places[one.crop_id],
            {
                "crop_id": one.crop_id,
                "sequence": sequences[one.verdict_id],
                "verdict": str(one.verdict or ""),
                "species": one.species,
                "note": one.note,
                "reviewer": one.reviewer,
                "decided_at": one.decided_at.replace(tzinfo=None),
            },
        )
        for one in verdicts
        if one.crop_id in places
    ]
    if len(noted) == len(verdicts):
        index.note_verdicts(noted)
    return [one.crop_id for one in decisions if one.crop_id not in places]


def _to_verdicts(index: ReviewIndex, decisions: Sequence[GivenDecision], places: dict[str, int]) -> list[Verdict]:
    now = datetime.now(UTC)
    unique = list(dict.fromkeys(one.crop_id for one in decisions))
    rows = {row["crop_id"]: row for row in index.rows([places[crop_id] for crop_id in unique]).to_dict("records")}
    verdicts: list[Verdict] = []
    for one in decisions:
        row = rows[one.crop_id]
        if one.false_alarm_rate is not None:
            row = {**row, "false_alarm_rate": one.false_alarm_rate}
        verdict = make_verdict(
            row,
            one.verdict,
            verdict_id=one.decision_id,
            reviewer=one.reviewer,
            species=one.species,
            note=one.note,
            decided_at=now - timedelta(seconds=one.age_s),
        )
        earlier = row["verdict_crop_id"] or one.crop_id
        if earlier != one.crop_id:
            # What is on show was decided on a slightly other box in another run: it must not hold beside this.
            verdicts.append(take_back(verdict, earlier))
            rows[one.crop_id] = {**row, "verdict_crop_id": one.crop_id}
        verdicts.append(verdict)
    return verdicts
