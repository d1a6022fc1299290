"""A worker's process: loads the models of a run and does a share of its shards."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from core.errors import AnomalureError
from core.runs.folder import RunFolder, Status
from core.runs.pipeline import ShardParts
from core.runs.worker import Share, do_share
from core.study.project import Project
from core.work.progress import Progress
from models.workers.opening import open_again, open_shard_parts

if TYPE_CHECKING:
    from collections.abc import Sequence


def do_share_of(
    project: Project,
    run_id: str,
    share: Share,
    *,
    shards: "Sequence[int] | None" = None,
    worker: str = "",
    allow_code: bool = False,
    open_parts: Callable[[], ShardParts] | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> dict[str, Any]:
    """Do a share of a run.

    Args:
        project: The study.
        run_id: A run that was prepared, or is being done by several workers.
        share: Which worker this is.
        shards: Only these shards; None: all.
        worker: What it is called; empty: its share.
        allow_code: Whether the user agrees that a model file runs code when it is loaded.
        open_parts: What opens the models instead, for a process that keeps them.
        on_progress: Gets this worker's progress.

    Returns:
        ``shards_done``, ``shards_failed`` and ``shards_left`` (numbers of shards; the last are with other workers),
        ``photos`` that this worker looked through, and ``n_shards``.

    Raises:
        AnomalureError: If there is no such run, the models or the photos cannot be used, or several shards fail.
        Cancelled: If somebody cancelled the run.
    """
    run = open_prepared(project, run_id)
    run.allow_code = allow_code

    def open_all() -> ShardParts:
        return open_shard_parts(project, run, *open_again(project, run, look_for_photos=False))

    order = share.order(run.n_shards)
    if shards is not None:
        order = [shard for shard in order if shard in set(shards)]
    result = do_share(
        run, order, worker=worker or str(share), open_parts=open_parts or open_all, on_progress=on_progress
    )
    return {
        "n_shards": run.n_shards,
        "shards_done": result.done,
        "shards_failed": result.failed,
        "shards_left": result.left,
        "photos": result.photos,
    }


def open_prepared(project: Project, run_id: str) -> RunFolder:
    """A run that several workers can do.

    Raises:
        AnomalureError: If there is none of that name, or it is for one process.
    """
    run = RunFolder(project.runs_dir / run_id)
    if run.is_only_requested and run.written.exists:
        raise AnomalureError(f"Run {run_id} is being prepared. Start its workers when that is done.")
    run = project.run(run_id)
    if not run.written.exists:
        raise AnomalureError(
            f"Run {run_id} is done by one process. To do a run with several workers, prepare it: cli.py run FOLDER "
            "--prepare, or cli.py run --resume RUN --prepare for this one."
        )
    return run


def is_ready_to_finish(run: RunFolder) -> bool:
    """Whether every shard is done, and nobody has done what comes after."""
    return not run.list_left() and run.status is not Status.DONE
