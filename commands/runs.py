"""``cli.py runs``: the runs of a project."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "list the runs"


def add_options(parser: argparse.ArgumentParser) -> None:
    """No options besides those of every command."""


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.runs.folder import describe_run

    rows = [
        {"run": run.run_id, "status": str(run.status), "problem": run.problem} if run.problem else describe_run(run)
        for run in open_project(arguments).runs()
    ]
    return DONE, {"runs": rows}
