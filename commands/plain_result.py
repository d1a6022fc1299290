"""A command's result as lines of text."""

from typing import Any

from core.disk.names import show_in_terminal

WHOLE_FROM = 1_000
NAMES, MOST_NAMES = "_names", 5
"""Lists of names of photos, which can be long, are cut after a few; ``--json`` has more."""
SAID = "said"
"""The key of what a part of a result says in sentences, which people get instead of its values."""


def print_plainly(result: dict[str, Any]) -> None:
    """The result as lines of text; a list of rows has one line for each row."""
    for name, value in result.items():
        if isinstance(value, list) and name.endswith(NAMES) and value:
            _print(f"{name}: {', '.join(map(str, value[:MOST_NAMES]))}" + " ..." * (len(value) > MOST_NAMES))
        elif isinstance(value, list):
            for row in value:
                if isinstance(row, dict) and isinstance(row.get(SAID), list):
                    for line in row[SAID]:
                        _print(line)
                    continue
                _print(
                    "  ".join(f"{key}={_say(item)}" for key, item in row.items())
                    if isinstance(row, dict)
                    else _say(row)
                )
        elif isinstance(value, dict):
            _print(f"{name}:")
            for key, item in value.items():
                _print(f"  {key}: {_say(item)}")
        else:
            _print(f"{name}: {_say(value)}")


def _print(text: Any) -> None:
    print(show_in_terminal(str(text)))  # species and names come from files of others


def _say(value: Any) -> Any:
    """A value for people: numbers have four digits that count, also inside lists; ``--json`` has all of them."""
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= WHOLE_FROM else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_say(item)}" for name, item in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(str(_say(item)) for item in value)
    return value
