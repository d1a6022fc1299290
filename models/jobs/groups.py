"""Groups: the crops of a run in a tree of groups that look alike."""

import time
from dataclasses import dataclass
from typing import Any, ClassVar

from core.study.project import Project
from core.team.roles import Action
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import SHARE, SHARES, Phase
from core.work.repeated import RepeatedRequest, RepeatedWork

IS_WAITED_FOR = True
# Threads that spin while they wait for each other slow down the dashboard and themselves.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
WORDS = "Grouping the crops by look"


@dataclass(frozen=True, kw_only=True)
class GroupsRequest(RepeatedRequest):
    """Group the crops of ``run``. The tree is written to the folder of this work, ``core.groups.tree.find_tree``."""

    kind: ClassVar[str] = "groups"
    what: ClassVar[str] = "grouping"
    needs: ClassVar[Action] = Action.DECIDE

    name: str = "groups"


REQUEST = GroupsRequest
open_work = RepeatedWork


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Group them; returns ``run, crops, leaves, groups`` (the suggested number), ``recurring`` and ``seconds``.

    Raises:
        AnomalureError: If the run has no crops.
        Cancelled: If somebody asked it to stop; nothing is written then.
    """
    from core.groups.naming import read_actions
    from core.groups.remembered import read_named_places
    from core.groups.tree import FILE, fingerprint_run
    from models.groups.features import group_run

    began = time.monotonic()
    run = project.run(work.read_request(GroupsRequest).run)
    meter.begin(Phase.PROJECTIONS, total=SHARES, unit=SHARE, message=WORDS)
    tree = group_run(
        run,
        known=[named.place for named in read_named_places(project, run)],
        # What people have named in groups of an earlier version stays as it is.
        apart=not read_actions(project, run, fingerprint_run(run)),
        on_share=lambda share: meter(round(SHARES * share)),
    )
    tree.write(work.path / FILE)
    result = {
        "run": run.run_id,
        "crops": len(tree.crop_ids),
        "leaves": tree.n_leaves,
        "groups": tree.suggested,
        "recurring": len(tree.recurring),
        "seconds": round(time.monotonic() - began, 2),
    }
    work.write_result(result)
    return result
