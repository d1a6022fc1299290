"""``cli.py sample``: draw the sample season."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import read_seed
from commands.progress_line import ProgressLine

ABOUT = "render the sample season"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--seed", type=read_seed, default=7)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.sample import render_season

    with ProgressLine("photos drawn") as line:
        report = render_season(arguments.out, seed=arguments.seed, on_progress=line.show)
    return DONE, {"out": str(arguments.out), **asdict(report)}
