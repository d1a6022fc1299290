"""Finds the files of a project folder that was moved, renamed or copied to another computer."""

import re
from pathlib import Path

_HELD = ("bundles", "detectors")


def find_again(path: str, project: Path) -> str:
    """The present path of a file whose path was recorded before the project was moved.

    Args:
        path: Of a bundle's or a detector's file or folder, of any system; names of models that are no paths stay.
        project: Where the project is now.

    Returns:
        ``path`` itself if there is such a file, or if the project does not hold it either.
    """
    try:
        if not path or Path(path).exists():
            return path
    except (OSError, ValueError):
        return path
    parts = re.split(r"[\\/]", path)
    for at in (i for i in reversed(range(len(parts))) if parts[i] in _HELD):
        found = project.joinpath(*parts[at:])
        if ".." not in parts[at:] and found.exists():
            return str(found)
    return path
