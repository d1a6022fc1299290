"""Where the photos of a folder are odd, as rows, a table and pictures with a heat map."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from core.errors import AnomalureError, PhotoUnreadable
from core.formats.csv import write_new_table
from core.photos.reading import find_photos, read_photo
from core.settings.run import RunSettings
from models.images.drawing import save_drawing
from models.localize.drawing import draw_found
from models.localize.heat_map import HeatMapModel

COLUMNS = ("file_name", "row", "column", "r", "score", "p_value", "photo_id")


@dataclass(frozen=True)
class Place:
    """The most odd place of a photo: centre and half side in its pixels; ``p_value`` None without normal photos.

    ``photo_id`` is the hash of its content, by which another photo under its name is noticed later.
    """

    file_name: str
    row: int
    column: int
    r: int
    score: float
    p_value: float | None
    photo_id: str


@dataclass(frozen=True)
class LookedThrough:
    """The places of a folder's photos, most anomalous first, and the photos that could not be used."""

    places: tuple[Place, ...]
    failures: tuple[tuple[str, str], ...]


def look_through(
    model: HeatMapModel,
    folder: Path,
    *,
    drawn: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> LookedThrough:
    """Look at all photos below a folder, one at a time.

    Args:
        model: The trained model.
        folder: The photos.
        drawn: Also write each photo with its heat map and the found square under the same name as a JPEG here.
        on_progress: Called with the number of photos that are done and of all; may raise to stop.

    Raises:
        AnomalureError: If the folder holds no photo, or ``drawn`` is inside it or cannot be written.
    """
    if drawn is not None and drawn.resolve().is_relative_to(folder.resolve()):
        raise AnomalureError(f"The drawings would lie among the photos in {folder}. Choose a folder outside of it.")
    names = find_photos(folder).file_names
    places, failures = [], []
    for number, name in enumerate(names, start=1):
        try:
            read = read_photo(folder, name, deployment="", max_megapixels=RunSettings().max_megapixels)
            found = model.look(read.pixels)
        except PhotoUnreadable as failure:
            failures.append((name, str(failure)))
        else:
            p_value = None if math.isnan(found.p_value) else found.p_value
            centre = round(found.row), round(found.column)
            places.append(Place(name, *centre, round(found.r), found.score, p_value, read.photo.photo_id))
            if drawn is not None:
                try:
                    save_drawing(draw_found(read.pixels, found), drawn / f"{name}.jpg")
                except OSError as error:
                    raise AnomalureError(
                        f"The drawings cannot be written to {drawn} ({error.strerror or error})."
                    ) from error
        on_progress(number, len(names))
    places.sort(key=lambda one: (-one.score, one.file_name))
    return LookedThrough(tuple(places), tuple(failures))


def write_places(places: Sequence[Place], path: Path) -> None:
    """Write the places as a CSV.

    Raises:
        AnomalureError: If it cannot be written.
    """
    write_new_table(map(asdict, places), path, columns=COLUMNS)
