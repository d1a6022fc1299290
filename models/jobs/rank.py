"""A ranking: the undecided crops of a run, put in order by the verdicts so far."""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.study.project import Project
from core.team.roles import Action
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import Phase
from core.work.repeated import RepeatedRequest, RepeatedWork

# One thread that does not spin while it waits, so that the reviewer's pictures are loaded first.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class RankRequest(RepeatedRequest):
    """Rank the undecided crops of ``run``."""

    kind: ClassVar[str] = "rank"
    what: ClassVar[str] = "ranking"
    needs: ClassVar[Action] = Action.DECIDE

    name: str = "ranking"


REQUEST = RankRequest
open_work = RepeatedWork


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Rank them; returns ``RankingInfo.to_values()``."""
    from models.loop.ranking import rank_run

    run = project.run(work.read_request(RankRequest).run)
    meter.begin(Phase.SCORES, unit="crop")
    return rank_run(project, run, on_progress=meter).to_values()
