"""A detector's training on disk, and the detector that it made."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.work.folder import Status, WorkFolder

MODEL = "model"
PHOTOS = "photos"
WORK = "work"


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


class DetectorTrainingFolder(WorkFolder):
    """The folder of one detector's training; once it is done, of the detector: ``model`` is fit for ``--detector``."""

    what = "detector training"
    result_file = "detector.json"

    @property
    def is_trained(self) -> bool:
        """Whether the detector is there, whole."""
        return (self.path / self.result_file).is_file() and self.model.is_dir()

    @property
    def status(self) -> Status:
        """The status of the work now; a detector that is there whole is done."""
        status = super().status
        return Status.DONE if self.is_trained and status not in (Status.BROKEN, Status.RUNNING) else status

    @property
    def model(self) -> Path:
        """What a run or a bundle names as its detector."""
        return self.path / MODEL

    @property
    def checkpoint(self) -> Path:
        """What an unfinished training is resumed from."""
        return self.path / WORK / "weights" / "last.pt"

    @property
    def can_resume(self) -> bool:
        """Whether a checkpoint and the photos are there."""
        return not self.is_trained and self.checkpoint.is_file() and (self.path / PHOTOS).is_dir()

    def tidy(self) -> None:
        """Remove what is only needed to resume: the copies of the photos and the checkpoints."""
        for name in (PHOTOS, WORK):
            shutil.rmtree(self.path / name, ignore_errors=True)


def find_trained_detectors(folder: Path) -> dict[str, Path]:
    """The finished detectors, newest first: name to what is fit for ``--detector``."""
    return {
        one.name: one.model for one in DetectorTrainingFolder.list_all(folder) if not one.problem and one.is_trained
    }
