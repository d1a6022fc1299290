"""A detector's training on disk: what was asked for, how far it is, its curve, and the detector that came of it."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.files import read_whole, write_whole
from core.work_folder import RunStatus, WorkFolder, to_json

INFO = "request.json"
CURVE = "curve.json"
CARD = "detector.json"
MODEL = "model"
PHOTOS = "photos"
WORK = "work"


@dataclass(frozen=True, kw_only=True)
class DetectorTrainingInfo:
    """What was asked for; written once, a resumed training asks for the same.

    ``labels`` and ``species`` are files (empty: folders by species; no second file), ``start`` a published name, a
    ``.pt``, a ``.yaml`` plan or ``scratch``; ``detector`` are ``DetectorSettings``, ``settings`` ``RunSettings``.
    """

    name: str
    images: str
    labels: str = ""
    species: str = ""
    split: str | None = None
    start: str = "yolov8n"
    by_species: bool = False
    val_share: float = 0.2
    detector: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = ""


@dataclass(frozen=True)
class DetectorEpoch:
    """Figures after one epoch on the held-back photos, each 0 to 1, higher is better; ``loss`` is of training."""

    epoch: int
    epochs: int
    precision: float
    recall: float
    map50: float
    map50_95: float
    loss: float


class DetectorTrainingFolder(WorkFolder):
    """The folder of one detector's training; once it is done, of the detector: ``model`` is fit for ``--detector``."""

    what = "detector training"

    @classmethod
    def create(cls, path: Path, info: DetectorTrainingInfo) -> "DetectorTrainingFolder":
        """Make the folder of a new training; one that left nothing to go on from is replaced.

        Raises:
            AnomalureError: If there is a detector, or a training under way or unfinished, of that name.
        """
        training = cls(path)
        if path.exists():
            if training.is_taught:
                raise AnomalureError(f"There is a detector named {path.name} already. Choose another name.")
            if training.status is RunStatus.RUNNING:
                raise AnomalureError(f"A detector named {path.name} is being trained. Wait, or choose another name.")
            if training.can_resume:
                raise AnomalureError(
                    f"The training of a detector named {path.name} is unfinished. Go on with it (--resume "
                    f"{path.name}), or choose another name."
                )
            shutil.rmtree(path)
        path.mkdir(parents=True)
        write_whole(path / INFO, to_json({**asdict(info), "created_at": info.created_at.isoformat()}), durable=True)
        return training

    @property
    def name(self) -> str:
        """The folder's name, which is the detector's."""
        return self.path.name

    @property
    def info(self) -> DetectorTrainingInfo:
        """What was asked for.

        Raises:
            AnomalureError: If it cannot be read.
        """
        try:
            values = json.loads(read_whole(self.path / INFO))
            known = {item.name for item in fields(DetectorTrainingInfo)}
            info = DetectorTrainingInfo(**{key: value for key, value in values.items() if key in known})
            return replace(info, name=self.name, created_at=datetime.fromisoformat(values["created_at"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AnomalureError(
                f"The detector training {self.name} cannot be read: {self.path / INFO} is not what Anomalure wrote "
                f"({error}). Delete its folder and start it again."
            ) from error

    @property
    def problem(self) -> str:
        """Why the folder cannot be used, in a sentence; empty if it can."""
        try:
            _ = self.info
        except AnomalureError as error:
            return str(error)
        return ""

    @property
    def is_taught(self) -> bool:
        """Whether the detector is there, whole."""
        return (self.path / CARD).is_file() and self.model.is_dir()

    @property
    def model(self) -> Path:
        """What a run or a bundle names as its detector."""
        return self.path / MODEL

    @property
    def checkpoint(self) -> Path:
        """What an unfinished training goes on from."""
        return self.path / WORK / "weights" / "last.pt"

    @property
    def can_resume(self) -> bool:
        """Whether a checkpoint and the photos are there to go on from."""
        return not self.is_taught and self.checkpoint.is_file() and (self.path / PHOTOS).is_dir()

    def write_curve(self, epochs: Sequence[DetectorEpoch]) -> None:
        """The whole curve so far, over what was there."""
        write_whole(self.path / CURVE, json.dumps([asdict(epoch) for epoch in epochs]).encode())

    def read_curve(self) -> list[DetectorEpoch]:
        """The curve so far; empty before the first epoch."""
        try:
            return [DetectorEpoch(**values) for values in json.loads(read_whole(self.path / CURVE))]
        except (OSError, ValueError, TypeError):
            return []

    def write_card(self, values: Mapping[str, Any]) -> None:
        """What came of it; written last, so that a detector with a card is whole."""
        write_whole(self.path / CARD, to_json(values), durable=True)

    def read_card(self) -> dict[str, Any]:
        """What came of it; empty before the end."""
        try:
            values = json.loads(read_whole(self.path / CARD))
            return values if isinstance(values, dict) else {}
        except (OSError, ValueError):
            return {}

    def tidy(self) -> None:
        """Remove what is only needed to go on: the copies of the photos and the checkpoints."""
        for name in (PHOTOS, WORK):
            shutil.rmtree(self.path / name, ignore_errors=True)


def find_taught_detectors(folder: Path) -> dict[str, Path]:
    """The finished ones, newest first: name to what is fit for ``--detector``."""
    return {one.name: one.model for one in list_detector_trainings(folder) if not one.problem and one.is_taught}


def list_detector_trainings(folder: Path) -> list[DetectorTrainingFolder]:
    """The detectors of a project and the trainings of such, newest first; those that cannot be read stand last."""
    if not folder.is_dir():
        return []
    found = [
        DetectorTrainingFolder(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    ]
    good = sorted((item for item in found if not item.problem), key=lambda item: (item.info.created_at, item.name))
    return [*reversed(good), *sorted((item for item in found if item.problem), key=lambda item: item.name)]
