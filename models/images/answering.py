"""Answers of a model for the images of a folder, as rows, a table and pictures."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from core.errors import AnomalureError, PhotoUnreadable
from core.formats.csv import write_new_table
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from models.images.drawing import draw_answer, save_drawing
from models.images.folder import describe_folder
from models.images.model import OUTLIER, ImageModel

COLUMNS = ("file_name", "answer", "score", "p_value", "photo_id")


@dataclass(frozen=True)
class AnsweredImage:
    """The answer for one image: ``answer`` is 1 or -1, a higher ``score`` is more anomalous.

    ``photo_id`` is the hash of its content, by which another image under its name is noticed later.
    """

    file_name: str
    answer: int
    score: float
    p_value: float
    photo_id: str


@dataclass(frozen=True)
class AnsweredFolder:
    """The answers for a folder, most anomalous first, and the images that could not be read, with the reason."""

    images: tuple[AnsweredImage, ...]
    failures: tuple[tuple[str, str], ...]

    @property
    def n_outliers(self) -> int:
        """How many images are outliers."""
        return sum(one.answer == OUTLIER for one in self.images)


def answer_folder(
    model: ImageModel, folder: Path, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> AnsweredFolder:
    """Answer for all images below a folder.

    Raises:
        AnomalureError: If the folder is missing or holds no image.
    """
    described = describe_folder(folder, model.describer, on_progress=on_progress)
    found = model.answer(described.stack(sum(model.describer.sections)))
    images = [
        AnsweredImage(name, int(answer), float(score), float(p_value), content_id)
        for name, answer, score, p_value, content_id in zip(
            described.file_names, found.answers, found.scores, found.p_values, described.content_ids, strict=True
        )
    ]
    images.sort(key=lambda one: (one.p_value, -one.score, one.file_name))
    return AnsweredFolder(tuple(images), tuple(described.failures))


def write_table(images: Sequence[AnsweredImage], path: Path) -> None:
    """Write the answers as a CSV.

    Raises:
        AnomalureError: If it cannot be written.
    """
    write_new_table(map(asdict, images), path, columns=COLUMNS)


def draw_folder(
    images: Sequence[AnsweredImage],
    folder: Path,
    out: Path,
    *,
    on_progress: Callable[[int, int], Any] = lambda done, total: None,
) -> int:
    """Draw each image with its answer on it, under the same name as a JPEG in ``out``; returns how many.

    Raises:
        AnomalureError: If ``out`` is inside the folder of the images, or cannot be written.
    """
    if out.resolve().is_relative_to(folder.resolve()):
        raise AnomalureError(f"The drawings would lie among the images in {folder}. Choose a folder outside of it.")
    n_drawn = 0
    for number, one in enumerate(images, start=1):
        try:
            pixels = read_photo(
                folder, one.file_name, deployment="", max_megapixels=RunSettings().max_megapixels
            ).pixels
        except PhotoUnreadable:
            continue  # it went away meanwhile; the table has its answer
        try:
            save_drawing(draw_answer(pixels, one.answer, one.p_value), out / f"{one.file_name}.jpg")
        except OSError as error:
            raise AnomalureError(f"The drawings cannot be written to {out} ({error.strerror or error}).") from error
        n_drawn += 1
        on_progress(number, len(images))
    return n_drawn
