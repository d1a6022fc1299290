"""Maps of a run's crops: the preset projections, any other projection, or the tree of clusters of the embeddings."""

from dataclasses import dataclass
from typing import Any, ClassVar

from core.maps.exploration import PRESETS_JOB, Exploration
from core.maps.projection import Projection, ProjectionKind
from core.study.project import Project
from core.team.roles import Action
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.repeated import RepeatedRequest, RepeatedWork

IS_WAITED_FOR = True
# Threads that spin while they wait for each other slow down the dashboard and themselves.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE"}


@dataclass(frozen=True, kw_only=True)
class MapsRequest(RepeatedRequest):
    """Which map of a run to compute.

    Attributes:
        run: The name of the run.
        crops: The name of the folder for its crops, ``Exploration.folder``.
        projection: Compute only this projection; None: all presets.
        min_samples: If given, build the tree of clusters of the embeddings with this ``min_samples`` instead.
    """

    kind: ClassVar[str] = "maps"
    what: ClassVar[str] = "map"
    needs: ClassVar[Action] = Action.DECIDE

    crops: str
    projection: Projection | None = None
    min_samples: int | None = None

    @property
    def work_id(self) -> str:
        """The path of the work's folder inside the project."""
        return f"runs/{self.run}/explore/{self.crops}/{self.name}"


REQUEST = MapsRequest
open_work = RepeatedWork


def make_request(
    exploration: Exploration, projection: Projection | None = None, *, min_samples: int | None = None
) -> MapsRequest:
    """Ask for a projection, the presets (None), or, with ``min_samples``, the tree of the embeddings.

    Raises:
        AnomalureError: If the crops or the parameters do not allow it, or the presets being computed include it.
    """
    exploration.check(projection)
    if min_samples is not None:
        job = exploration.tree_job(min_samples)
    elif projection is not None:
        job = projection.key
        exploration.work(exploration.job_of(projection)).check_replaceable()
    else:
        job = PRESETS_JOB
    return MapsRequest(
        name=job,
        run=exploration.run.run_id,
        crops=exploration.folder.name,
        projection=projection,
        min_samples=min_samples,
    )


def listens(work: WorkFolder) -> bool:
    """Whether it can stop by itself. UMAP cannot while it computes, but killing it leaves no unfinished file."""
    return not work.name.startswith(ProjectionKind.UMAP)


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Compute it; returns ``run, crops`` and ``projections`` or ``clusters``."""
    from core.maps.making import make_map, make_presets, make_tree

    request = work.read_request(MapsRequest)
    exploration = Exploration(project.run(request.run))
    facts = {"run": exploration.run.run_id, "crops": exploration.n_crops}
    if request.min_samples is not None:
        make_tree(exploration, request.min_samples, meter)
        return {**facts, "clusters": request.min_samples}
    if request.projection is not None:
        made = [make_map(exploration, request.projection, meter).projection]
    else:
        made = make_presets(exploration, meter)
    return {**facts, "projections": [one.key for one in made]}


def load_libraries() -> None:
    """Import the slow libraries, so that a waiting process begins at once."""
    import openTSNE.affinity
    import openTSNE.tsne  # noqa: F401

    import core.maps.making  # noqa: F401
