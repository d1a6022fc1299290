"""Compute projections in a process of their own, so that the page never waits. Knows no Streamlit."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from core.maps.exploration import Exploration
from core.maps.exploration_work import WorkStatus
from core.maps.projection import Projection, ProjectionKind
from ui.work.processes import CLI, start_detached

# Whoever starts a process must collect its end, or it stays behind as a zombie that looks alive.
_started: dict[tuple[Path, str], subprocess.Popen[bytes]] = {}
# Loading the libraries takes longer than the first steps: one process a run has it behind it, and waits to be asked.
_spares: dict[Path, subprocess.Popen[bytes]] = {}
MOST_SPARES = 2  # as many runs as can be compared


def start_projection(exploration: Exploration, projection: Projection, *, python: str = sys.executable) -> bool:
    """See to it that a projection is computed: starts its process unless it is there or under way.

    One on the ladder of perplexities starts the whole ladder; the others are computed alone. Its progress is
    ``exploration.state(projection)``, its pictures ``exploration.picture(projection)``.

    Returns:
        Whether a process was started.

    Raises:
        AnomalureError: If the run or the parameters do not allow it; nothing is started then.
    """
    exploration.check(projection)
    job = exploration.job(projection)
    if is_starting(exploration, job) or exploration.state(projection).status in (WorkStatus.READY, WorkStatus.RUNNING):
        return False
    is_odd = projection.kind is ProjectionKind.TSNE and job == projection.key
    process = _spares.pop(exploration.run.path, None) if is_odd else None
    if process is None or not _ask(process, projection):
        process = _spawn(exploration, _say(projection) if job == projection.key else [], name=job, python=python)
    _started[exploration.folder, job] = process
    return True


def start_tree(exploration: Exploration, min_samples: int, *, python: str = sys.executable) -> bool:
    """See to it that crops are grouped by their embeddings themselves; its progress is that of ``tree_job``.

    Returns:
        Whether a process was started.

    Raises:
        AnomalureError: If the run does not allow it; nothing is started then.
    """
    exploration.check()
    job = exploration.tree_job(min_samples)
    is_there = exploration.has_tree(min_samples=min_samples)
    if is_there or is_starting(exploration, job) or exploration.job_state(job).status is WorkStatus.RUNNING:
        return False
    _started[exploration.folder, job] = _spawn(exploration, ["--clusters", str(min_samples)], name=job, python=python)
    return True


def _ask(spare: subprocess.Popen[bytes], projection: Projection) -> bool:
    assert spare.stdin is not None
    if spare.poll() is not None:
        return False
    with suppress(OSError), spare.stdin as stdin:
        stdin.write((json.dumps(projection.to_values()) + "\n").encode())
        return True
    return False


def keep_ready(exploration: Exploration, *, python: str = sys.executable) -> None:
    """Have a process wait for the next t-SNE of a run, with its libraries loaded; cheap when there is one already.

    It ends by itself when the dashboard does, when it is asked for nothing for an hour, or when other runs are looked
    at. Without one the next t-SNE only starts later, so that what stands in the way of it is no error.
    """
    place = exploration.run.path
    spare = _spares.pop(place, None)
    if spare is None or spare.poll() is not None:
        try:
            spare = _spawn(exploration, ["--wait"], name="next", python=python)
        except OSError:
            return
    _spares[place] = spare
    while len(_spares) > MOST_SPARES:
        unused = _spares.pop(next(iter(_spares)))
        if unused.stdin is not None:
            unused.stdin.close()  # which it takes for the end


def stop(exploration: Exploration, job: str) -> None:
    """Ask the process of a computation to stop soon; what it has finished is kept."""
    exploration.request_cancel(job)
    process = _started.get((exploration.folder, job))
    if job.startswith(f"{ProjectionKind.UMAP}-") and process is not None and process.poll() is None:
        process.terminate()  # it does not listen while it computes, and leaves nothing half made


def is_starting(exploration: Exploration, job: str) -> bool:
    """Whether a process of this dashboard is at work on a computation; it may not have said anything yet."""
    process = _started.get((exploration.folder, job))
    return process is not None and process.poll() is None


def _say(projection: Projection) -> list[str]:
    return [
        "--projection",
        str(projection.kind),
        "--perplexity",
        f"{projection.perplexity:g}",
        "--n-neighbors",
        str(projection.n_neighbors),
        "--min-dist",
        f"{projection.min_dist:g}",
        "--seed",
        str(projection.seed),
    ]


def _spawn(exploration: Exploration, options: list[str], *, name: str, python: str) -> subprocess.Popen[bytes]:
    run = exploration.run
    project = run.path.parent.parent
    command = [python, str(CLI), "explore", "--project", str(project), "--run", run.run_id, "--json", *options]
    log = project / "logs" / f"{run.run_id}-explore-{name}.log"
    stdin = subprocess.PIPE if "--wait" in options else subprocess.DEVNULL
    # Threads that wait for each other by spinning stand in the way of the dashboard, and of themselves.
    return start_detached(command, log, environment={"OMP_WAIT_POLICY": "PASSIVE"}, stdin=stdin, is_waited_for=True)
