"""The targets of a bench: made, printed and put into JSON in one way."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Target = dict[str, Any]
"""``name``; ``figure``; ``target``: a number, or two; ``wanted``: the same in words; ``met``."""


def at_most(name: str, figure: float, limit: float) -> Target:
    """For times and losses."""
    return {"name": name, "figure": figure, "target": limit, "wanted": f"at most {limit:,.6g}", "met": figure <= limit}


def below(name: str, figure: float, limit: float) -> Target:
    """Less than another figure of the same run."""
    return {"name": name, "figure": figure, "target": limit, "wanted": f"under {limit:,.6g}", "met": figure < limit}


def at_least(name: str, figure: float | None, limit: float) -> Target:
    """For shares and speeds; a figure that could not be measured (None) does not meet the target."""
    is_met = figure is not None and figure >= limit
    return {"name": name, "figure": figure, "target": limit, "wanted": f"at least {limit:,.6g}", "met": is_met}


def within(name: str, figure: float, low: float, high: float) -> Target:
    """Between two numbers, both included."""
    wanted = f"{low:,.6g} to {high:,.6g}"
    return {"name": name, "figure": figure, "target": [low, high], "wanted": wanted, "met": low <= figure <= high}


def exactly(name: str, figure: Any, wanted: Any) -> Target:
    """For counts of what must not be lost."""
    return {"name": name, "figure": figure, "target": wanted, "wanted": str(wanted), "met": figure == wanted}


def report(
    figures: Mapping[str, Any], targets: Sequence[Target], *, as_json: bool, print_figures: Callable[[], None]
) -> None:
    """One JSON object, or the tables of bench/README.md: what ``print_figures`` prints, and the targets."""
    if as_json:
        print(json.dumps({**figures, "targets": list(targets)}, ensure_ascii=False, default=float))
        return
    print_figures()
    if targets:
        print_targets(targets)


def print_targets(targets: Sequence[Target]) -> None:
    """One row per target, in Markdown."""
    print("\n| target | figure | wanted | met |\n|---|---|---|---|")
    for one in targets:
        figure = f"{one['figure']:.4g}" if isinstance(one["figure"], float) else one["figure"]
        print(f"| {one['name']} | {figure} | {one['wanted']} | {'yes' if one['met'] else '**no**'} |")


def run_with_photos(
    photos: Path,
    *,
    about: str,
    quick: str,
    measure: Callable[[bool], dict[str, Any]],
    list_targets: Callable[[dict[str, Any]], Sequence[Target]],
    print_tables: Callable[[dict[str, Any]], None],
) -> int:
    """Read ``--quick`` and ``--json`` from the command line, measure and report; 1 where the photos are missing.

    Args:
        photos: The folder that the bench needs.
        about: What it measures, for the help.
        quick: What ``--quick`` does, for the help; ``measure`` gets whether it was given.
        measure: Makes the figures.
        list_targets: What the figures should reach.
        print_tables: Prints the figures in Markdown.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not photos.is_dir():
        print(f"This bench needs the real photos in {photos}, which are not here.", file=sys.stderr)
        return 1
    figures = measure(options.quick)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0
