"""``cli.py verdict``: a decision about a crop."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "decide about a crop"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from core.records import Decision

    parser.add_argument("--crop", required=True, metavar="ID")
    parser.add_argument("--verdict", required=True, choices=[str(decision) for decision in Decision])
    parser.add_argument("--species", default="")
    parser.add_argument("--note", default="")
    parser.add_argument("--reviewer", default="")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    verdict = open_project(arguments).save_verdict(
        arguments.crop, arguments.verdict, species=arguments.species, note=arguments.note, reviewer=arguments.reviewer
    )
    return DONE, {
        "crop": verdict.crop_id,
        "verdict": str(verdict.verdict),
        "reviewer": verdict.reviewer,
        "decided_at": verdict.decided_at.isoformat(),
    }
