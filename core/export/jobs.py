"""Exports that a project keeps for download: each has a folder in ``exports/`` with its request and its file."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from core.disk.inside import LeadsOut, inside
from core.errors import AnomalureError
from core.export.choice import ExportChoice
from core.export.formats.format import DEFAULT, find_format
from core.export.pictures import Pictures
from core.study.project import Project
from core.team.roles import Action
from core.work.folder import Status, WorkFolder
from core.work.request import Request

FOLDER = "exports"
_JOB_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")


@dataclass(frozen=True, kw_only=True)
class ExportRequest(Request):
    """What to export; ``file_name`` is what the download is called, ``out`` a file outside the project instead."""

    kind: ClassVar[str] = "export"
    room: ClassVar[str] = FOLDER
    what: ClassVar[str] = "export"
    needs: ClassVar[Action] = Action.EXPORT

    choice: ExportChoice
    format: str
    pictures: Pictures | None = None
    file_name: str
    out: Path | None = None


class ExportJob(WorkFolder):
    """One export under ``exports/`` of a project."""

    what: ClassVar[str] = "export"
    result_file: ClassVar[str] = "report.json"

    @property
    def request(self) -> ExportRequest:
        """What to export.

        Raises:
            AnomalureError: If the request cannot be read.
        """
        return self.read_request(ExportRequest)

    @property
    def file(self) -> Path | None:
        """The file to download; None until it is complete."""
        if self.status is not Status.DONE:
            return None
        try:
            path = inside(self.path, Path("file") / self.request.file_name)
        except AnomalureError:
            return None
        return path if path.is_file() and path.parent == self.path / "file" else None

    def check_resumable(self) -> None:
        """As for any work; but a file outside of the project is written only by the command that named it."""
        super().check_resumable()
        out = self.request.out
        if out is not None:
            raise AnomalureError(say_outside(out))

    def delete(self) -> None:
        """Remove the export and its file.

        Raises:
            AnomalureError: If it cannot be removed.
        """
        try:
            shutil.rmtree(self.path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise AnomalureError(f"The export cannot be removed: {error.strerror} ({error.filename}).") from error


def say_outside(out: Path) -> str:
    """Why an export that lies in the project is not written to a file elsewhere: the project may be somebody else's."""
    return f"This export was to write {out}, outside of the project. Export again."


def make_request(
    project: Project, choice: ExportChoice, *, format: str, pictures: Pictures | None = None, out: Path | None = None
) -> ExportRequest:
    """Ask for an export, under a name of its own.

    Raises:
        AnomalureError: If the run is not there.
    """
    run = project.run_or_latest(choice.run)
    created_at = datetime.now(UTC)
    what = "all" if not choice.verdicts else "-".join(choice.verdicts)
    ending = ".zip" if pictures else find_format(format).ending
    kind = "" if format == DEFAULT else f"-{format}"
    return ExportRequest(
        name=f"{created_at:%Y%m%d-%H%M%S}-{uuid4().hex[:8]}",
        created_at=created_at,
        choice=choice,
        format=format,
        pictures=pictures,
        out=out,
        file_name=f"{run.run_id}-{what}{kind}{f'-{pictures}' if pictures else ''}{ending}",
    )


def find_job(project_path: Path, job_id: str) -> ExportJob | None:
    """The export of that id, which may come from an address; None if there is none."""
    if not _JOB_ID.fullmatch(job_id):
        return None
    try:
        path = inside(project_path / FOLDER, job_id)
    except LeadsOut:
        return None
    return ExportJob(path) if (path / "request.json").is_file() else None


def list_jobs(project_path: Path) -> Iterator[ExportJob]:
    """The exports, newest first."""
    for path in sorted((project_path / FOLDER).glob("*"), reverse=True):
        job = find_job(project_path, path.name)
        if job is not None:
            yield job
