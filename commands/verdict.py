"""``cli.py verdict``: a decision about a crop."""

import argparse
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE
from commands.options import open_project
from core.errors import AnomalureError

if TYPE_CHECKING:
    from collections.abc import Mapping

ABOUT = "decide about a crop"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from core.records import Decision

    parser.add_argument("--crop", required=True, metavar="ID")
    parser.add_argument("--verdict", required=True, choices=[str(decision) for decision in Decision])
    parser.add_argument("--species", default="")
    parser.add_argument("--note", default="")
    parser.add_argument("--reviewer", default="")
    parser.add_argument("--replace", action="store_true", help="also if somebody else has decided about the crop")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Keep it, unless it would replace another person's."""
    from uuid import uuid4

    from core.formats.exported import set_utc
    from core.records import Decision, name_key, tidy_name
    from core.study.decisions import GivenDecision, keep_decisions

    project = open_project(arguments)
    index = project.review_index(project.find_crop(arguments.crop)["run"])
    place = index.find_places([arguments.crop])[arguments.crop]
    row = index.rows([place]).iloc[0]
    reviewer = tidy_name(arguments.reviewer)
    is_other = bool(row["verdict"]) and not row["given_to"] and name_key(row["reviewer"]) != name_key(reviewer)
    if is_other and not arguments.replace:
        raise AnomalureError(_say_other(row))
    try:
        given = GivenDecision(
            decision_id=uuid4().hex,
            crop_id=arguments.crop,
            verdict=Decision(arguments.verdict),
            species=arguments.species,
            note=arguments.note,
            reviewer=reviewer,
            seen=None if arguments.replace else str(row["verdict_id"] or ""),
        )
    except ValueError as error:
        raise AnomalureError(f"This decision cannot be kept: {error}.") from error
    kept = keep_decisions(project.store, index, [given])
    row = index.rows([place]).iloc[0]
    if kept.changed:
        raise AnomalureError(_say_other(row))
    return DONE, {
        "crop": arguments.crop,
        "verdict": arguments.verdict,
        "species": row["verdict_species"],
        "reviewer": reviewer,
        "decided_at": set_utc(row["decided_at"]).isoformat(),
    }


def _say_other(row: "Mapping[str, Any]") -> str:
    who = row["reviewer"] or "Somebody without a name"
    species = f", {row['verdict_species']}" if row["verdict_species"] else ""
    return (
        f"{who} has decided about this crop already: {row['verdict'] or 'taken back'}{species}. Give --replace to "
        "decide in their place, or --reviewer if it was you."
    )
