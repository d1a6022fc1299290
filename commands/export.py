"""``cli.py export``: reviewed anomalies to a file."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import open_project

ABOUT = "write reviewed anomalies to a file"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", metavar="R", help="default: the newest run that is done")
    parser.add_argument("--format", choices=("csv",), default="csv")
    parser.add_argument("--out", type=Path, required=True, metavar="PATH")
    parser.add_argument("--all", action="store_true", help="every crop, not only reviewed anomalies")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.formats.csv import write_csv

    project = open_project(arguments)
    tables = project.export_rows(arguments.run, reviewed_anomalies_only=not arguments.all)
    rows = write_csv((row for table in tables for row in table.to_dict("records")), arguments.out)
    return DONE, {"out": str(arguments.out), "format": arguments.format, "rows": rows}
