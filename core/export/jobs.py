"""Exports that a project keeps for download: what was asked for, how far it is, and the file once it is whole."""

import json
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from core.disk.files import read_whole, write_whole
from core.errors import AnomalureError
from core.export.choice import ExportChoice
from core.export.files import ExportFormat, ExportReport, ExportStopped, write_export
from core.export.package_facts import read_facts
from core.export.pictures import Pictures
from core.store.people import People
from core.study.project import Project
from core.work.progress import ENDS, Phase, Progress, is_alive, sign_progress, to_progress

FOLDER = "exports"
_JOB_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{8}")
_TELL_EVERY_S = 0.5


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What was asked for; ``file_name`` is what the download is called."""

    choice: ExportChoice
    format: ExportFormat
    pictures: Pictures | None
    file_name: str
    created_at: datetime

    def to_values(self) -> dict[str, Any]:
        """Fit for JSON."""
        values = asdict(self)
        values["created_at"] = self.created_at.isoformat()
        for name in ("from_day", "to_day"):
            day = values["choice"][name]
            values["choice"][name] = day.isoformat() if day else None
        return values

    @classmethod
    def from_values(cls, values: dict[str, Any]) -> "ExportRequest":
        """Raises ValueError, KeyError, TypeError or AnomalureError if it is something else."""
        choice: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values["choice"].items()
        }
        for name in ("from_day", "to_day"):
            choice[name] = date.fromisoformat(choice[name]) if choice[name] else None
        choice["people"] = People(choice["people"])
        return cls(
            choice=ExportChoice(**choice),
            format=ExportFormat(values["format"]),
            pictures=Pictures(values["pictures"]) if values["pictures"] else None,
            file_name=str(values["file_name"]),
            created_at=datetime.fromisoformat(values["created_at"]),
        )


class ExportJob:
    """One export under ``exports/`` of a project. Cheap to make: nothing is read before it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def job_id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def request(self) -> ExportRequest:
        """What was asked for.

        Raises:
            AnomalureError: If the record cannot be read.
        """
        try:
            return ExportRequest.from_values(json.loads(read_whole(self.path / "request.json")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise AnomalureError(f"The export {self.job_id} cannot be read ({error}). Make it again.") from error

    @property
    def phase(self) -> Phase:
        """Where it is; one whose process went away without an end has failed."""
        progress = self.read_progress()
        if progress.phase in ENDS:
            return progress.phase
        if progress.pid:
            return progress.phase if is_alive(progress) else Phase.FAILED
        # Nobody has begun with it: the process is starting, or never came.
        age_s = time.time() - self.path.stat().st_mtime
        return Phase.STARTING if age_s < 60 else Phase.FAILED

    def read_progress(self) -> Progress:
        """How far it is, with what went wrong in ``message``."""
        try:
            return to_progress(json.loads(read_whole(self.path / "progress.json")))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return Progress()

    def read_report(self) -> dict[str, Any]:
        """``ExportReport.to_values()`` of one that is done; empty otherwise."""
        try:
            values = json.loads(read_whole(self.path / "report.json"))
            return values if isinstance(values, dict) else {}
        except (OSError, ValueError):
            return {}

    @property
    def file(self) -> Path | None:
        """The file to download; None while it is not whole."""
        if self.phase is not Phase.DONE:
            return None
        try:
            path = self.path / "file" / self.request.file_name
        except AnomalureError:
            return None
        return path if path.is_file() and path.parent == self.path / "file" else None

    def request_cancel(self) -> None:
        """Ask the process to stop; it leaves nothing behind."""
        write_whole(self.path / "cancel", b"")

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

    def run(self, project: Project) -> ExportReport | None:
        """Write the file; None if somebody asked to stop. What goes wrong is also kept for who watches.

        Raises:
            AnomalureError: If it cannot be written.
        """
        request = self.request
        started = time.monotonic()
        last = 0.0

        def tell(done: int, total: int) -> None:
            nonlocal last
            if done < total and (self.path / "cancel").is_file():
                raise ExportStopped
            now = time.monotonic()
            if now - last >= _TELL_EVERY_S:
                last = now
                rate = done / max(now - started, 1e-6)
                self._tell(
                    Phase.PHOTOS,
                    done=done,
                    total=total,
                    photos_per_s=rate,
                    seconds_left=(total - done) / rate if rate else None,
                )

        self._tell(Phase.STARTING)
        folder = self.path / "file"
        try:
            folder.mkdir(exist_ok=True)
            facts = read_facts(project.store) if request.format is ExportFormat.CAMTRAP_DP else None
            report = write_export(
                project,
                request.choice,
                folder / request.file_name,
                format=request.format,
                pictures=request.pictures,
                facts=facts,
                on_progress=tell,
            )
            write_whole(self.path / "report.json", json.dumps(report.to_values(), ensure_ascii=False).encode())
        except ExportStopped:
            self._tell(Phase.CANCELLED)
            return None
        except BaseException as error:
            with suppress(OSError):  # on a full disk
                self._tell(Phase.FAILED, message=str(error) if isinstance(error, AnomalureError) else repr(error))
            raise
        self._tell(Phase.DONE, done=report.counts.n_crops, total=report.counts.n_crops)
        return report

    def _tell(self, phase: Phase, **values: Any) -> None:
        progress = asdict(sign_progress(Progress(phase=phase, **values)))
        write_whole(self.path / "progress.json", json.dumps(progress).encode())


def new_job(
    project: Project, choice: ExportChoice, *, format: ExportFormat, pictures: Pictures | None = None
) -> ExportJob:
    """Note an export that is to be made; ``ExportJob.run`` makes it.

    Raises:
        AnomalureError: If the run is not there, or the project cannot be written.
    """
    run = project.run(choice.run) if choice.run else project.latest_run()
    if run is None:
        raise AnomalureError(f"There is no run in {project.path} yet. Run Anomalure on a folder of photos first.")
    created_at = datetime.now(UTC)
    what = "all" if not choice.verdicts else "-".join(choice.verdicts)
    ending = (
        ".zip" if pictures or format is ExportFormat.CAMTRAP_DP else ".csv" if format is ExportFormat.CSV else ".json"
    )
    kind = "" if format is ExportFormat.CSV else f"-{format}"
    request = ExportRequest(
        choice=choice,
        format=format,
        pictures=pictures,
        created_at=created_at,
        file_name=f"{run.run_id}-{what}{kind}{f'-{pictures}' if pictures else ''}{ending}",
    )
    path = project.path / FOLDER / f"{created_at:%Y%m%d-%H%M%S}-{uuid4().hex[:8]}"
    try:
        path.mkdir(parents=True)
        write_whole(path / "request.json", json.dumps(request.to_values(), ensure_ascii=False).encode())
    except OSError as error:
        raise AnomalureError(
            f"The export cannot be written to {path.parent} ({error.strerror}). Make room there, or "
            "let Anomalure write to it."
        ) from error
    return ExportJob(path)


def find_job(project_path: Path, job_id: str) -> ExportJob | None:
    """The export of that id, which may come from an address; None if there is none."""
    path = project_path / FOLDER / job_id
    return ExportJob(path) if _JOB_ID.fullmatch(job_id) and (path / "request.json").is_file() else None


def list_jobs(project_path: Path) -> Iterator[ExportJob]:
    """The exports, newest first."""
    for path in sorted((project_path / FOLDER).glob("*"), reverse=True):
        job = find_job(project_path, path.name)
        if job is not None:
            yield job
