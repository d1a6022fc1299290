"""The targets of a bench: made, printed and put into JSON in one way."""

import json
from collections.abc import Callable, Mapping, Sequence
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
