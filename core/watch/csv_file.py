"""Tells by a CSV file: one line an event, added at its end, never twice."""

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path

from core.errors import AnomalureError, FileFormatError
from core.formats.csv import escape_formula
from core.watch.channel import NotSent, Row
from core.watch.digest import DIGEST_COLUMNS

TAIL_BYTES = 1_000_000
"""A line that a killed watcher wrote and did not note is one of the last."""


class CsvFile:
    """Adds lines to a file, which may be open in another program or be read by one.

    A line is written as a whole. What a kill or a full disk left of one is taken away, if it is the beginning of the
    line that comes now; what others wrote stays.

    Args:
        path: The file; made with a header if it is not there or empty. Its folder must exist.

    Raises:
        AnomalureError: If it is a folder, its folder is missing, or it is another table.
    """

    at_once = 500
    every_s = 0.0

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.name = f"csv:{self.path}"
        if self.path.is_dir() or not self.path.parent.is_dir():
            what = "is a folder" if self.path.is_dir() else f"cannot be made: there is no folder {self.path.parent}"
            raise AnomalureError(f"{self.path} {what}. Give the name of a CSV file in a folder that is there.")
        if self.path.exists() and not self.path.is_file():
            raise AnomalureError(f"{self.path} is no ordinary file. Give the name of a CSV file.")
        try:
            self._check_header()
        except OSError as error:
            raise AnomalureError(f"{self.path} cannot be read ({error.strerror or error}).") from error

    def wants(self, row: Row) -> bool:
        """Every row."""
        return True

    def send(self, rows: Sequence[Row]) -> None:
        """Add the lines that are not there yet."""
        try:
            self._check_header()
            with open(self.path, "r+b" if self.path.exists() else "x+b") as file:
                self._append(file.fileno(), rows)
        except OSError as error:
            raise NotSent(f"{self.path} cannot be written ({error.strerror or error}).") from error
        except FileFormatError as error:
            raise NotSent(str(error)) from error

    def _append(self, file: int, rows: Sequence[Row]) -> None:
        size = os.lseek(file, 0, os.SEEK_END)
        start = max(size - TAIL_BYTES, 0)
        os.lseek(file, start, os.SEEK_SET)
        tail = _read_all(file)
        ids = _read_ids(tail)
        lines = [_to_line(row) for row in rows if str(row["id"]) not in ids]
        last = tail[tail.rfind(b"\n") + 1 :]
        end, between = size, b""
        header = b"" if size else _HEADER
        if last and any(line.startswith(last) for line in [*lines, _HEADER]):
            end -= len(last)
            os.ftruncate(file, end)
            header = b"" if end else _HEADER
        elif last:
            between = b"\r\n"
        if not lines:
            return
        content = between + header + b"".join(lines)
        os.lseek(file, end, os.SEEK_SET)
        try:
            written = 0
            while written < len(content):
                written += os.write(file, content[written:])
            os.fsync(file)
        except OSError:
            os.ftruncate(file, end)
            raise

    def _check_header(self) -> None:
        if not self.path.is_file():
            return
        with self.path.open("rb") as file:
            first = file.readline(TAIL_BYTES)
        if first and not _HEADER.startswith(first.removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")):
            raise FileFormatError(
                f"{self.path} is another table: its first line is not that of a watch. Give another file, or move it."
            )


def _to_line(row: Row) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow([_write_cell(row[column]) for column in DIGEST_COLUMNS])
    return text.getvalue().encode()


def _write_cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    # Names of cameras come from folders, and a line feed in one would make two lines of it for simple readers.
    return escape_formula(" ".join(value.splitlines())) if isinstance(value, str) else value


def _read_all(file: int) -> bytes:
    parts = []
    while part := os.read(file, TAIL_BYTES):
        parts.append(part)
    return b"".join(parts)


def _read_ids(tail: bytes) -> set[str]:
    """The first cells of the lines; the first line may be the end of one."""
    return {line.partition(",")[0] for line in tail[: tail.rfind(b"\n") + 1].decode(errors="replace").splitlines()}


_HEADER = _to_line({column: column for column in DIGEST_COLUMNS})
