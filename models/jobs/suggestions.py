"""Suggestions: the crops of a run whose label disagrees with the crops that look alike."""

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
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}
WORDS = "Comparing the labels with the crops that look alike"


@dataclass(frozen=True, kw_only=True)
class SuggestionsRequest(RepeatedRequest):
    """Look through the labels of ``run``. What is found is written to the folder of this work."""

    kind: ClassVar[str] = "suggestions"
    what: ClassVar[str] = "search for doubtful labels"
    needs: ClassVar[Action] = Action.DECIDE

    name: str = "suggestions"


REQUEST = SuggestionsRequest
open_work = RepeatedWork


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Look through them; returns ``run, labelled, looked_at, alone, coarse, suggestions, pairs`` and ``seconds``.

    Raises:
        AnomalureError: If the run has no crops, or its embeddings cannot be read.
        Cancelled: If somebody asked it to stop; what was found before is kept.
    """
    from models.suggestions.of_run import find_suggestions, write_suggestions

    began = time.monotonic()
    run = project.run(work.read_request(SuggestionsRequest).run)
    meter.begin(Phase.PROJECTIONS, total=SHARES, unit=SHARE, message=WORDS)
    found = find_suggestions(project, run, on_share=lambda share: meter(round(SHARES * share)))
    write_suggestions(work.path, found)
    result = {
        "run": run.run_id,
        "labelled": found.n_labelled,
        "looked_at": found.n_looked_at,
        "alone": found.n_alone,
        "coarse": found.n_coarse,
        "suggestions": len(found.found),
        "pairs": [
            {"label": label, "suggested": suggested, "crops": len(some)}
            for (label, suggested), some in found.pairs().items()
        ],
        "seconds": round(time.monotonic() - began, 2),
    }
    work.write_result(result)
    return result
