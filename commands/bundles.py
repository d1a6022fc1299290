"""``cli.py bundles``: the bundles of a project."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "list the bundles"


def add_options(parser: argparse.ArgumentParser) -> None:
    """No options besides those of every command."""


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.study.bundles import read_bundles

    project = open_project(arguments)
    active = project.store.active_bundle()
    rows = read_bundles(project).to_dict("records")
    return DONE, {"bundles": [{**row, "active": row["name"] == active} for row in rows]}
