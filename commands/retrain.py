"""``cli.py retrain``: make the next bundle from verdicts, and measure it before and after."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine

ABOUT = "make the next bundle from the verdicts so far; the active bundle stays what it is"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", required=True, help="the name of the new bundle")
    parser.add_argument(
        "--from",
        dest="made_from",
        metavar="B",
        help="start from this bundle; default: the active one or, if there is none, only the verdicts",
    )
    parser.add_argument(
        "--learn-species",
        action="append",
        default=[],
        metavar="S",
        help="a species that reviewers gave to accepted anomalies and that the new bundle should know; can be repeated",
    )
    parser.add_argument(
        "--truth", type=Path, metavar="FILE", help="labels that say what is in the photos; used only to measure"
    )
    parser.add_argument("--split", help="only the photos of this split of the truth")
    parser.add_argument("--activate", action="store_true", help="make the new bundle the active one")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Make and measure the bundle."""
    from core.study.project import check_name
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.retrain import RetrainRequest

    check_name(arguments.name, what="bundle")
    project = open_project(arguments)
    request = RetrainRequest(
        name=arguments.name,
        made_from=arguments.made_from if arguments.made_from is not None else project.store.active_bundle(),
        learn_species=tuple(arguments.learn_species),
        truth=arguments.truth.absolute() if arguments.truth else None,
        split=arguments.split,
        activate=arguments.activate,
    )
    with ProgressLine("steps") as line:
        try:
            return DONE, registry.do_at_once(project, request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "The retraining was cancelled; no bundle was made."}
