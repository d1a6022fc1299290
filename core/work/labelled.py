"""A request for work on labelled photos."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import AnomalureError
from core.formats.labelled import LabelFile
from core.labels.source import read_label_source
from core.work.request import Request


@dataclass(frozen=True, kw_only=True)
class LabelledRequest(Request):
    """The fields of work on labelled photos.

    Attributes:
        images: The folder of labelled photos; names in the labels match them by their longest common ending.
        labels: A file of labels or boxes; None: the folders inside ``images`` are named by species.
        species: A second file of labels, for boxes that have no species.
        split: Only the photos of this split of the labels; None: all.
    """

    images: Path
    labels: Path | None = None
    species: Path | None = None
    split: str | None = None

    def read_labels(self) -> LabelFile:
        """Which photos show what.

        Raises:
            AnomalureError: If the labels cannot be used.
        """
        if not self.images.is_dir():
            raise AnomalureError(f"There is no folder {self.images}. Give the folder of the labelled photos.")
        return read_label_source(self.images, labels=self.labels, species=self.species)
