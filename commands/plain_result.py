"""A command's result as lines of text."""

from typing import Any


def print_plainly(result: dict[str, Any]) -> None:
    """The result as lines of text; a list of rows has one line for each row."""
    for name, value in result.items():
        if isinstance(value, list):
            for row in value:
                print("  ".join(f"{key}={item}" for key, item in row.items()) if isinstance(row, dict) else row)
        elif isinstance(value, dict):
            print(f"{name}:")
            for key, item in value.items():
                print(f"  {key}: {item}")
        else:
            print(f"{name}: {value}")
