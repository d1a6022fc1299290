"""Write an export: one file in one of the formats, and the pictures with it if they are wanted."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from core.disk.files import replace_file, temporary_beside
from core.errors import AnomalureError
from core.export.choice import Export, ExportChoice, ExportCounts
from core.export.package_facts import PackageFacts, read_zone
from core.export.pictures import PictureReport, Pictures, add_pictures, name_picture
from core.formats.camtrap_dp import PACKAGE_FILE
from core.formats.camtrap_dp_writer import write_camtrap_dp
from core.formats.coco import write_coco
from core.formats.csv import write_csv
from core.formats.exported import EXPORT_COLUMNS, PICTURE_COLUMN
from core.formats.labelled import LabelFile
from core.formats.megadetector import write_megadetector
from core.labels.rows import rows_from_labels
from core.study.project import Project

TICK_ROWS = 1_000


class ExportFormat(StrEnum):
    """In what form the rows are written."""

    CSV = "csv"
    CAMTRAP_DP = "camtrap-dp"
    COCO = "coco"
    MEGADETECTOR = "megadetector"


FILE_NAMES = {
    ExportFormat.CSV: "crops.csv",
    ExportFormat.COCO: "coco.json",
    ExportFormat.MEGADETECTOR: "megadetector.json",
    ExportFormat.CAMTRAP_DP: "",
}
"""What the file is called inside a zip; a Camtrap DP package is several."""


class ExportStopped(Exception):
    """Somebody asked to stop; nothing was left behind."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and in sentences what was not.

    ``n_rows`` are crops for CSV and COCO, photos for MegaDetector, observations for Camtrap DP. ``pictures_path`` is
    the zip beside ``path``, or the same where all is in one zip; None without pictures.
    """

    path: Path
    format: str
    n_rows: int
    counts: ExportCounts
    pictures_path: Path | None
    pictures: PictureReport | None
    problems: tuple[str, ...]

    def to_values(self) -> dict[str, Any]:
        """Fit for JSON."""
        values: dict[str, Any] = {
            "out": str(self.path),
            "format": self.format,
            "rows": self.n_rows,
            "crops": self.counts.n_crops,
            "photos": self.counts.n_photos,
            "people": self.counts.n_people,
        }
        if self.pictures is not None:
            values |= {
                "pictures": str(self.pictures_path),
                "pictures_written": self.pictures.n_written,
                "pictures_blurred": self.pictures.n_blurred,
                "pictures_left_out": self.pictures.n_left_out,
                "pictures_missing": len(self.pictures.missing),
            }
        return values | {"notes": list(self.problems)}


def write_export(
    project: Project,
    choice: ExportChoice,
    out: Path,
    *,
    format: ExportFormat = ExportFormat.CSV,
    pictures: Pictures | None = None,
    facts: PackageFacts | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportReport:
    """Write an export as a stream; each file is there when it is whole.

    Args:
        project: Of the run.
        choice: Which crops.
        out: The file. Of a Camtrap DP package the folder. If it ends in ``.zip``, all goes into one zip.
        format: Of the rows.
        pictures: Also put these pictures into the zip, or, if ``out`` is no zip, into one beside it.
        facts: For Camtrap DP: places of the cameras, their zone, title and contributor.
        on_progress: Told how many rows and pictures are done, and of how many; may raise ``ExportStopped`` until all
            are done.

    Raises:
        AnomalureError: If the run or selection is not there, a file cannot be written, or a Camtrap DP package would
            not be valid, as where a camera has no place.
    """
    out = Path(out)
    as_zip = out.suffix.lower() == ".zip"
    if not as_zip and format is ExportFormat.CAMTRAP_DP:
        _check_folder(out)
    elif out.is_dir():
        raise AnomalureError(
            f"{out} is a folder. Give the name of the file to write, such as "
            f"{out / (FILE_NAMES[format] or 'package.zip')}."
        )
    with _plain_disk_errors(out), Export(project, choice) as export:
        counts = export.count()
        n_pictures = 0 if pictures is None else counts.n_photos if pictures is Pictures.PHOTOS else counts.n_crops
        ticks = _Ticks(on_progress, counts.n_crops + n_pictures)
        on_progress(0, counts.n_crops + n_pictures)
        zip_path = out if as_zip else out.with_name(f"{out.stem}-{pictures}.zip") if pictures else None
        report = None
        if zip_path is None:
            n_rows, problems = _write_rows(export, out, format, None, set(), facts, ticks)
        else:
            with _new_zip(zip_path) as archive:
                if pictures is not None:
                    report = add_pictures(archive, export, pictures, on_picture=ticks.tick)
                missing = report.missing if report else set()
                # Only a table has a column for a picture that lies beside it.
                beside = pictures if format is ExportFormat.CSV else None
                n_rows, problems = (
                    _zip_rows(archive, export, zip_path, format, pictures, missing, facts, ticks)
                    if as_zip
                    else _write_rows(export, out, format, beside, missing, facts, ticks)
                )
        ticks.finish()
        return ExportReport(
            out,
            str(format),
            n_rows,
            counts,
            zip_path if pictures else None,
            report,
            (*say_left_out(choice, counts, report), *problems),
        )


def convert_labels(
    labels: LabelFile, out: Path, *, format: ExportFormat, facts: PackageFacts | None = None
) -> dict[str, Any]:
    """Write a file of labels in another format; what was written, fit for JSON.

    Raises:
        AnomalureError: If it cannot be written in that format, or not there.
    """
    rows = rows_from_labels(labels)
    problems: tuple[str, ...] = ()
    with _plain_disk_errors(out):
        match format:
            case ExportFormat.MEGADETECTOR:
                n = write_megadetector(rows, out)
            case ExportFormat.CAMTRAP_DP:
                _check_folder(out)
                facts = facts or PackageFacts()
                package = write_camtrap_dp(
                    rows,
                    out,
                    places=facts.places,
                    zone=read_zone(facts.zone),
                    title=facts.title or out.name,
                    contributor=facts.contributor or "not stated",
                    created=datetime.now(UTC),
                    sampling_design=facts.sampling_design,
                )
                n, problems = package.n_media, package.problems
            case _:
                raise AnomalureError(
                    "A file of labels can be written as camtrap-dp or megadetector; the other formats "
                    "have boxes in pixels, and need a run over the photos."
                )
    return {"out": str(out), "format": str(format), "photos": n, "notes": [*labels.problems, *problems]}


def say_left_out(choice: ExportChoice, counts: ExportCounts, report: PictureReport | None = None) -> tuple[str, ...]:
    """What is not in the export although one might look for it, in sentences."""
    said = []
    if counts.n_people:
        crops = _count(counts.n_people, "crop", "crops")
        said.append(
            {
                "leave-out": f"{crops} of people or vehicles {_are(counts.n_people)} left out",
                "blur": f"{crops} of people or vehicles {_are(counts.n_people)} in it, blurred in its pictures",
                "include": f"{crops} of people or vehicles {_are(counts.n_people)} in it, not blurred",
            }[choice.people]
        )
    if counts.n_timeless:
        said.append(
            f"{_count(counts.n_timeless, 'crop', 'crops')} {_are(counts.n_timeless)} left out because the "
            "photo has no time"
        )
    if not choice.verdicts and counts.n_duplicates:
        said.append(
            f"{_count(counts.n_duplicates, 'file', 'files')} with the same content as another "
            f"{_are(counts.n_duplicates)} not listed again"
        )
    if report is not None and report.n_left_out:
        said.append(f"{_count(report.n_left_out, 'photo', 'photos')} that also show people are not in the zip")
    if report is not None and report.missing:
        said.append(
            f"{_count(len(report.missing), 'picture', 'pictures')} could not be read: the photos are no longer "
            "where the run found them, or damaged"
        )
    return tuple(said)


def _write_rows(
    export: Export,
    out: Path,
    format: ExportFormat,
    pictures: Pictures | None,
    missing: set[str],
    facts: PackageFacts | None,
    ticks: "_Ticks",
) -> tuple[int, tuple[str, ...]]:
    if format is ExportFormat.CAMTRAP_DP and pictures is Pictures.CROPS:
        pictures = None  # the media of a package are photos
    rows = ticks.count(_with_picture(export, pictures, missing, by_photo=format is not ExportFormat.CSV))
    info = export.run.info
    match format:
        case ExportFormat.CSV:
            columns = (*EXPORT_COLUMNS, PICTURE_COLUMN) if pictures else EXPORT_COLUMNS
            return write_csv(rows, out, columns=columns), ()
        case ExportFormat.COCO:
            return write_coco(rows, out), ()
        case ExportFormat.MEGADETECTOR:
            return write_megadetector(rows, out, detector=info.detector, detected_at=info.created_at), ()
    facts = facts or PackageFacts()
    _check_places(export, facts)
    package = write_camtrap_dp(
        rows,
        out,
        places=facts.places,
        zone=read_zone(facts.zone),
        title=facts.title or export.project.path.name,
        contributor=facts.contributor or "not stated",
        created=datetime.now(UTC),
        sampling_design=facts.sampling_design,
        classifier=info.bundle or info.detector,
    )
    return package.n_observations, package.problems


def _zip_rows(
    archive: zipfile.ZipFile,
    export: Export,
    zip_path: Path,
    format: ExportFormat,
    pictures: Pictures | None,
    missing: set[str],
    facts: PackageFacts | None,
    ticks: "_Ticks",
) -> tuple[int, tuple[str, ...]]:
    folder = Path(mkdtemp(prefix=f".{zip_path.name}.", suffix=".tmp", dir=zip_path.parent))
    try:
        written = _write_rows(export, folder / FILE_NAMES[format], format, pictures, missing, facts, ticks)
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name, zipfile.ZIP_DEFLATED)
        return written
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _with_picture(
    export: Export, pictures: Pictures | None, missing: set[str], *, by_photo: bool
) -> Iterator[dict[str, Any]]:
    for row in export.rows(by_photo=by_photo, for_pictures=pictures is not None):
        if pictures is not None:
            name = name_picture(row, pictures, export.choice.people)
            row[PICTURE_COLUMN] = "" if name in missing else name
        yield row


def _check_places(export: Export, facts: PackageFacts) -> None:
    without = [name for name in export.deployments() if name not in facts.places]
    if without:
        how_many = _count(len(without), "camera has", "cameras have")
        raise AnomalureError(
            f"Camtrap DP demands the coordinates of each camera, and {how_many} none: "
            f"{', '.join(name or '(no name)' for name in without[:10])}. Give them on the Export page, or with "
            "--places and a CSV of deployment, latitude and longitude."
        )


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise AnomalureError(
            f"{out} is a file, but a Camtrap DP package is a folder. Give a new name, or one that ends in .zip."
        )
    if out.is_dir() and any(out.iterdir()) and not (out / PACKAGE_FILE).is_file():
        raise AnomalureError(
            f"The folder {out} holds other files. Give a new name for the package, or one that ends in .zip."
        )


@contextmanager
def _new_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    temporary = temporary_beside(path)
    try:
        with zipfile.ZipFile(temporary, "x", allowZip64=True) as archive:
            yield archive
        replace_file(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def _plain_disk_errors(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise AnomalureError(
            f"{out} cannot be written: {error.strerror or error}. What was there before is as it was."
        ) from error


class _Ticks:
    """Counts rows and pictures, and tells now and then."""

    def __init__(self, on_progress: Callable[[int, int], None], total: int) -> None:
        self._on_progress, self._total, self._done = on_progress, total, 0

    def tick(self) -> None:
        self._done += 1
        if self._done % (TICK_ROWS // 50) == 0:
            self._on_progress(self._done, self._total)

    def count(self, rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        for n, row in enumerate(rows, start=1):
            yield row
            if n % TICK_ROWS == 0:
                self._on_progress(self._done + n, self._total)

    def finish(self) -> None:
        self._on_progress(self._total, self._total)


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _are(n: int) -> str:
    return "is" if n == 1 else "are"


def counts_to_values(counts: ExportCounts) -> dict[str, int]:
    """Fit for JSON."""
    return asdict(counts)
