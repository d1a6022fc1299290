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
    open_project(arguments).store.activate_bundle(arguments.bundle)
    return DONE, {"active": arguments.bundle}
