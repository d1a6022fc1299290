"""``cli.py suggestions``: labels that disagree with the crops that look alike."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import SHARES, ProgressLine

ABOUT = "find crops whose species, as a file or a group's name says it, disagrees with the crops that look alike"
MOST_SHOWN = 20


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", metavar="R", help="default: the newest")
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="also write all of them as a table")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Look through the labels of a run, and list the doubtful ones."""
    from core.formats.csv import write_csv
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.suggestions import SuggestionsRequest
    from models.suggestions.of_run import SUGGESTION_EXPORT, list_suggestion_rows, read_suggestions

    project = open_project(arguments)
    run = project.run_or_latest(arguments.run)
    try:
        with ProgressLine(SHARES) as line:
            request = SuggestionsRequest(run=run.run_id)
            result = registry.do_at_once(project, request, on_progress=line.show_progress)
    except Cancelled:
        return FAILED, {"error": "Cancelled; what was found before is kept."}
    suggestions = read_suggestions(project, run)
    assert suggestions is not None  # it was written just now
    rows = list_suggestion_rows(project, run, suggestions)
    if arguments.out is not None:
        write_csv(rows, arguments.out, columns=SUGGESTION_EXPORT)
    return DONE, {
        **result,
        "crops": rows if arguments.json else [_shorten(row) for row in rows[:MOST_SHOWN]],
        **({"written": str(arguments.out)} if arguments.out is not None else {}),
    }


def _shorten(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("file_name", "label", "suggested", "margin")}
