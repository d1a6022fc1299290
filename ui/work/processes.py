"""Starts processes that outlive the page, the tab and the dashboard."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

CLI = Path(__file__).resolve().parents[2] / "cli.py"
LOG_TAIL_BYTES = 4_000
NICENESS = 10


def read_tail(log: Path) -> str:
    """The last lines of a log; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(file.tell() - LOG_TAIL_BYTES, 0))
            return file.read().decode("utf-8", errors="replace").strip()
    except OSError:
        return ""


def start_detached(
    command: Sequence[str],
    log: Path,
    *,
    environment: Mapping[str, str] | None = None,
    stdin: int = subprocess.DEVNULL,
    is_waited_for: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a command that outlives the dashboard; its output replaces the file ``log``.

    ``environment`` is added to the variables of this process. The command has a lower priority than the dashboard and
    the browser, unless the user waits for it (``is_waited_for``).

    Raises:
        OSError: If it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        flags |= 0 if is_waited_for else subprocess.BELOW_NORMAL_PRIORITY_CLASS
        detached = {"creationflags": flags}
    if log.is_symlink():
        log.unlink()  # it may lead, in a project of others, to a file that would be written over
    with log.open("wb") as out:
        whole = {**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})}  # read_tail reads it so
        process = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out, cwd=CLI.parent, env=whole, **detached)
    if not is_waited_for:
        _step_back(process.pid)
    return process


def _step_back(pid: int) -> None:
    """Lower the priority of a process; if that is not possible, it stays the same."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        # Linux shares the processor among sessions first, and the process has a session of its own.
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
