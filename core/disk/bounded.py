"""Reads files that somebody named, with limits: a pipe never ends, and a small zip can unpack to anything."""

import errno
import gzip
import io
import os
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

MEGA = 1_000_000
MOST_BYTES = 1_000_000_000
# Tables compress 5 to 60 times. What unpacks to more was made to fill the memory.
MOST_TIMES_UNPACKED = 200
ALWAYS_UNPACKED_BYTES = 20 * MEGA
_PIECE = 1 << 20


def read_bounded(path: Path, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of an ordinary file.

    Raises:
        OSError: If it cannot be read, is a folder, a pipe or a device, or is larger than ``most_bytes``.
    """
    with open_ordinary(path) as file:
        return _read(file, most_bytes, str(path))


@contextmanager
def open_ordinary(path: Path) -> Iterator[BinaryIO]:
    """Open an ordinary file to read.

    Raises:
        OSError: If it cannot be opened, or is a folder, a pipe or a device.
    """
    # Without O_NONBLOCK opening a pipe waits for somebody who writes.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "it is not an ordinary file", str(path))
        yield file


def read_member(archive: zipfile.ZipFile, about: zipfile.ZipInfo, *, most_bytes: int = MOST_BYTES) -> bytes:
    """The content of a file in a zip.

    Raises:
        OSError: If it would unpack to more than ``most_bytes``, or to far more than it takes in the zip.
        zipfile.BadZipFile, NotImplementedError, RuntimeError: If it is damaged, or encrypted.
    """
    limit = _limit(about.compress_size, most_bytes)
    if about.file_size > limit:
        raise _too_large(limit, about.filename)
    with archive.open(about) as file:
        return _read(file, limit, about.filename)


def unpack_gzip(content: bytes, *, source: str, most_bytes: int = MOST_BYTES) -> bytes:
    """Gzipped content unpacked.

    Raises:
        OSError, EOFError: If it is damaged, or would unpack to too much, as for ``read_member``.
    """
    with gzip.open(io.BytesIO(content)) as file:
        return _read(file, _limit(len(content), most_bytes), source)


def _limit(packed_bytes: int, most_bytes: int) -> int:
    return min(max(packed_bytes * MOST_TIMES_UNPACKED, ALWAYS_UNPACKED_BYTES), most_bytes)


def _read(file: Any, most_bytes: int, name: str) -> bytes:
    pieces, n_bytes = [], 0
    while piece := file.read(_PIECE):
        n_bytes += len(piece)
        if n_bytes > most_bytes:
            raise _too_large(most_bytes, name)
        pieces.append(piece)
    return b"".join(pieces)


def _too_large(most_bytes: int, name: str) -> OSError:
    return OSError(errno.EFBIG, f"it holds more than {most_bytes / MEGA:,.0f} MB, the most that is read", name)
