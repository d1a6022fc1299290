"""A request for long work: what a person asks for, on disk before any process begins with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from core.version import VERSION


@dataclass(frozen=True, kw_only=True)
class Request:
    """What every kind of work has; each kind adds its own fields in its file under ``models/jobs/``.

    A request is written once as ``request.json`` (``core.disk.json``). Resumed work does the same request.

    Attributes:
        kind: The kind of work: the name of its file in ``models/jobs/``.
        room: The folder of the project in which works of this kind lie, such as ``runs``.
        what: How messages call it, such as ``training``.
        name: The name of the work's folder, and of what comes of it.
        created_at: When it was asked for, in UTC.
        code_version: The version of Anomalure that wrote it.
    """

    kind: ClassVar[str] = ""
    room: ClassVar[str] = ""
    what: ClassVar[str] = "work"

    name: str
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    code_version: str = VERSION

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, Path):  # the process that does the work may have another current folder
                object.__setattr__(self, item.name, value.expanduser().absolute())

    @property
    def work_id(self) -> str:
        """The path of the work's folder inside the project, such as ``runs/spring``: what ``cli.py work`` takes."""
        return f"{self.room}/{self.name}"

    @classmethod
    def upgrade(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Values that an earlier version wrote, as this version writes them."""
        return values
