"""Files for other tools: streamed to a temporary name, and there when they are whole."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.disk.files import replace_file, temporary_beside
from core.errors import AnomalureError


@contextmanager
def open_new(path: Path, *, newline: str | None = "\n") -> Iterator[TextIO]:
    """A text file (UTF-8) to write; it takes its name when the block ends well, over what was there.

    Raises:
        AnomalureError: If the file cannot be written: no such folder, no permission, disk full.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("x", encoding="utf-8", newline=newline) as file:
            yield file
        replace_file(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AnomalureError(f"{path} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def refuse_taken_folder(path: Path) -> None:
    """See that a folder can be made here, before the work begins.

    Raises:
        AnomalureError: If there is something already, other than an empty folder.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise AnomalureError(f"{path} is there already and is not an empty folder. Choose a new name.")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill under a temporary name; it takes its own when the block ends well, else nothing is left.

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
