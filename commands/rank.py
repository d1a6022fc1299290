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
    from core.errors import AnomalureError
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.rank import RankRequest

    project = open_project(arguments)
    run = project.run(arguments.run) if arguments.run else project.latest_run()
    if run is None:
        raise AnomalureError(f"There is no run in {project.path} yet. Run Anomalure on a folder of photos first.")
    try:
        return DONE, registry.do_at_once(project, RankRequest(run=run.run_id))
    except Cancelled:
        return FAILED, {"error": "Cancelled; the earlier ranking is kept."}
