"""A model of scenes: learn which classes go together, from labels, packages and the project's own history."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from core.disk.names import expand_home
from core.errors import AnomalureError, WrongUsage
from core.formats.recognise import read_labels
from core.scenes.from_labels import EVENT, GAP_S, UNITS, make_labelled_scenes
from core.scenes.history import read_history
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import Phase
from core.work.request import Request
from core.work.whole import WholeWork
from models.scenes.methods import DEFAULT, check_scene_model

if TYPE_CHECKING:
    from core.scenes.scene_set import SceneSet


@dataclass(frozen=True, kw_only=True)
class ScenesRequest(Request):
    """What a user asks of a new model of scenes.

    Attributes:
        labels: Files of labels, such as COCO or Camtrap DP packages.
        with_history: Whether the project's own runs and verdicts are learned from, too.
        method: Of ``models.scenes.methods``.
        by: What a scene is: ``photo`` or ``event``; None: as the labels say.
        leave_out: Classes that do not count.
        min_classes: Scenes of fewer classes are left out.
        gap_s: Photos of a deployment closer than this, in seconds, are one event, where no events are named.
        bottleneck: Of the autoencoder.
        seed: Of whatever is drawn.
    """

    kind: ClassVar[str] = "scenes"
    room: ClassVar[str] = "scenes"
    what: ClassVar[str] = "model of scenes"

    labels: tuple[Path, ...] = ()
    with_history: bool = False
    method: str = DEFAULT
    by: str | None = None
    leave_out: tuple[str, ...] = ()
    min_classes: int = 1
    gap_s: float = GAP_S
    bottleneck: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "labels", tuple(expand_home(one).absolute() for one in self.labels))


REQUEST = ScenesRequest
open_work = WholeWork


def check(project: Project, request: ScenesRequest) -> None:
    """Refuse what can be seen to be wrong before anything is read.

    Raises:
        AnomalureError: If there is a model of that name, or a choice cannot be used.
    """
    from models.scenes.autoencoder import NARROWEST, WIDEST
    from models.scenes.trained import MODEL_FILE

    if (project.path / request.work_id / MODEL_FILE).exists():
        raise AnomalureError(f"There is a model of scenes named {request.name} already. Choose another name.")
    check_scene_model(request.method)
    if request.by is not None and request.by not in UNITS:
        raise WrongUsage(f"A scene is one of {', '.join(UNITS)}, got {request.by!r}.")
    if not NARROWEST <= request.bottleneck <= WIDEST:
        raise WrongUsage(f"The bottleneck must be between {NARROWEST} and {WIDEST}, got {request.bottleneck}.")
    for path in request.labels:
        if not path.exists():
            raise AnomalureError(
                f"There is no file {path}. Give a file of labels, or the folder of a Camtrap DP package."
            )


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Train it, and write it into the folder of the work in one step.

    Raises:
        AnomalureError: If the labels cannot be used, or nothing can be learned from them; no model is left then.
        Cancelled: If somebody asked it to stop.
    """
    from models.scenes.model import FitSettings
    from models.scenes.trained import MODEL_FILE
    from models.scenes.training import train_scenes

    request = work.read_request(ScenesRequest)
    scenes, by = read_scenes(project, request)
    meter.begin(Phase.TRAINING, unit="step")
    trained = train_scenes(
        scenes,
        method=request.method,
        settings=FitSettings(bottleneck=request.bottleneck, seed=request.seed, on_step=meter),
        by=by,
        left_out=request.leave_out,
    )
    trained.save(work.path / MODEL_FILE)
    result = {"model": request.name, **trained.describe()}
    work.write_result(result)
    return result


def read_scenes(project: Project, request: ScenesRequest) -> "tuple[SceneSet, str]":
    """The scenes that a request asks for, and what each is.

    Raises:
        AnomalureError: If there are none.
    """
    files = [read_labels(path) for path in request.labels]
    if request.with_history or not files:
        history = read_history(project)
        if not history.photos and not files:
            raise AnomalureError(
                f"There is no animal of a known species in the runs of {project.path} yet. Name the groups of a run, "
                "run the photos with a bundle, or give labels or a Camtrap DP package to learn from."
            )
        files.insert(0, history)
    labelled = make_labelled_scenes(
        files,
        by=EVENT if request.by is None and (request.with_history or not request.labels) else request.by,
        leave_out=request.leave_out,
        min_classes=request.min_classes,
        gap_s=request.gap_s,
    )
    return labelled.scenes, labelled.by
