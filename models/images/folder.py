"""Describes the images of a folder, a few at a time, and counts those that cannot be read."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import PhotoUnreadable
from core.photos.reading import find_photos, read_photo
from core.settings.run import RunSettings
from models.images.descriptors.descriptor import Descriptor

BATCH = 16


@dataclass
class Described:
    """The images that could be read: names relative to the folder, content ids, and rows ``(n, d)``; and failures."""

    file_names: list[str] = field(default_factory=list)
    content_ids: list[str] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def stack(self, n_features: int) -> np.ndarray:
        """All rows, shape ``(n, n_features)``."""
        return np.concatenate(self.rows) if self.rows else np.empty((0, n_features), np.float32)


def describe_folder(
    folder: Path, descriptor: Descriptor, *, on_progress: Callable[[int, int], None] = lambda done, total: None
) -> Described:
    """Describe all images below a folder.

    Args:
        on_progress: Called with the number of images that are done and of all; may raise to stop.

    Raises:
        AnomalureError: If the folder is missing or holds no image.
    """
    names = find_photos(folder).file_names
    described = Described()
    done = 0
    for start in range(0, len(names), BATCH):
        images = []
        for name, image, content_id in _read(folder, names[start : start + BATCH], described):
            described.file_names.append(name)
            described.content_ids.append(content_id)
            images.append(image)
        if images:
            described.rows.append(descriptor.describe(images))
        done += len(names[start : start + BATCH])
        on_progress(done, len(names))
    return described


def _read(folder: Path, names: Sequence[str], described: Described) -> Iterator[tuple[str, np.ndarray, str]]:
    megapixels = RunSettings().max_megapixels
    for name in names:
        try:
            read = read_photo(folder, name, deployment="", max_megapixels=megapixels)
        except PhotoUnreadable as failure:
            described.failures.append((name, str(failure)))
        else:
            yield name, read.pixels, read.photo.photo_id
