"""What people do with the groups of a run: name, split, merge, take out, undo, redo. Actions are only ever added."""

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from core.disk.json import parse_values
from core.errors import AnomalureError
from core.records import NOTHING, PERSON, Decision, Verdict, tidy_species
from core.species import is_empty_name, is_person_name
from core.store.database import Store

LONGEST_NAME = 200
_ACTION_ID = re.compile(r"[0-9a-f]{32}")


class Kind(StrEnum):
    """What an action does."""

    NAME = "name"
    SPLIT = "split"
    MERGE = "merge"
    TAKE_OUT = "take_out"
    UNDO = "undo"


class Meaning(StrEnum):
    """What the crops of a group are: a usual species, something odd, nothing at all, or people."""

    SPECIES = "species"
    ODD = "odd"
    NOTHING = "nothing"
    PEOPLE = "people"


@dataclass(frozen=True, kw_only=True)
class GroupAction:
    """One action of a reviewer on the groups of one tree.

    Attributes:
        action_id: Made by whoever acts, 32 hex digits: an action that is sent twice is kept once.
        kind: What it does.
        run: The run's id.
        tree: The version of the tree.
        leaves: Those of the group that is named, split, or made by a merge.
        crop_ids: The crops that are taken out.
        meaning: What the group is; empty unless it is named.
        species: Its name: of a usual species always, of something odd if it is known.
        undoes: The ``action_id`` that is undone; that of an undo is done again.
        reviewer: Who acted; may be empty.
        at: When, in UTC.
        n_given: Crops that got a verdict by it.
        n_kept: Crops that kept the verdict that a person gave on the crop itself.
        n_taken_back: Crops whose group's verdict was taken back and not replaced.
        replaced: By crop, the number of another tree's verdict that its new verdict replaces, to restore it by an undo.
    """

    action_id: str
    kind: Kind
    run: str
    tree: str
    leaves: tuple[int, ...] = ()
    crop_ids: tuple[str, ...] = ()
    meaning: Meaning | str = ""
    species: str = ""
    undoes: str = ""
    reviewer: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    n_given: int = 0
    n_kept: int = 0
    n_taken_back: int = 0
    replaced: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _ACTION_ID.fullmatch(self.action_id):
            raise AnomalureError(f"The id of an action has 32 hex digits, got {self.action_id[:80]!r}.")


_IN_BODY = ("leaves", "crop_ids", "meaning", "species", "undoes", "n_given", "n_kept", "n_taken_back", "replaced")


def check_name(meaning: str, species: str) -> tuple[Meaning, str]:
    """The meaning and the name of a group, tidied: ``nothing`` and ``person`` as a species are meanings of their own.

    Raises:
        AnomalureError: If there is no such meaning, or the name is missing, too long, or does not fit the meaning.
    """
    try:
        what = Meaning(meaning)
    except ValueError as error:
        raise AnomalureError(f"A group is one of {', '.join(Meaning)}, got {str(meaning)[:80]!r}.") from error
    name = tidy_species(str(species))
    if len(name) > LONGEST_NAME:
        raise AnomalureError(f"The name of a group has at most {LONGEST_NAME} characters, got {len(name)}.")
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        raise AnomalureError("The name of a group has a character that cannot be shown. Type the name again.")
    if what is Meaning.SPECIES and not name:
        raise AnomalureError("Give the name of the species, of 1 to 200 characters.")
    if what is Meaning.SPECIES and is_empty_name(name):
        return Meaning.NOTHING, ""
    if what is Meaning.SPECIES and is_person_name(name):
        return Meaning.PEOPLE, ""
    if what is Meaning.ODD and is_empty_name(name):
        raise AnomalureError("A group on which there is nothing cannot be odd. Choose one of the two.")
    if what in (Meaning.NOTHING, Meaning.PEOPLE) and name:
        raise AnomalureError(
            f"A group of {what} has no species, got {name!r}. Name it as a usual species, or leave the name out."
        )
    return what, name


def decide(meaning: Meaning | str, species: str) -> tuple[Decision, str]:
    """The verdict and the species that each crop of a group of this meaning gets."""
    if meaning == Meaning.NOTHING:
        return Decision.NORMAL, NOTHING
    if meaning == Meaning.PEOPLE:
        return Decision.NORMAL, PERSON
    return (Decision.ANOMALY if meaning == Meaning.ODD else Decision.NORMAL), species


def read_numbered(store: Store, *, run: str, tree: str) -> tuple[list[GroupAction], int]:
    """The actions on one tree, oldest first, and the number of the last one in the store; 0 without any."""
    table = store.group_actions(run=run, tree=tree)
    return [_to_action(row) for row in table.to_dict("records")], int(table["sequence"].max()) if len(table) else 0


def find_action(store: Store, action_id: str) -> GroupAction | None:
    """The action of that id, on any tree; None if there is none."""
    rows = store.group_actions(action_id=action_id).to_dict("records")
    return _to_action(rows[0]) if rows else None


def keep_action(store: Store, action: GroupAction, verdicts: Sequence[Verdict], *, after: int) -> bool:
    """Keep an action and the verdicts that follow from it, both or neither; when this returns they are on the disk.

    Returns:
        False, and nothing is kept, if it is there already, or if somebody acted on the tree after number ``after``.
    """
    body = {name: getattr(action, name) for name in _IN_BODY}
    return store.append_group_action(
        action_id=action.action_id,
        run=action.run,
        tree=action.tree,
        kind=str(action.kind),
        body=json.dumps({name: value for name, value in body.items() if value}, ensure_ascii=False),
        reviewer=action.reviewer,
        given_at=action.at,
        verdicts=verdicts,
        after=after,
    )


def _to_action(row: Mapping[Any, Any]) -> GroupAction:
    try:
        return _parse_action(row)
    except (ValueError, TypeError, AttributeError) as error:
        raise AnomalureError(
            f"What was done with the groups of run {row['run']} is damaged in the project's database (action "
            f"{row['action_id']}). Put the database back from a copy, or ask the person it came from."
        ) from error


def _parse_action(row: Mapping[Any, Any]) -> GroupAction:
    body = parse_values(row["body"])
    return GroupAction(
        action_id=row["action_id"],
        kind=Kind(row["kind"]),
        run=row["run"],
        tree=row["tree"],
        reviewer=row["reviewer"],
        at=row["given_at"].to_pydatetime().replace(tzinfo=UTC),
        **body | {name: tuple(body.get(name, ())) for name in ("leaves", "crop_ids")},
    )
