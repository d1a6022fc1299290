"""Rank a run anew in the background, when enough was decided since it was ranked last. Knows no Streamlit."""

from pathlib import Path

from core.errors import AnomalureError
from core.review.rankings import RERANK_EVERY, latest_sequence
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.repeated import RepeatedWork
from models.jobs.rank import RankRequest
from ui.work import start

# The newest ranking of a run that was seen: listing the folder of a large run takes longer than all else here.
_ranked_after: dict[Path, int] = {}


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
        return False  # another process ranks it just now; the next verdict asks again
    return True
