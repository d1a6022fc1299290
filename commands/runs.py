"""``cli.py runs``: the runs of a project."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project
from core.errors import AnomalureError

ABOUT = "list the runs"


def add_options(parser: argparse.ArgumentParser) -> None:
    """No options besides those of every command."""


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    return DONE, {"runs": [_describe(run) for run in open_project(arguments).runs()]}


def _describe(run: Any) -> dict[str, Any]:
    """A row of a run; one with a damaged file says so, and the others are listed as ever."""
    from core.runs.folder import describe_run

    problem = run.problem
    if not problem:
        try:
            return describe_run(run)
        except AnomalureError as error:
            problem = str(error)
    return {"run": run.run_id, "status": str(run.status), "problem": problem}
