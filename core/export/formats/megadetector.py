"""Exports as the JSON of MegaDetector."""

from collections.abc import Iterable
from pathlib import Path

from core.export.formats.format import Format, Source, Written
from core.formats.account import Problems
from core.formats.exported import Row
from core.formats.megadetector import write_megadetector


def write(rows: Iterable[Row], path: Path, source: Source) -> Written:
    """Write photos with their detections."""
    problems = Problems()
    n_photos = write_megadetector(
        rows, path, detector=source.detector, detected_at=source.detected_at, problems=problems
    )
    return Written(n_photos, n_photos, problems.lines())


FORMAT = Format(
    name="megadetector",
    label="MegaDetector",
    about="The JSON that Timelapse and AddaxAI read: boxes, and the species that reviewers gave.",
    file_name="megadetector.json",
    write=write,
    takes_labels=True,
)
