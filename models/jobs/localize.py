"""A heat-map model: learn from squares made in a folder of photos, and find where other photos are odd."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from core.errors import AnomalureError
from core.settings.localize import LocalizeSettings
from core.study.project import Project
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import Phase
from core.work.request import Request

TABLE = "places.csv"
FAILURES_NAMED = 20


@dataclass(frozen=True, kw_only=True)
class LocalizeRequest(Request):
    """What a user asks of a heat-map model.

    Attributes:
        photos: The folder to learn from: normal photos, or photos with squares that ``labels`` says.
        labels: The table of squares that the photos carry; None: they are normal.
        asked: The folder of photos to look through; None: the model is only made.
        settings: Steps, and the squares to learn from.
    """

    kind: ClassVar[str] = "localize"
    room: ClassVar[str] = "localize"
    what: ClassVar[str] = "heat-map model"

    photos: Path
    labels: Path | None = None
    asked: Path | None = None
    settings: LocalizeSettings = field(default_factory=LocalizeSettings)


REQUEST = LocalizeRequest


def check(project: Project, request: LocalizeRequest) -> None:
    """Refuse what can be seen to be wrong before a photo is read.

    Raises:
        AnomalureError: If there is a model of that name, or a choice, a folder or the table cannot be used.
    """
    from core.squares.square import SquareSettings
    from core.squares.table import read_squares
    from models.localize.heat_map import FACTS

    if (project.path / request.work_id / FACTS).exists():
        raise AnomalureError(f"There is a heat-map model named {request.name} already. Choose another name.")
    chosen = request.settings
    SquareSettings(
        least_r=chosen.least_r, most_r=chosen.most_r, least_ratio=chosen.least_ratio, most_ratio=chosen.most_ratio
    )
    for folder in (request.photos, request.asked):
        if folder is not None and not folder.is_dir():
            raise AnomalureError(f"There is no folder {folder}. Give a folder of photos.")
    if request.labels is not None:
        read_squares(request.labels)


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Make the model in the folder of the work, and the table of places beside it.

    Raises:
        AnomalureError: If there are too few photos, or a folder cannot be read; no model is left then.
        Cancelled: If somebody asked it to stop; it goes on from the last checkpoint.
    """
    from models.contrastive.checkpoints import CHECKPOINT
    from models.localize.heat_map import FACTS, HeatMapModel
    from models.localize.looking import look_through, write_places
    from models.localize.photos import find_photo_set
    from models.localize.training import Training, train_heat_map

    request = work.read_request(LocalizeRequest)
    result: dict[str, Any] = {"model": request.name, "failures": []}
    if (work.path / FACTS).exists():  # resumed after it was made
        model = HeatMapModel.load(work.path)
    else:
        photos = find_photo_set(request.photos, request.labels)
        training = Training()
        meter.begin(Phase.TRAINING, unit="step", message=f"Learning from {len(photos):,} photos.")

        told = 0

        def follow(done: int, total: int) -> None:
            nonlocal told
            if len(training.curve) != told:
                work.write_curve(training.curve)
                told = len(training.curve)
            meter(done, total)

        model = train_heat_map(photos, request.settings, into=training, folder=work.path, on_step=follow)
        model.save(work.path)
        (work.path / CHECKPOINT).unlink(missing_ok=True)
        result |= {"learned": len(photos) - len(training.failures), "learned_failed": len(training.failures)}
        result |= {"without_row": photos.n_without_row, "loss": training.curve[-1].loss if training.curve else None}
        result["failures"] = _name(training.failures.items())
    if request.asked is not None:
        meter.begin(Phase.SCORES, message="Looking through the photos.")
        found = look_through(model, request.asked, on_progress=meter)
        write_places(found.places, work.path / TABLE)
        result |= {"asked": len(found.places), "failed": len(found.failures), "table": str(work.path / TABLE)}
        result["failures"] += _name(found.failures)
    work.write_result(result)
    return result


def is_flawed(result: dict[str, Any]) -> bool:
    """Whether photos could not be used."""
    return bool(result.get("failed") or result.get("learned_failed") or result.get("without_row"))


def _name(failures: Any) -> list[dict[str, str]]:
    return [{"file_name": name, "why": why} for name, why in list(failures)[:FAILURES_NAMED]]
