"""Ranks a run again in the background when there are enough new verdicts."""

from pathlib import Path

from core.errors import AnomalureError
from core.review.rankings import RERANK_EVERY, latest_sequence
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.repeated import RepeatedWork
from models.jobs.rank import RankRequest
from ui.work import start

# The newest known ranking of each run, because listing the folder of a large run takes longer than the rest.
_ranked_after: dict[Path, int] = {}


def refresh_ranking(project: Project, run: RunFolder, *, last_sequence: int) -> bool:
    """Rank the run's undecided crops again in the background, if there are enough verdicts since the last ranking.

    Takes almost no time if there is nothing to do, so it can be called after every verdict.

    Args:
        project: The study.
        run: The run.
        last_sequence: Sequence of the newest verdict.

    Returns:
        Whether a process was started.
    """
    request = RankRequest(run=run.run_id)
    is_alive = start.is_alive(RepeatedWork(project.path / request.work_id))
    if last_sequence < _ranked_after.get(run.path, 0) + RERANK_EVERY or is_alive:
        return False
    _ranked_after[run.path] = max(latest_sequence(run), 0)
    if last_sequence < _ranked_after[run.path] + RERANK_EVERY:
        return False
    try:
        start.start(project, request)
    except AnomalureError:
        return False  # another process is ranking it; the next verdict tries again
    return True
