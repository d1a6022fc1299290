"""``cli.py rank``: put a run's undecided crops in order by what was decided so far."""

import argparse
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project

ABOUT = "rank a run's undecided crops by the verdicts so far, and say how many anomalies are probably left"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", metavar="R", help="default: the newest")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Rank them."""
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.rank import RankRequest

    project = open_project(arguments)
    run = project.run_or_latest(arguments.run)
    try:
        return DONE, registry.do_at_once(project, RankRequest(run=run.run_id))
    except Cancelled:
        return FAILED, {"error": "Cancelled; the earlier ranking is kept."}
