"""What an export format is, and which there are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import core.export.formats
from core.errors import AnomalureError
from core.export.package_facts import PackageFacts
from core.formats.exported import Row
from core.registry import find_each

DEFAULT = "csv"


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the rows of an export come from, for formats that say so.

    Attributes:
        title: The project's name.
        detector: What found the boxes.
        detected_at: When.
        classifier: What scored the crops.
        facts: What the project says of its cameras; of formats with ``needs_places`` only.
        cameras: Deployments of the rows, where they are known beforehand; of formats with ``needs_places`` only.
        has_pictures: Whether ``row["picture"]`` says where the picture of a row lies.
    """

    title: str = ""
    detector: str = ""
    detected_at: datetime | None = None
    classifier: str = ""
    facts: PackageFacts = field(default_factory=PackageFacts)
    cameras: Sequence[str] = ()
    has_pictures: bool = False


class Written(NamedTuple):
    """What was written: rows of the format, photos, and in sentences what could not be."""

    n_rows: int
    n_photos: int = 0
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Format:
    """A form in which crops can be exported.

    A format is one file of this folder with ``FORMAT = Format(...)``; ``cli.py export --format``, the Export page and
    the tests of all formats find it there.

    Attributes:
        name: What commands and requests call it, such as ``camtrap-dp``.
        label: Its name for a person.
        about: What it is for, in a sentence or two.
        file_name: Of the file inside a zip, with the ending of the format. Of a package: the file by which a folder
            is known as such a package.
        write: Writes rows (see ``core.formats.exported``) to a path as they come: a file, or the files of a package
            into a folder. Nothing of that name is there before it is whole. Raises an ``AnomalureError`` if the rows
            cannot be written.
        is_package: Whether it is a folder of several files, which the Export page packs into a zip.
        by_photo: Whether it wants the crops of a photo together; otherwise they come most anomalous first.
        picture_kinds: Pictures (``core.export.pictures.Pictures``) that its rows can point at.
        needs_places: Whether it needs ``Source.facts``: the coordinates of the cameras and the zone of their clocks.
        takes_labels: Whether labels can be written in it too, whose photos have no size in pixels.
    """

    name: str
    label: str
    about: str
    file_name: str
    write: Callable[[Iterable[Row], Path, Source], Written]
    is_package: bool = False
    by_photo: bool = True
    picture_kinds: frozenset[str] = frozenset()
    needs_places: bool = False
    takes_labels: bool = False

    @property
    def ending(self) -> str:
        """Of a file that is downloaded; a package is a zip."""
        return ".zip" if self.is_package else Path(self.file_name).suffix


def list_formats() -> dict[str, Format]:
    """The formats by name, the default first."""
    found = {format.name: format for format in find_each(core.export.formats, "FORMAT").values()}
    return {DEFAULT: found.pop(DEFAULT), **found}


def find_format(name: str) -> Format:
    """The format of this name.

    Raises:
        AnomalureError: If there is none.
    """
    formats = list_formats()
    if name not in formats:
        raise AnomalureError(f"There is no export format {name!r}. There are: {', '.join(formats)}.")
    return formats[name]
