"""A bundle's training on disk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from core.errors import AnomalureError
from core.work.folder import Status
from core.work.training_folder import AnyTrainingFolder, list_folders


@dataclass(frozen=True, kw_only=True)
class TrainingInfo:
    """What was asked for. Written once, when the training is made; a resumed training asks for the same.

    ``images`` and ``labels`` are absolute (``labels`` empty: folders by species; ``species``: a second file);
    ``split`` None: all photos; ``encoders`` are the specifications to start from, the first of which is trained;
    ``settings`` are ``RunSettings.to_values()``, ``training`` those of ``TrainingSettings``; ``created_at`` is in UTC.
    """

    name: str
    images: str
    labels: str = ""
    species: str = ""
    split: str | None = None
    method: str = "none"
    one_class: str = "ocsvm"
    components: int = 0
    frames: str = "embedding"
    detector: str = "auto"
    encoders: Sequence[Mapping[str, Any]] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = ""


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """The loss at one moment; ``epoch`` counts from 0.0 and has fractions, ``held_out`` is None between epochs."""

    epoch: float
    loss: float
    held_out: float | None = None
    learning_rate: float = 0.0
    crops_per_s: float = 0.0


class TrainingFolder(AnyTrainingFolder[TrainingInfo, CurvePoint]):
    """The folder of a bundle's training; the result is what came of its encoder's."""

    what = "training"
    info_class, point_class = TrainingInfo, CurvePoint
    info_file, result_file = "training.json", "result.json"

    def check_replaceable(self) -> None:
        """Raise AnomalureError if it is under way, or can be resumed."""
        if self.status is Status.RUNNING:
            raise AnomalureError(f"A training named {self.name} is under way. Wait for it, or choose another name.")
        if self.can_resume:
            raise AnomalureError(
                f"There is an unfinished training named {self.name}. Go on with it (--resume {self.name}), or "
                "choose another name."
            )

    @property
    def can_resume(self) -> bool:
        """Whether something of the encoder's training is on disk to go on from."""
        return self.status is not Status.DONE and (self.path / "checkpoint.safetensors").is_file()

    def tidy(self) -> None:
        """Remove what is only needed to go on: the crops and the checkpoint."""
        for name in ("checkpoint.safetensors", "crops.u8", "best.safetensors"):
            (self.path / name).unlink(missing_ok=True)


def list_trainings(folder: Path) -> list[TrainingFolder]:
    """The trainings in a project's ``trainings`` folder, newest first; those that cannot be read last."""
    return list_folders(TrainingFolder, folder)
