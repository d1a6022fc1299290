"""Exports as COCO Camera Traps JSON."""

from collections.abc import Iterable
from pathlib import Path

from core.export.formats.format import Format, Source, Written
from core.formats.coco import write_coco
from core.formats.exported import Row


def write(rows: Iterable[Row], path: Path, source: Source) -> Written:
    """Write annotations with their images."""
    return Written(write_coco(rows, path))


FORMAT = Format(
    name="coco",
    label="COCO",
    about="COCO Camera Traps JSON: boxes in pixels, for training and for LILA BC.",
    file_name="coco.json",
    write=write,
)
