"""Starts the workers of a run and waits for them: on this computer, on a Slurm cluster, or on Ray."""

import re
import time
from collections.abc import Callable
from typing import Protocol

from core.errors import AnomalureError, WrongUsage
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.meter import Meter
from core.work.progress import Phase

POLL_S, MOST_OF_THE_TIME = 1.0, 10
MOST_STARTS = 3
"""Workers that ended with shards left are started again; a shard that failed is so tried up to three times."""
STOP_PATIENCE_S = 60.0
EXAMPLES = "local:2, slurm:50, ray, ray:4 or ray://HOST:10001"


class Team(Protocol):
    """Workers of one run."""

    def start(self, n_left: int) -> None:
        """Start workers for so many shards.

        Raises:
            AnomalureError: If they cannot be started.
        """
        ...

    def has_ended(self) -> bool:
        """Whether all of them have ended."""
        ...

    def stop(self) -> None:
        """Stop them. They may still be ending afterwards."""
        ...

    def explain(self) -> str:
        """What the first of them that failed said last; empty if none failed."""
        ...


def read_team(text: str) -> Callable[[Project, RunFolder], Team]:
    """What makes the team that ``--workers`` asks for.

    Raises:
        WrongUsage: If the text names no team.
    """
    submitted = re.fullmatch(r"(local|slurm):(\d{1,5})", text)
    if submitted and int(submitted[2]) >= 1:
        from models.workers.submitted import SubmittedTeam

        return lambda project, run: SubmittedTeam(project, run, executor=submitted[1], n=int(submitted[2]))
    on_ray = re.fullmatch(r"ray(?::(\d{1,5})|(://.+))?", text)
    if on_ray and on_ray[1] != "0":
        from models.workers.on_ray import RayTeam

        address = f"ray{on_ray[2]}" if on_ray[2] else ""
        return lambda project, run: RayTeam(project, run, address=address, n=int(on_ray[1] or 0))
    raise WrongUsage(f"--workers takes {EXAMPLES}; got {text!r}.")


def lead(run: RunFolder, meter: Meter, team: Team) -> None:
    """Start the workers, follow what they write, and start them again while they leave something undone.

    Raises:
        AnomalureError: If shards are left that fail again and again.
        Cancelled: If somebody cancelled the run; the workers are stopped.
    """
    meter.begin(Phase.PHOTOS, done=run.counts().photos, total=run.n_files, failures=run.counts().failures)
    for _ in range(MOST_STARTS):
        left = run.list_left()
        if not left:
            return
        try:
            team.start(len(left))
            _follow(run, meter, team)
        except BaseException:
            _stop(run, team)
            raise
    if left := run.list_left():
        raise AnomalureError(_say_left(run, left, team))


def _follow(run: RunFolder, meter: Meter, team: Team) -> None:
    while run.list_left():
        looked_at = time.monotonic()
        counts = run.counts()
        meter(counts.photos, failures=counts.failures)
        if team.has_ended() and not run.written.is_shard_worked_on:  # by workers that were started by hand
            return
        # The folder of a very large run on a network disk takes long to look at.
        time.sleep(max(POLL_S, MOST_OF_THE_TIME * (time.monotonic() - looked_at)))


def _stop(run: RunFolder, team: Team) -> None:
    """Stop the workers, and wait for them: they see that the run is cancelled only as long as it says so."""
    run.request_cancel()
    team.stop()
    until = time.monotonic() + STOP_PATIENCE_S
    while run.written.is_shard_worked_on and time.monotonic() < until:
        time.sleep(POLL_S / 4)


def _say_left(run: RunFolder, left: list[int], team: Team) -> str:
    failures = run.written.list_failures()
    reason = failures[0].message if failures else team.explain()
    some = ", ".join(map(str, left[:5])) + (" and others" if len(left) > 5 else "")
    return (
        f"{len(left)} of {run.n_shards} shards are not done after {MOST_STARTS} tries: {some}. "
        f"{reason or 'Their workers ended without a word.'} What was finished is kept."
    )
