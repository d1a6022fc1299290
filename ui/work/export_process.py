"""Start an export as a process of its own, so that it outlives the page. Knows no Streamlit."""

import subprocess
import sys

from core.export.jobs import ExportJob
from core.study.project import Project
from ui.work.processes import CLI, start_detached

# Whoever starts a process must collect its end, or it stays behind as a zombie.
_started: dict[str, subprocess.Popen[bytes]] = {}


def start_export(project: Project, job: ExportJob) -> None:
    """Begin with an export and return at once; its progress is read from its folder."""
    for job_id in [job_id for job_id, process in _started.items() if process.poll() is not None]:
        del _started[job_id]
    command = [sys.executable, str(CLI), "export", "--project", str(project.path), "--job", job.job_id]
    _started[job.job_id] = start_detached(command, job.path / "log.txt")


def collect_ended() -> None:
    """Let go of processes that have ended."""
    for process in _started.values():
        process.poll()
