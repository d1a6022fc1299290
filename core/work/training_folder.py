"""The folder of something that is trained: what was asked for, its curve, what came of it, and whether it can go on."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar

from core.disk.files import read_whole, write_whole
from core.disk.json import to_json
from core.errors import AnomalureError
from core.work.folder import WorkFolder

CURVE = "curve.json"


class Asked(Protocol):
    """What was asked for: a dataclass with at least these; a resumed training asks for the same."""

    @property
    def name(self) -> str:
        """Of the training, and of what comes of it."""
        ...

    @property
    def created_at(self) -> datetime:
        """When it was asked for, in UTC."""
        ...


Info = TypeVar("Info", bound=Asked)
Point = TypeVar("Point")


class AnyTrainingFolder(WorkFolder, Generic[Info, Point]):
    """Of a bundle or a detector. Cheap to make: nothing is read before it is asked for."""

    info_class: ClassVar[type]
    point_class: ClassVar[type]
    info_file: ClassVar[str]
    result_file: ClassVar[str]

    @classmethod
    def create(cls, path: Path, info: Info) -> Self:
        """Make the folder of a new training; one that left nothing to go on from is replaced.

        Raises:
            AnomalureError: If there is one of that name that must not be replaced.
        """
        training = cls(path)
        if path.exists():
            training.check_replaceable()
            shutil.rmtree(path)
        path.mkdir(parents=True)
        asked = {**asdict(info), "created_at": info.created_at.isoformat()}  # type: ignore[call-overload]
        write_whole(path / cls.info_file, to_json(asked), durable=True)
        return training

    def check_replaceable(self) -> None:
        """Raise AnomalureError if another training must not take this folder's place."""
        raise NotImplementedError

    @property
    def can_resume(self) -> bool:
        """Whether what it had learnt is there to go on from."""
        raise NotImplementedError

    @property
    def name(self) -> str:
        """The folder's name, which is that of what comes of it too."""
        return self.path.name

    @property
    def info(self) -> Info:
        """What was asked for.

        Raises:
            AnomalureError: If it cannot be read.
        """
        place = self.path / self.info_file
        try:
            values = json.loads(read_whole(place))
            known = {item.name for item in fields(self.info_class)}
            info = self.info_class(**{key: value for key, value in values.items() if key in known})
            return replace(info, name=self.name, created_at=datetime.fromisoformat(values["created_at"]))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AnomalureError(
                f"The {self.what} {self.name} cannot be read: {place} is not what Anomalure wrote ({error}). "
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

    def write_curve(self, points: Sequence[Point]) -> None:
        """The whole curve so far, over what was there."""
        write_whole(self.path / CURVE, json.dumps([asdict(point) for point in points]).encode())  # type: ignore[call-overload]

    def read_curve(self) -> list[Point]:  # type: ignore[override]
        """The curve so far; empty before its first point."""
        try:
            return [self.point_class(**values) for values in json.loads(read_whole(self.path / CURVE))]
        except (OSError, ValueError, TypeError):
            return []

    def write_result(self, values: Mapping[str, Any]) -> None:
        """What came of it, fit for JSON; written last."""
        write_whole(self.path / self.result_file, to_json(values), durable=True)

    def read_result(self) -> dict[str, Any]:
        """What came of it; empty before the end."""
        try:
            values = json.loads(read_whole(self.path / self.result_file))
            return values if isinstance(values, dict) else {}
        except (OSError, ValueError):
            return {}


Folder = TypeVar("Folder", bound=AnyTrainingFolder[Any, Any])


def list_folders(kind: type[Folder], folder: Path) -> list[Folder]:
    """Those of a kind in a folder of the project, newest first; those that cannot be read last."""
    if not folder.is_dir():
        return []
    found = [kind(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    good = sorted((one for one in found if not one.problem), key=lambda one: (one.info.created_at, one.name))
    return [*reversed(good), *sorted((one for one in found if one.problem), key=lambda one: one.name)]
