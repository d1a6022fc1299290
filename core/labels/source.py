"""The labels that a person points at, whatever their kind."""

from pathlib import Path

from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.labels.species_folders import read_species_folders
from core.labels.species_of_boxes import name_boxes


def read_label_source(images_dir: Path, *, labels: Path | None = None, species: Path | None = None) -> LabelFile:
    """Labels of the photos in a folder.

    Args:
        images_dir: The folder of photos.
        labels: A file of labels or boxes in any format that ``read_labels`` knows; None: the folders inside
            ``images_dir`` are named by species.
        species: A second file that says the species of photos whose boxes ``labels`` has.

    Raises:
        AnomalureError: If a file cannot be used, in a sentence that says what was expected.
    """
    if labels is None:
        return read_species_folders(images_dir)
    read = read_labels(labels)
    return read if species is None else name_boxes(read, read_labels(species))
