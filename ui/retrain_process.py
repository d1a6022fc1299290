"""Start a retraining, or a ranking, as a process of its own, so that nobody waits for it. Knows no Streamlit."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from core.project import Project
from core.rankings import RERANK_EVERY, latest_sequence
from core.runs import RunFolder
from ui.run_process import CLI, start_detached

LOG_TAIL_BYTES = 4_000

# Whoever starts a process must collect its end, or it stays behind as a zombie that looks alive.
_started: dict[tuple[Path, str, str], subprocess.Popen[bytes]] = {}
# The newest ranking of a run that was seen: listing the folder of a large run takes longer than all else here.
_ranked_after: dict[Path, int] = {}


def start_retraining(
    project: Path, name: str, *, made_from: str, learn_species: Sequence[str] = (), truth: Path | None = None
) -> None:
    """Begin with a retraining and return at once; its progress is ``core.retrainings.Retraining(project, name)``."""
    command = ["retrain", "--name", name, "--from", made_from]
    for species in learn_species:
        command += ["--learn-species", species]
    if truth is not None:
        command += ["--truth", str(truth.absolute())]
    _start(project, "retrain", name, command)


def has_ended(project: Path, name: str) -> bool:
    """Whether the process of this retraining was started by this dashboard and has ended."""
    process = _started.get((project, "retrain", name))
    return process is not None and process.poll() is not None


def is_starting(project: Path, name: str) -> bool:
    """Whether the process of this retraining, started by this dashboard, is alive."""
    process = _started.get((project, "retrain", name))
    return process is not None and process.poll() is None


def read_log_tail(project: Path, name: str) -> str:
    """The last lines that a retraining wrote, or nothing."""
    try:
        content = _log_path(project, "retrain", name).read_bytes()
    except OSError:
        return ""
    return content[-LOG_TAIL_BYTES:].decode("utf-8", errors="replace").strip()


def refresh_ranking(project: Project, run: RunFolder, *, last_sequence: int) -> bool:
    """Rank the run's undecided crops anew, in the background, if enough was decided since it was ranked last.

    Costs next to nothing when there is nothing to do: call it whenever a verdict was saved.

    Args:
        project: The study.
        run: Whose crops.
        last_sequence: Of the newest verdict.

    Returns:
        Whether a process was started.
    """
    if last_sequence < _ranked_after.get(run.path, 0) + RERANK_EVERY or is_ranking(project.path, run.run_id):
        return False
    _ranked_after[run.path] = max(latest_sequence(run), 0)
    if last_sequence < _ranked_after[run.path] + RERANK_EVERY:
        return False
    _start(project.path, "rank", run.run_id, ["rank", "--run", run.run_id])
    return True


def is_ranking(project: Path, run_id: str) -> bool:
    """Whether this dashboard has a process at work that ranks a run."""
    process = _started.get((project, "rank", run_id))
    return process is not None and process.poll() is None


def _start(project: Path, job: str, name: str, command: Sequence[str]) -> None:
    log = _log_path(project, job, name)
    # One thread, and no spinning while it waits: the reviewer's pictures come first.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    whole = [sys.executable, str(CLI), *command, "--project", str(project), "--json"]
    _started[project, job, name] = start_detached(whole, log, environment=environment)


def _log_path(project: Path, job: str, name: str) -> Path:
    return project / "logs" / f"{job}-{name}.log"
