"""Start an export as a process of its own, so that it outlives the page. Knows no Streamlit."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from core.export_jobs import ExportJob
from core.project import Project

CLI = Path(__file__).resolve().parent.parent / "cli.py"

# Whoever starts a process must collect its end, or it stays behind as a zombie.
_started: dict[str, subprocess.Popen[bytes]] = {}


def start_export(project: Project, job: ExportJob) -> None:
    """Begin with an export and return at once; its progress is read from its folder."""
    for job_id in [job_id for job_id, process in _started.items() if process.poll() is not None]:
        del _started[job_id]
    detached: dict[str, Any] = (
        {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}  # type: ignore[attr-defined]
        if os.name == "nt"
        else {"start_new_session": True}
    )
    command = [sys.executable, str(CLI), "export", "--project", str(project.path), "--job", job.job_id]
    with (job.path / "log.txt").open("wb") as out:
        _started[job.job_id] = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=CLI.parent, **detached
        )


def collect_ended() -> None:
    """Let go of processes that have ended."""
    for process in _started.values():
        process.poll()
