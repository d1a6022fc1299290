"""A training on disk: what was asked for, how far it is, its curve, and what it can go on from after a kill."""

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

INFO = "training.json"
CURVE = "curve.json"
RESULT = "result.json"


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


class TrainingFolder(WorkFolder):
    """One training's folder. Cheap to make: nothing is read before it is asked for."""

    what = "training"

    @classmethod
    def create(cls, path: Path, info: TrainingInfo) -> "TrainingFolder":
        """Make the folder of a new training; one that left nothing to go on from is replaced.

        Raises:
            AnomalureError: If there is a training of that name that can be resumed, or is under way.
        """
        training = cls(path)
        if path.exists():
            if training.status is RunStatus.RUNNING:
                raise AnomalureError(f"A training named {path.name} is under way. Wait for it, or choose another name.")
            if training.can_resume:
                raise AnomalureError(
                    f"There is an unfinished training named {path.name}. Go on with it (--resume {path.name}), or "
                    "choose another name."
                )
            shutil.rmtree(path)
        path.mkdir(parents=True)
        write_whole(path / INFO, to_json({**asdict(info), "created_at": info.created_at.isoformat()}), durable=True)
        return training

    @property
    def name(self) -> str:
        """The folder's name, which is the bundle's too."""
        return self.path.name

    @property
    def info(self) -> TrainingInfo:
        """What was asked for.

        Raises:
            AnomalureError: If it cannot be read.
        """
        try:
            values = json.loads(read_whole(self.path / INFO))
            known = {item.name for item in fields(TrainingInfo)}
            info = TrainingInfo(**{key: value for key, value in values.items() if key in known})
            return replace(info, name=self.name, created_at=datetime.fromisoformat(values["created_at"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AnomalureError(
                f"The training {self.name} cannot be read: {self.path / INFO} is not what Anomalure wrote ({error}). "
                "Delete its folder and start it again."
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
    def can_resume(self) -> bool:
        """Whether something of the encoder's training is on disk to go on from."""
        return self.status is not RunStatus.DONE and (self.path / "checkpoint.safetensors").is_file()

    def write_curve(self, points: Sequence[CurvePoint]) -> None:
        """The whole curve so far, over what was there."""
        write_whole(self.path / CURVE, json.dumps([asdict(point) for point in points]).encode())

    def read_curve(self) -> list[CurvePoint]:
        """The curve so far; empty before the first step."""
        try:
            return [CurvePoint(**values) for values in json.loads(read_whole(self.path / CURVE))]
        except (OSError, ValueError, TypeError):
            return []

    def write_result(self, values: Mapping[str, Any]) -> None:
        """What came of the encoder's training, fit for JSON."""
        write_whole(self.path / RESULT, to_json(values), durable=True)

    def read_result(self) -> dict[str, Any]:
        """What came of it; empty before the end."""
        try:
            values = json.loads(read_whole(self.path / RESULT))
            return values if isinstance(values, dict) else {}
        except (OSError, ValueError):
            return {}

    def tidy(self) -> None:
        """Remove what is only needed to go on: the crops and the checkpoint."""
        for name in ("checkpoint.safetensors", "crops.u8", "best.safetensors"):
            (self.path / name).unlink(missing_ok=True)


def list_trainings(folder: Path) -> list[TrainingFolder]:
    """The trainings in a project's ``trainings`` folder, newest first; those that cannot be read last."""
    if not folder.is_dir():
        return []
    found = [TrainingFolder(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    good = [training for training in found if not training.problem]
    good.sort(key=lambda training: (training.info.created_at, training.name), reverse=True)
    return [*good, *sorted((training for training in found if training.problem), key=lambda one: one.name)]
