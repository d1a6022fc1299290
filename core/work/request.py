"""A request for long work: what a user asks for, written to disk before any process starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from core.disk.names import expand_home
from core.team.roles import Action
from core.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Request:
    """The fields that every kind of work has; each kind adds its own in its file under ``models/jobs/``.

    A request is written once as ``request.json`` (``core.disk.json``). Resumed work uses the same request.

    Attributes:
        kind: The kind of work: the name of its file in ``models/jobs/``.
        room: The project's folder for work of this kind, such as ``runs``.
        what: What messages call it, such as ``training``.
        needs: What somebody must be allowed to do to ask for it.
        name: The name of the work's folder and of its result.
        created_at: When it was requested, in UTC.
        code_version: The version of Anomalure that wrote it.
    """

    kind: ClassVar[str] = ""
    room: ClassVar[str] = ""
    what: ClassVar[str] = "work"
    needs: ClassVar[Action] = Action.TRAIN

    name: str
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = VERSION

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Path):  # the process that does the work may have another working directory
                object.__setattr__(self, item.name, expand_home(value).absolute())

    @property
    def work_id(self) -> str:
        """The path of the work's folder inside the project, such as ``runs/spring``: what ``cli.py work`` takes."""
        return f"{self.room}/{self.name}"

    @classmethod
    def upgrade(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Convert values that an earlier version wrote to those of this version."""
        return values
