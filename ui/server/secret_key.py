"""The key with which this computer's dashboards sign, kept in the configuration folder of the user who runs them.

It is not in the project, because a project may come from somebody else, who would then know the key.
"""

import os
import secrets
import sys
from functools import cache
from pathlib import Path

from core.disk.names import expand_home

KEY_NAME = "dashboard.key"
LEAST_BYTES = 32


def config_folder() -> Path:
    """The user's configuration folder of Anomalure, or the one in the environment variable ``ANOMALURE_CONFIG``."""
    if chosen := os.environ.get("ANOMALURE_CONFIG"):
        return expand_home(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home() / "AppData" / "Roaming")) / "anomalure"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "anomalure"
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "anomalure"


def read_secret_key() -> bytes:
    """The key, at least 32 bytes; made where there is none, and anew where the file is shorter.

    Where it can be neither read nor kept, this process has one of its own: what it signed is void once it ends.
    """
    path = config_folder() / KEY_NAME
    try:
        return _read(path) or _make(path)
    except OSError:
        return _of_this_process()


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            key = file.read(4 * LEAST_BYTES)
    except FileNotFoundError:
        return b""
    return key if len(key) >= LEAST_BYTES else b""


def _make(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{KEY_NAME}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(LEAST_BYTES))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(temporary, path)  # fails if another process was quicker: its key counts
        except FileExistsError:
            if not _read(path):  # what a full disk or a power cut left of a key
                os.replace(temporary, path)
        except OSError:
            os.replace(temporary, path)  # a disk without links
        return _read(path) or _of_this_process()
    finally:
        temporary.unlink(missing_ok=True)


@cache
def _of_this_process() -> bytes:
    return secrets.token_bytes(LEAST_BYTES)
