"""Writes an export: one file in one of the formats, and the pictures if wanted."""

import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from core.disk.files import TEMPORARY_SUFFIX, replace_file, temporary_beside
from core.errors import AnomalureError
from core.export.choice import Export, ExportChoice, ExportCounts, NameGuesses
from core.export.formats.format import DEFAULT, Format, Source, Written, find_format, list_formats
from core.export.package_facts import PackageFacts, read_facts
from core.export.pictures import PictureReport, Pictures, add_pictures, name_picture
from core.formats.account import Problems
from core.formats.camtrap_dp.reader import FORMAT_NAME as CAMTRAP_DP
from core.formats.exported import PICTURE_COLUMN
from core.formats.labelled import LabelFile
from core.formats.species_names import SpeciesName, is_scientific, name_each
from core.labels.rows import rows_from_labels
from core.scenes.decisions import list_run_decisions
from core.study.project import Project

TICK_ROWS, TICK_PICTURES = 1_000, 20
"""Progress is reported after so many rows or pictures."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written, and sentences about what was not.

    ``n_rows`` are crops for CSV and COCO, photos for MegaDetector, observations for Camtrap DP. ``pictures_path`` is
    the zip beside ``path``, or ``path`` itself if everything is in one zip; None without pictures.
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
    format: str = DEFAULT,
    pictures: Pictures | None = None,
    facts: PackageFacts | None = None,
    name_guesses: NameGuesses | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ExportReport:
    """Write an export as a stream. Each file appears only when it is complete.

    Args:
        project: The project of the run.
        choice: Which crops.
        out: The file, or the folder of a Camtrap DP package. If it ends in ``.zip``, everything goes into one zip.
        format: Name of a format in ``core.export.formats``.
        pictures: Put these pictures into the zip, too, or into a zip beside ``out`` if that is not one.
        facts: Facts about the cameras, for formats that need their coordinates; default: those that the project keeps.
        name_guesses: Says how the project spells the names of guesses, as for ``Export``.
        on_progress: Called with the number of rows and pictures done and the total. It may raise ``Cancelled`` until
            all are done.

    Raises:
        AnomalureError: If the run, the selection or the format does not exist, a file cannot be written, or the format
            cannot hold the rows: a Camtrap DP package needs the coordinates of each camera and the zone of its clock.
    """
    out = Path(out)
    chosen = find_format(format)
    as_zip = out.suffix.lower() == ".zip"
    if not as_zip and chosen.is_package:
        _check_folder(out, chosen)
    elif out.is_dir():
        raise AnomalureError(
            f"{out} is a folder. Give the name of the file to write, such as "
            f"{out / ('package.zip' if chosen.is_package else chosen.file_name)}."
        )
    with _plain_disk_errors(out), Export(project, choice, name_guesses=name_guesses) as export:
        counts = export.count()
        n_pictures = 0 if pictures is None else counts.n_photos if pictures is Pictures.PHOTOS else counts.n_crops
        ticks = _Ticks(on_progress, counts.n_crops + n_pictures)
        on_progress(0, counts.n_crops + n_pictures)
        zip_path = out if as_zip else out.with_name(f"{out.stem}-{pictures}.zip") if pictures else None
        report = None
        if zip_path is None:
            written = _write_rows(export, out, chosen, None, set(), facts, ticks)
        else:
            with _new_zip(zip_path) as archive:
                if pictures is not None:
                    report = add_pictures(archive, export, pictures, on_picture=ticks.tick)
                missing = report.missing if report else set()
                # The files of a package cannot refer to files outside it.
                named = pictures if pictures in chosen.picture_kinds and (as_zip or not chosen.is_package) else None
                written = (
                    _zip_rows(archive, export, zip_path, chosen, named, missing, facts, ticks)
                    if as_zip
                    else _write_rows(export, out, chosen, named, missing, facts, ticks)
                )
        ticks.finish()
        return ExportReport(
            out,
            chosen.name,
            written.n_rows,
            counts,
            zip_path if pictures else None,
            report,
            (*say_left_out(choice, counts, report), *say_missing(project, export.run.run_id), *written.problems),
        )


def convert_labels(labels: LabelFile, out: Path, *, format: str, facts: PackageFacts | None = None) -> dict[str, Any]:
    """Write a file of labels in another format, and return what was written, as JSON values.

    Raises:
        AnomalureError: If it cannot be written in that format or at that path.
    """
    chosen = find_format(format)
    if not chosen.takes_labels:
        possible = [one.name for one in list_formats().values() if one.takes_labels]
        raise AnomalureError(
            f"A file of labels can be written as {' or '.join(possible)}. The other formats have boxes in pixels and "
            "need a run over the photos."
        )
    if chosen.is_package:
        _check_folder(out, chosen)
    problems = Problems()
    with _plain_disk_errors(out):
        source = Source(title=out.name, facts=add_scientific(facts or PackageFacts(), labels))
        written = chosen.write(rows_from_labels(labels, problems=problems), out, source)
    notes = [*labels.problems, *problems.lines(), *written.problems]
    return {
        "out": str(out),
        "format": chosen.name,
        "photos": written.n_photos,
        "notes": notes,
        "labels_read": [one.to_values() for one in labels.accounts],
    }


def add_scientific(facts: PackageFacts, labels: LabelFile) -> PackageFacts:
    """The facts with the names of another package, which are scientific ones."""
    if labels.format_name != CAMTRAP_DP:
        return facts
    names = {label.species.strip() for photo in labels.photos for label in photo.labels if is_scientific(label.species)}
    theirs = name_each(SpeciesName(name, name) for name in sorted(names))
    return replace(facts, species_names={**theirs, **facts.species_names})


def say_left_out(choice: ExportChoice, counts: ExportCounts, report: PictureReport | None = None) -> tuple[str, ...]:
    """Sentences about crops and pictures that a user may miss in the export."""
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
        said.append(f"{_count(report.n_left_out, 'photo', 'photos')} left out of the zip for people in them")
    if report is not None and (n_unread := len(report.missing) - report.n_changed):
        said.append(
            f"{_count(n_unread, 'picture', 'pictures')} could not be read, because the photos are no longer "
            "where the run found them or are damaged"
        )
    if report is not None and report.n_changed:
        said.append(
            f"{_count(report.n_changed, 'picture', 'pictures')} {_are(report.n_changed)} left out, because the files "
            "were changed or replaced since the run: they hold other pictures"
        )
    return tuple(said)


def say_missing(project: Project, run: str) -> tuple[str, ...]:
    """A sentence about the decisions on classes that are missing from events of a run: they have no crop to export."""
    n = len(list_run_decisions(project.path, run))
    if not n:
        return ()
    return (
        f"{_count(n, 'decision', 'decisions')} about a class that is missing from an event {_are(n)} not in it, "
        f"because there is no crop; python cli.py scenes decisions --run {run} --out missing.csv writes a table of "
        "them",
    )


def _write_rows(
    export: Export,
    out: Path,
    format: Format,
    pictures: Pictures | None,
    missing: set[str],
    facts: PackageFacts | None,
    ticks: "_Ticks",
) -> Written:
    """``pictures`` are those that the rows refer to, without the missing ones."""
    info = export.run.info
    source = Source(
        title=export.project.path.name,
        detector=info.detector,
        detected_at=info.created_at,
        classifier=info.bundle or info.detector,
        has_pictures=pictures is not None,
    )
    if format.needs_places:
        facts = facts or read_facts(export.project.store)
        source = replace(source, facts=facts, cameras=tuple(export.deployments()))
    return format.write(ticks.count(_with_picture(export, pictures, missing, by_photo=format.by_photo)), out, source)


def _zip_rows(
    archive: zipfile.ZipFile,
    export: Export,
    zip_path: Path,
    format: Format,
    pictures: Pictures | None,
    missing: set[str],
    facts: PackageFacts | None,
    ticks: "_Ticks",
) -> Written:
    folder = Path(mkdtemp(prefix=f".{zip_path.name}.", suffix=".tmp", dir=zip_path.parent))
    try:
        path = folder if format.is_package else folder / format.file_name
        written = _write_rows(export, path, format, pictures, missing, facts, ticks)
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name, zipfile.ZIP_DEFLATED)
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


def _check_folder(out: Path, format: Format) -> None:
    if out.exists() and not out.is_dir():
        raise AnomalureError(
            f"{out} is a file, but an export as {format.label} is a folder. Give a new name, or one that ends in .zip."
        )
    holds_others = out.is_dir() and any(not one.name.endswith(TEMPORARY_SUFFIX) for one in out.iterdir())
    if holds_others and not (out / format.file_name).is_file():
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
            f"{out} cannot be written: {error.strerror or error}. What was there before is unchanged."
        ) from error


class _Ticks:
    """Counts rows and pictures, and reports progress now and then."""

    def __init__(self, on_progress: Callable[[int, int], None], total: int) -> None:
        self._on_progress, self._total, self._done = on_progress, total, 0

    def tick(self) -> None:
        self._done += 1
        if self._done % TICK_PICTURES == 0:
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
