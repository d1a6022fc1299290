"""Names from files are followed only inside the folder that they are meant for."""

import os
from pathlib import Path

from core.errors import AnomalureError


class LeadsOut(AnomalureError):
    """A name from a file leads out of its folder."""


def inside(folder: Path, name: str | os.PathLike[str]) -> Path:
    """The file or folder ``name`` of ``folder``, which need not exist.

    A project may come from somebody else. A name with ``..`` in it, an absolute one, or a link could make this
    computer show or pack any file that its user can read, or write over it. So links are followed before it is
    decided whether the name is inside; the folder itself may be a link.

    Raises:
        LeadsOut: If the name leads out of the folder, or cannot be a file's name.
    """
    path = Path(folder) / name
    try:
        home, place = os.path.realpath(folder), os.path.realpath(path)
        if place != home and os.path.commonpath((home, place)) == home:
            return path
    except ValueError:  # a NUL in the name, or another drive
        pass
    raise LeadsOut(f"{str(name)[:200]!r} leads out of {folder}, so it is not read.")


def check_ordinary(folder: Path) -> None:
    """Refuse a folder of a project in which something is no ordinary file or folder of it.

    A pipe would make its reader wait for ever, and a link shows any file of this computer as one of the project's.

    Raises:
        LeadsOut: If something is a link that leads out, or neither a file nor a folder.
        OSError: If the folder cannot be listed.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                inside(folder, entry.name)
            if not (entry.is_file() or entry.is_dir() or entry.is_symlink()):
                raise LeadsOut(f"{entry.name[:200]!r} in {folder} is not an ordinary file, so the folder is not read.")
