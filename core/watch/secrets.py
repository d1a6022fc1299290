"""Secrets of a watch: from the environment or a file of the user, never from the project or the command line."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from core.disk.bounded import read_bounded
from core.errors import AnomalureError

MOST_BYTES = 10_000
LOOPBACK = re.compile(r"localhost|127\.\d{1,3}\.\d{1,3}\.\d{1,3}|::1", re.IGNORECASE)


def read_secret(variable: str, file: Path | None, environment: Mapping[str, str] = os.environ) -> str:
    """The first line of the file if one is given, else the variable of the environment; empty if there is neither.

    Raises:
        AnomalureError: If the file cannot be read or is empty.
    """
    if file is None:
        return environment.get(variable, "").strip()
    try:
        lines = read_bounded(file, most_bytes=MOST_BYTES).decode("utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise AnomalureError(f"The secret cannot be read from {file} ({error}). Expected a small text file.") from error
    if not lines or not lines[0].strip():
        raise AnomalureError(f"{file} is empty. Expected the secret in its first line.")
    return lines[0].strip()


def is_this_computer(host: str) -> bool:
    """Whether a host is the loopback, where nothing is sent over a network."""
    return bool(LOOPBACK.fullmatch(host))
