"""Processes that this dashboard starts and that outlive the page, the tab and the dashboard. Knows no Streamlit."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from core.disk.files import write_whole
from core.work.folder import Status, WorkFolder
from core.work.progress import Progress, is_last_word

CLI = Path(__file__).resolve().parents[2] / "cli.py"
LOG_TAIL_BYTES = 4_000
NICENESS = 10
FINE = (0, 3)
"""Exit codes of work that is done; with 3 some photos failed."""


class OwnProcesses:
    """Those of one kind, by the project and the name of what each works on.

    Whoever starts a process must collect its end, or it stays behind as a zombie that looks alive; here each question
    does so.
    """

    def __init__(self, prefix: str = "") -> None:
        """``prefix``: of the names of their logs."""
        self._prefix = prefix
        self._started: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}

    def start(
        self, project: Path, name: str, command: Sequence[str], *, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command and return at once; what it prints goes to its log.

        Raises:
            OSError: If it cannot be started.
        """
        process = start_detached(command, self.log(project, name), environment=environment)
        self._started[project, name] = process
        return process

    def log(self, project: Path, name: str) -> Path:
        """Where it writes what it has to say."""
        return project / "logs" / f"{self._prefix}{name}.log"

    def keep_settings(self, project: Path, name: str, values: Mapping[str, Any], *, kind: str = "settings") -> Path:
        """Write settings beside its log, for a command line that names the file."""
        place = self.log(project, name).with_suffix(f".{kind}.json")
        place.parent.mkdir(parents=True, exist_ok=True)
        write_whole(place, json.dumps(values, indent=1).encode())
        return place

    def read_words(self, project: Path, name: str) -> str:
        """The last lines that it wrote, or nothing."""
        return read_tail(self.log(project, name))

    def is_alive(self, project: Path, name: str) -> bool:
        """Whether there is one, started by this dashboard; it may not have made its folder yet."""
        process = self._started.get((project, name))
        return process is not None and process.poll() is None

    def goes_on(self, project: Path, name: str, work: WorkFolder | None) -> bool:
        """Whether it is alive, or another process works on this folder (None: it is not made yet)."""
        return self.is_alive(project, name) or (work is not None and work.status is Status.RUNNING)

    def is_ending(self, project: Path, name: str, progress: Progress | None) -> bool:
        """Whether it is alive, but has written its last word."""
        return self.is_alive(project, name) and is_last_word(progress, pid=self._started[project, name].pid)

    def has_ended(self, project: Path, name: str, *, badly: bool = False) -> bool:
        """Whether it was started by this dashboard and has ended; ``badly``: with an error."""
        process = self._started.get((project, name))
        code = None if process is None else process.poll()
        return code is not None and not (badly and code in FINE)

    def stop(self, project: Path, name: str) -> None:
        """End one that has not begun with its work, such as one that waits for a download."""
        if self.is_alive(project, name):
            self._started[project, name].terminate()


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
