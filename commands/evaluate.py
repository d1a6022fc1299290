"""``cli.py evaluate``: a run against the truth."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "compare a run's scores and flags with the truth"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", required=True, metavar="R")
    parser.add_argument("--truth", type=Path, required=True, metavar="COCO_FILE")
    parser.add_argument("--split", help="only the photos of this split of the truth")
    parser.add_argument(
        "--known",
        nargs="+",
        metavar="SPECIES",
        help="known species; default: the bundle's, or those of the truth's train split",
    )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.evaluation.judging import evaluate_run
    from core.formats.account import Problems
    from core.formats.recognise import read_labels
    from models.bundles.bundle import Bundle

    project = open_project(arguments)
    run = project.run(arguments.run)
    known = arguments.known
    if known is None and run.info.bundle:
        known = Bundle.load(project.bundles_dir / run.info.bundle).species
    truth = read_labels(arguments.truth)
    problems = Problems()
    evaluation = evaluate_run(run, truth, known_species=known, split=arguments.split, problems=problems)
    return DONE, {
        "run": run.run_id,
        **evaluation.to_values(),
        "problems": [*truth.problems, *problems.lines()],
        "labels_read": [one.to_values() for one in truth.accounts],
    }
