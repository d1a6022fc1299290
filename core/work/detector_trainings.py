"""A detector's training on disk, and the detector that came of it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.work.folder import Status
from core.work.training_folder import AnyTrainingFolder, list_folders

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
    """Figures after one epoch on the held-out photos, each 0 to 1, higher is better; ``loss`` is of training."""

    epoch: int
    epochs: int
    precision: float
    recall: float
    map50: float
    map50_95: float
    loss: float


class DetectorTrainingFolder(AnyTrainingFolder[DetectorTrainingInfo, DetectorEpoch]):
    """The folder of one detector's training; once it is done, of the detector: ``model`` is fit for ``--detector``."""

    what = "detector training"
    info_class, point_class = DetectorTrainingInfo, DetectorEpoch
    info_file, result_file = "request.json", "detector.json"

    def check_replaceable(self) -> None:
        """Raise AnomalureError if there is a detector, or its training is under way or can be resumed."""
        if self.is_trained:
            raise AnomalureError(f"There is a detector named {self.name} already. Choose another name.")
        if self.status is Status.RUNNING:
            raise AnomalureError(f"A detector named {self.name} is being trained. Wait, or choose another name.")
        if self.can_resume:
            raise AnomalureError(
                f"The training of a detector named {self.name} is unfinished. Go on with it (--resume "
                f"{self.name}), or choose another name."
            )

    @property
    def is_trained(self) -> bool:
        """Whether the detector is there, whole."""
        return (self.path / self.result_file).is_file() and self.model.is_dir()

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
        return not self.is_trained and self.checkpoint.is_file() and (self.path / PHOTOS).is_dir()

    def tidy(self) -> None:
        """Remove what is only needed to go on: the copies of the photos and the checkpoints."""
        for name in (PHOTOS, WORK):
            shutil.rmtree(self.path / name, ignore_errors=True)


def find_trained_detectors(folder: Path) -> dict[str, Path]:
    """The finished ones, newest first: name to what is fit for ``--detector``."""
    return {one.name: one.model for one in list_detector_trainings(folder) if not one.problem and one.is_trained}


def list_detector_trainings(folder: Path) -> list[DetectorTrainingFolder]:
    """The detectors of a project and the trainings of such, newest first; those that cannot be read stand last."""
    return list_folders(DetectorTrainingFolder, folder)
