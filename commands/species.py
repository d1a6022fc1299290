"""``cli.py species``: the species that a bundle and a run know."""

import argparse
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "list the species of the bundle and of a run"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--bundle", default="")
    parser.add_argument("--run", metavar="R")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from models.bundles.bundle import Bundle

    project = open_project(arguments)
    name = arguments.bundle or project.store.active_bundle()
    trained = Bundle.load(project.bundles_dir / name).counts if name else {}
    seen = project.species(arguments.run)
    rows = [
        {"species": species, "crops_in_bundle": trained.get(species, 0), "crops_in_run": seen.get(species, 0)}
        for species in sorted({*trained, *seen})
    ]
    return DONE, {"bundle": name, "species": rows}
