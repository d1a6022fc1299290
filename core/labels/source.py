"""Reads the labels that a user names, in any format."""

from pathlib import Path

from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.labels.species_folders import read_species_folders
from core.labels.species_of_boxes import name_boxes


def read_label_source(images_dir: Path, *, labels: Path | None = None, species: Path | None = None) -> LabelFile:
    """Labels of the photos in a folder.

    Args:
        images_dir: The folder of photos.
        labels: A file of labels or boxes in any format that ``read_labels`` knows. None if the folders inside
            ``images_dir`` are named by species.
        species: A second file with the species of the photos, if ``labels`` has only boxes.

    Raises:
        AnomalureError: If a file cannot be used; the error says what was expected.
    """
    if labels is None:
        return read_species_folders(images_dir)
    read = read_labels(labels)
    return read if species is None else name_boxes(read, read_labels(species), images_dir=images_dir)
