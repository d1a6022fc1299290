"""``cli.py retrain``: verdicts to the next bundle, measured before and after."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine

ABOUT = "make the next bundle from the verdicts so far; the active bundle stays what it is"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--name", required=True, help="of the new bundle")
    parser.add_argument(
        "--from",
        dest="made_from",
        metavar="B",
        help="start from this bundle; default: the active one, without one verdicts alone",
    )
    parser.add_argument(
        "--learn-species",
        action="append",
        default=[],
        metavar="S",
        help="accepted anomalies of this species become known; can be given again",
    )
    parser.add_argument("--truth", type=Path, metavar="FILE", help="what is in the photos, only to measure")
    parser.add_argument("--split", help="only the photos of this split of the truth")
    parser.add_argument("--activate", action="store_true", help="make the new bundle the active one")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.recognise import read_labels
    from core.study.retrainings import RetrainingCancelled
    from models.loop.retraining import adopt_bundles, retrain_bundle

    project = open_project(arguments)
    adopt_bundles(project)
    made_from = arguments.made_from if arguments.made_from is not None else project.store.active_bundle()
    with ProgressLine("steps") as line:
        try:
            report = retrain_bundle(
                project,
                name=arguments.name,
                made_from=made_from,
                learn_species=arguments.learn_species,
                truth=read_labels(arguments.truth) if arguments.truth else None,
                split=arguments.split,
                on_progress=lambda done, total, what: line.show(done, total),
            )
        except RetrainingCancelled as cancelled:
            return FAILED, {"error": str(cancelled)}
    if arguments.activate:
        project.store.activate_bundle(arguments.name)
    return DONE, report
