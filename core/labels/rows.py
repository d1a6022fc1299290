"""Turns the labels of a file into rows of an export, so that one format can be converted to another."""

from collections.abc import Iterator
from typing import Any

from core.errors import AnomalureError
from core.formats.account import Problems
from core.formats.exported import SURENESS_COLUMN, UNCLASSIFIED, UNKNOWN_SPECIES
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.formats.megadetector import FORMAT_NAME as MEGADETECTOR
from core.records import Box, CropKind, hash_content, name_crops

_UNDECIDED: dict[str, Any] = {
    "score": None,
    "p_value": None,
    "flagged": False,
    "verdict": "",
    "verdict_species": "",
    "note": "",
    "reviewer": "",
    "decided_at": None,
    "run": "",
    "bundle": "",
    "given_to_group": False,
}


def rows_from_labels(file: LabelFile, *, problems: Problems | None = None) -> Iterator[dict[str, Any]]:
    """One row per label, photo by photo in the order of their names. A photo without a label is one row, too.

    A detector's label (a box with a confidence) becomes an undecided row. Every other label becomes a row with the
    species that a person gave. Boxes are in the units of the photo's frame.

    Args:
        file: The labels.
        problems: Counts photos that are left out because their boxes are in pixels and the file does not give their
            size.

    Raises:
        AnomalureError: If nothing would be left.
    """
    boxed = [photo for photo in file.photos if any(label.box for label in photo.labels)]
    if boxed and all(photo.frame is None for photo in boxed) and (problems is None or len(boxed) == len(file.photos)):
        raise AnomalureError(
            f"The boxes of {boxed[0].file_name} are in pixels, and the file does not give the size of the photo. Run "
            "Anomalure on the photos with these boxes, and export the run."
        )
    for photo in sorted(file.photos, key=lambda one: one.file_name):
        if photo.frame is None and any(label.box for label in photo.labels):
            if problems is not None:
                problems.add(
                    "photos whose boxes are in pixels, while the file does not give their size", photo.file_name
                )
            continue
        width, height = photo.frame or (1.0, 1.0)
        photo_id = hash_content(photo.file_name.encode())
        labels: tuple[Label | None, ...] = photo.labels or (None,)
        ids = name_crops(photo_id, [None if label is None else label.box for label in labels])
        for label, crop_id in zip(labels, ids, strict=True):
            yield (
                _about_photo(photo, photo_id, width, height)
                | _UNDECIDED
                | {
                    "crop_id": crop_id,
                    **_about_label(
                        label, Box(0, 0, width, height), file.format_name, is_incomplete=photo.is_incomplete
                    ),
                }
            )


def _about_photo(photo: LabelledPhoto, photo_id: str, width: float, height: float) -> dict[str, Any]:
    return {
        "file_name": photo.file_name,
        "captured_at": photo.captured_at,
        "deployment": photo.deployment,
        "event_id": photo.event_id,
        "photo_id": photo_id,
        "photo_width_px": width,
        "photo_height_px": height,
    }


def _about_label(label: Label | None, frame: Box, format_name: str, *, is_incomplete: bool) -> dict[str, Any]:
    box = label.box if label is not None and label.box is not None else frame
    row: dict[str, Any] = {
        "x": box.x,
        "y": box.y,
        "width": box.width,
        "height": box.height,
        "kind": CropKind.FRAME,
        "species": "",
        "detector_class": "",
        "detector_confidence": 0.0,
    }
    if label is None:
        # In MegaDetector's format this means that the photo is empty; other formats say nothing about it.
        return row if format_name == MEGADETECTOR and not is_incomplete else row | {"verdict_species": UNCLASSIFIED}
    row["kind"] = CropKind.FRAME if label.box is None else CropKind.DETECTION
    row[SURENESS_COLUMN] = label.species_confidence
    by_machine = label.confidence if label.box is not None else label.species_confidence
    if by_machine is not None:
        return row | {
            "species": label.species,
            "detector_class": label.detector_class,
            "detector_confidence": by_machine,
        }
    return row | {"verdict_species": label.species or UNKNOWN_SPECIES}
