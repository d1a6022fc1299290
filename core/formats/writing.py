"""Writes files for other tools under a temporary name, so that they appear only when they are complete."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.disk.files import replace_file, temporary_beside
from core.errors import AnomalureError


@contextmanager
def open_new(path: Path, *, newline: str | None = "\n", encoding: str = "utf-8") -> Iterator[TextIO]:
    """Open a text file to write. If the block ends without an error, it replaces the file at ``path``.

    Raises:
        AnomalureError: If the file cannot be written: no such folder, no permission, disk full.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("x", encoding=encoding, newline=newline) as file:
            yield file
        replace_file(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AnomalureError(f"{path} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_taken_folder(path: Path) -> None:
    """Check that a folder can be made here, before the work begins.

    Raises:
        AnomalureError: If the path exists and is not an empty folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise AnomalureError(f"{path} exists and is not an empty folder. Choose a new name.")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill under a temporary name. It is renamed if the block ends without an error, else removed.

    Raises:
        AnomalureError: If it cannot be written: no permission, disk full.
    """
    building = temporary_beside(path)
    try:
        building.mkdir(parents=True)
        yield building
        if path.exists():
            path.rmdir()
        os.replace(building, path)
    except OSError as error:
        raise AnomalureError(f"{path} cannot be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
