"""Writes files that are complete or absent: first to a temporary name, then renamed."""

import os
import re
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, TypeVar
from uuid import uuid4

import psutil

from core.disk.bounded import read_bounded

TEMPORARY_SUFFIX = ".tmp"
_TEMPORARY = re.compile(r"\..+\.(\d{1,9})-[0-9a-f]{8}\.tmp")
# On Windows a file cannot be replaced or opened in the moment in which another process has it open.
WINDOWS_RETRIES = 40
WINDOWS_PAUSE_S = 0.025

_Result = TypeVar("_Result")


def temporary_beside(path: Path) -> Path:
    """A name in the same folder that no other writer uses. What a kill leaves under it is removed later."""
    return path.with_name(f".{path.name}.{os.getpid()}-{uuid4().hex[:8]}{TEMPORARY_SUFFIX}")


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that killed processes of this computer left in a folder; those of others stay."""
    try:
        with os.scandir(folder) as scan:
            found = [(entry.path, _TEMPORARY.fullmatch(entry.name)) for entry in scan]
    except OSError:
        return
    for path, match in found:
        if match and not psutil.pid_exists(int(match[1])):
            with suppress(OSError):
                os.unlink(path)


def replace_file(temporary: Path, path: Path) -> None:
    """Give a finished temporary file its name, in one step, over an existing file.

    Raises:
        OSError: If the file cannot be renamed, on Windows after a second of retries.
    """
    _patiently(lambda: os.replace(temporary, path))


def read_whole(path: Path) -> bytes:
    """The content of a file that another process may be replacing just now."""
    return _patiently(lambda: read_bounded(path))  # a pipe in a project of somebody else would never end


def write_whole(path: Path, content: bytes, *, durable: bool = False) -> None:
    """Write a file in one step: a reader sees the old content or the new, never a part.

    ``durable`` waits until it is on the disk, so that it outlives a power cut too.
    """
    write_stream(path, lambda file: file.write(content), durable=durable)


def write_stream(path: Path, write: Callable[[BinaryIO], object], *, durable: bool = False) -> None:
    """As ``write_whole``, for content that ``write`` puts into the open file."""
    temporary = temporary_beside(path)
    try:
        with temporary.open("xb") as file:
            write(file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        replace_file(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _patiently(act: Callable[[], _Result]) -> _Result:
    for _ in range(WINDOWS_RETRIES if os.name == "nt" else 0):
        try:
            return act()
        except PermissionError:
            time.sleep(WINDOWS_PAUSE_S)
    return act()
