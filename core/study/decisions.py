"""Saves decisions about crops, from the pages, the board and the command line, each exactly once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any

import pandas as pd

from core.errors import Overtaken, StoreBusy
from core.records import (
    LONGEST_SPECIES,
    Box,
    CropKind,
    Decision,
    Round,
    Verdict,
    drop_hidden_signs,
    is_whole,
    tidy_name,
    tidy_species,
)
from core.review.index import ReviewIndex
from core.store.database import Store

TRIES = 5
"""How often decisions are compared anew because somebody else decided about the same photos meanwhile."""
VERDICT_ID = re.compile(r"[0-9a-f]{32}")
GROUP_ID = re.compile(r"[0-9a-f]{20}|")
FACTS = [
    *("photo_id", "crop_id", "kind", "x", "y", "width", "height", "verdict_crop_id"),
    *("run", "bundle", "score", "p_value", "false_alarm_rate"),
]
"""The columns of a row of the review queue that a verdict carries."""
LONGEST_WAIT = timedelta(days=60)
"""A decision may wait this long in a browser until the server is back."""


@dataclass(frozen=True, kw_only=True)
class GivenDecision:
    """One decision of a reviewer about one crop.

    ``decision_id`` is made by whoever decides, 32 hex digits: a decision that is sent twice is kept once. ``verdict``
    None takes back the valid one. ``age_s`` is how long ago it was decided, in seconds, >= 0. ``false_alarm_rate`` is
    the one that was shown, None for the run's own. ``given_to`` is the group that was named as a whole, if any.
    ``seen`` is the id of the verdict that was shown as valid, empty for none; if another one is valid meanwhile, the
    decision is not kept. None: it is kept in any case.
    """

    decision_id: str
    crop_id: str
    verdict: Decision | None
    species: str = ""
    note: str = ""
    reviewer: str = ""
    age_s: float = 0.0
    false_alarm_rate: float | None = None
    round: Round = Round.FIRST
    given_to: str = ""
    seen: str | None = None

    def __post_init__(self) -> None:
        for what in ("crop_id", "species", "note", "reviewer"):
            if not is_whole(getattr(self, what)):
                raise ValueError(f"the {what.removesuffix('_id')} has half of a character, such as a cut emoji")
        # Signs that turn the order of letters would make one name look like another.
        object.__setattr__(self, "species", tidy_species(self.species))
        object.__setattr__(self, "note", drop_hidden_signs(self.note))
        object.__setattr__(self, "reviewer", tidy_name(self.reviewer))
        if len(self.species) > LONGEST_SPECIES:
            raise ValueError(f"the name of a species has at most {LONGEST_SPECIES} characters, got {len(self.species)}")
        if not VERDICT_ID.fullmatch(self.decision_id):
            raise ValueError(f"a decision's id has 32 hex digits, got {self.decision_id!r}")
        if not GROUP_ID.fullmatch(self.given_to):
            raise ValueError(f"a group's id has 20 hex digits, got {self.given_to!r}")
        if not 0 <= self.age_s <= LONGEST_WAIT.total_seconds():
            raise ValueError(f"a decision is at most {LONGEST_WAIT.days} days old, got {self.age_s} s")
        if self.false_alarm_rate is not None and not 0 <= self.false_alarm_rate <= 1:
            raise ValueError(f"a false-alarm rate is between 0 and 1, got {self.false_alarm_rate}")


@dataclass(frozen=True)
class Kept:
    """What became of decisions; nothing was kept about those named here.

    ``unknown`` are the crops that the run does not have, ``changed`` the decisions about crops on which another verdict
    is valid than was shown.
    """

    unknown: frozenset[str] = frozenset()
    changed: tuple[GivenDecision, ...] = ()


def keep_decisions(store: Store, index: ReviewIndex, decisions: Sequence[GivenDecision]) -> Kept:
    """Keep decisions about crops of one run, in their order; when this returns they are on the disk.

    One with ``given_to`` undoes a reviewer's own verdict on a crop of a named group: the group's holds again. Nobody's
    own look at a crop is overwritten by somebody who has not seen it (``GivenDecision.seen``).

    Args:
        store: Of the project.
        index: ``Project.review_index`` of the run; it is updated with the decisions at once.
        decisions: What was decided.

    Raises:
        AnomalureError: If the decisions could not be kept: none of them is then.
    """
    spelled = {name: index.spell_species(name) for name in {one.species for one in decisions}}
    decisions = [replace(one, species=spelled[one.species]) for one in decisions]
    places = index.find_places([one.crop_id for one in decisions])
    known = [one for one in decisions if one.crop_id in places]
    unique = list(dict.fromkeys(one.crop_id for one in known))
    unknown = frozenset(one.crop_id for one in decisions if one.crop_id not in places)
    is_checked = any(one.seen is not None for one in known)
    for _ in range(TRIES):
        last = index.sequence
        rows = {row["crop_id"]: row for row in index.rows([places[crop_id] for crop_id in unique]).to_dict("records")}
        changed = _find_changed(known, rows)
        if changed:  # those that were sent before, and whose answer was lost, are kept already
            there = store.find_ids([one.decision_id for one in changed])
            changed = [one for one in changed if one.decision_id not in there]
        left_out = {one.decision_id for one in changed}
        kept = [one for one in known if one.decision_id not in left_out]
        verdicts = make_verdicts((rows[one.crop_id], one) for given in kept for one in _make_way(given))
        try:
            sequences = store.append_verdicts(verdicts, after=last if is_checked else None)
        except Overtaken:
            index.add_verdicts(store.verdicts(after=index.sequence))
            continue
        if all(one.crop_id in places for one in verdicts):  # otherwise the earlier verdict is read from the store
            index.note_verdicts([(places[one.crop_id], one, sequences[one.verdict_id]) for one in verdicts])
        return Kept(unknown, tuple(changed))
    raise StoreBusy("Others decide about the same crops at this moment. Nothing was kept yet.")


def _find_changed(decisions: Iterable[GivenDecision], rows: Mapping[str, Mapping[Any, Any]]) -> list[GivenDecision]:
    """The decisions about crops on which another verdict is valid than was shown; ``rows`` are as they are now."""
    valid = {crop_id: str(row["verdict_id"]) for crop_id, row in rows.items()}
    of_group = {str(row["verdict_id"]) for row in rows.values() if row["given_to"]}
    changed = []
    for one in decisions:
        now = valid[one.crop_id]
        # A reviewer's own look at a crop counts more than the name of its group, also one that was given meanwhile.
        is_own_look = now in of_group and one.verdict is not None and not one.given_to
        if one.seen is None or now in (one.seen, one.decision_id) or is_own_look:
            valid[one.crop_id] = one.decision_id if one.verdict is not None else ""
        else:
            changed.append(one)
    return changed


def make_verdicts(decided: Iterable[tuple[Mapping[Any, Any], GivenDecision]]) -> list[Verdict]:
    """The verdicts to append for decisions, each with the row of the review queue that was shown.

    A verdict carries the bundle, score and rate of its row. Where the verdict on show was given on a slightly other
    box in another run (``verdict_crop_id``), that one is taken back first: it must not hold beside the new one. The id
    of the row that takes back follows from the decision's, so that a retry keeps each once.
    """
    now = datetime.now(UTC)
    verdicts: list[Verdict] = []
    moved: set[str] = set()
    for row, given in decided:
        rate = row.get("false_alarm_rate") if given.false_alarm_rate is None else given.false_alarm_rate
        verdict = Verdict(
            verdict_id=given.decision_id,
            photo_id=row["photo_id"],
            crop_id=row["crop_id"],
            kind=CropKind(row["kind"]),
            box=Box(float(row["x"]), float(row["y"]), float(row["width"]), float(row["height"])),
            verdict=given.verdict,
            decided_at=now - timedelta(seconds=given.age_s),
            reviewer=given.reviewer,
            species=given.species,
            note=given.note,
            run=row.get("run", ""),
            bundle=row.get("bundle", ""),
            score=_number(row.get("score")),
            p_value=_number(row.get("p_value")),
            false_alarm_rate=_number(rate),
            round=given.round,
            given_to=given.given_to,
        )
        earlier = row.get("verdict_crop_id") or verdict.crop_id
        if earlier != verdict.crop_id and given.round is not Round.SECOND and verdict.crop_id not in moved:
            moved.add(verdict.crop_id)
            other_id = blake2b(f"{given.decision_id}:{earlier}".encode(), digest_size=16).hexdigest()
            verdicts.append(
                replace(verdict, verdict_id=other_id, crop_id=earlier, verdict=None, species="", note="", given_to="")
            )
        verdicts.append(verdict)
    return verdicts


def _make_way(given: GivenDecision) -> list[GivenDecision]:
    """The decision; before one that gives a crop its group's verdict again, one that takes back the reviewer's own."""
    if not given.given_to or given.verdict is None:
        return [given]
    own_id = blake2b(f"{given.decision_id}:own".encode(), digest_size=16).hexdigest()
    return [replace(given, decision_id=own_id, verdict=None, species="", note="", given_to=""), given]


def _number(value: Any) -> float | None:
    return None if value is None or pd.isna(value) else float(value)
