"""Processes that this dashboard starts and that outlive the page, the tab and the dashboard. Knows no Streamlit."""

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
    """Start a command that outlives the dashboard; what it prints goes to ``log``, over what was there.

    ``environment`` is added to this process's own. It gets what processor time the dashboard and the browser leave,
    unless somebody sits and waits for it (``is_waited_for``).

    Raises:
        OSError: If it cannot be started.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    detached: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW
        flags |= 0 if is_waited_for else subprocess.BELOW_NORMAL_PRIORITY_CLASS
        detached = {"creationflags": flags}
    with log.open("wb") as out:
        whole = None if environment is None else {**os.environ, **environment}
        process = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=out, cwd=CLI.parent, env=whole, **detached)
    if not is_waited_for:
        _step_back(process.pid)
    return process


def _step_back(pid: int) -> None:
    """Let others go first; where that cannot be had, the process works on as it is."""
    if sys.platform != "win32":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, pid, NICENESS)
        # Linux shares the processor among sessions first, and this process has a session of its own.
        with suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text(str(NICENESS))
