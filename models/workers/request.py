"""What a user asks of a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from core.settings.run import RunSettings
from core.team.roles import Action
from core.work.request import Request
from models.encoders.spec import EncoderSpec


@dataclass(frozen=True, kw_only=True)
class RunRequest(Request):
    """What a user asks of a new run.

    Attributes:
        folder: The folder of photos.
        bundle: The bundle's name; empty: a first look, which scores the photos against each other.
        detector: A name or a path; empty: the bundle's detector, or ``auto`` on a first look.
        boxes: A file of boxes, used instead of a detector.
        encoders: The encoders of a first look; none: the default one. A bundle has its own.
        deployments_csv: A table that says which deployment each photo belongs to.
        classifications: A classifier's file, whose names go beside the crops.
        settings: Settings of the run.
        workers: Who does it: empty for one process, else as ``models.workers.team.read_team`` takes it.
    """

    kind: ClassVar[str] = "run"
    room: ClassVar[str] = "runs"
    what: ClassVar[str] = "run"
    needs: ClassVar[Action] = Action.RUN

    folder: Path
    bundle: str = ""
    detector: str = ""
    boxes: Path | None = None
    encoders: tuple[EncoderSpec, ...] = ()
    deployments_csv: Path | None = None
    classifications: Path | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    workers: str = ""
