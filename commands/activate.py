"""``cli.py activate``: the bundle that runs use."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "make a bundle the one that runs use"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--bundle", required=True)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.study.bundles import read_bundles

    project = open_project(arguments)
    read_bundles(project)  # registers one whose process was killed just before it would have done so
    project.store.activate_bundle(arguments.bundle)
    return DONE, {"active": arguments.bundle}
