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
    """Figures on the held-out photos after one epoch, each 0 to 1, higher is better; ``loss`` is of the training."""

    epoch: int
    epochs: int
    precision: float
    recall: float
    map50: float
    map50_95: float
    loss: float


class DetectorTrainingFolder(WorkFolder):
    """The folder of a detector's training and then of the detector, whose ``model`` can be given to ``--detector``."""

    what = "detector training"
    result_file = "detector.json"

    @property
    def is_trained(self) -> bool:
        """Whether the detector is there and complete."""
        return (self.path / self.result_file).is_file() and self.model.is_dir()

    @property
    def status(self) -> Status:
        """The status of the work now; it is done once the detector is complete."""
        status = super().status
        return Status.DONE if self.is_trained and status not in (Status.BROKEN, Status.RUNNING) else status

    @property
    def model(self) -> Path:
        """The value with which a run or a bundle names this detector."""
        return self.path / MODEL

    @property
    def checkpoint(self) -> Path:
        """The checkpoint from which an unfinished training is resumed."""
        return self.path / WORK / "weights" / "last.pt"

    @property
    def resume_words(self) -> str:
        """The option of its command."""
        return f"--resume {self.name}"

    @property
    def can_resume(self) -> bool:
        """Whether a checkpoint and the photos are there."""
        return not self.is_trained and self.checkpoint.is_file() and (self.path / PHOTOS).is_dir()

    def tidy(self) -> None:
        """Remove what is only needed to resume: the copies of the photos and the checkpoints."""
        for name in (PHOTOS, WORK):
            shutil.rmtree(self.path / name, ignore_errors=True)


def find_trained_detectors(folder: Path) -> dict[str, Path]:
    """The finished detectors, newest first: from the name to the value for ``--detector``."""
    return {
        one.name: one.model for one in DetectorTrainingFolder.list_all(folder) if not one.problem and one.is_trained
    }
