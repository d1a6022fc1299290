"""Start a retraining, or a ranking, as a process of its own, so that nobody waits for it. Knows no Streamlit."""

import sys
from collections.abc import Sequence
from pathlib import Path

from core.review.rankings import RERANK_EVERY, latest_sequence
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.work.processes import CLI, OwnProcesses

RETRAININGS = OwnProcesses("retrain-")
RANKINGS = OwnProcesses("rank-")
# The newest ranking of a run that was seen: listing the folder of a large run takes longer than all else here.
_ranked_after: dict[Path, int] = {}


def start_retraining(
    project: Path, name: str, *, made_from: str, learn_species: Sequence[str] = (), truth: Path | None = None
) -> None:
    """Begin with a retraining and return at once; see ``core.study.retrainings.Retraining(project, name)``."""
    command = ["retrain", "--name", name, "--from", made_from]
    for species in learn_species:
        command += ["--learn-species", species]
    if truth is not None:
        command += ["--truth", str(truth.absolute())]
    _start(RETRAININGS, project, name, command)


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
    if last_sequence < _ranked_after.get(run.path, 0) + RERANK_EVERY or RANKINGS.is_alive(project.path, run.run_id):
        return False
    _ranked_after[run.path] = max(latest_sequence(run), 0)
    if last_sequence < _ranked_after[run.path] + RERANK_EVERY:
        return False
    _start(RANKINGS, project.path, run.run_id, ["rank", "--run", run.run_id])
    return True


def _start(processes: OwnProcesses, project: Path, name: str, command: Sequence[str]) -> None:
    # One thread, and no spinning while it waits: the reviewer's pictures come first.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    whole = [sys.executable, str(CLI), *command, "--project", str(project), "--json"]
    processes.start(project, name, whole, environment=environment)
