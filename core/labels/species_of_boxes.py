"""Joins boxes of a detector from one file with species of the photos from another file."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from core.formats.account import Problems
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.labels.meeting import meet_photos
from core.species import fold_species, is_person_name, read_species

# Classes of detectors that are not animals; a species of the photo is not meant for such boxes.
NOT_ANIMALS = frozenset({"person", "human", "vehicle", "car"})


def name_boxes(boxes: LabelFile, species: LabelFile, *, images_dir: Path | None = None) -> LabelFile:
    """The boxes of one file with the species that another file gives to their photos.

    If a photo has one species, all its boxes of animals get it. If it has several species, nobody can tell which box
    has which, so these boxes get none. Photos that were labelled empty keep no box, and an animal for which the
    detector has no box is a label without one.
    Every case is counted in ``problems``.

    Args:
        boxes: From a detector: MegaDetector JSON, for example.
        species: Labels of photos: a CSV, for example. Boxes in it are not used.
        images_dir: The folder of the photos that the boxes name. It tells whether a table with a column of folders
            is about them.

    Raises:
        AnomalureError: If a name could mean two photos.
    """
    problems = Problems()
    theirs = meet_photos(species.photos, [photo.file_name for photo in boxes.photos], folder=images_dir)
    said: dict[str, list[LabelledPhoto]] = {}
    for photo in species.photos:
        if photo.file_name in theirs:
            said.setdefault(theirs[photo.file_name], []).append(photo)
        else:
            problems.add("labelled photos that the file of boxes does not name", photo.file_name)
    photos = tuple(_name_boxes_of(photo, said.get(photo.file_name, ()), problems) for photo in boxes.photos)
    return LabelFile(
        photos,
        (*boxes.problems, *species.problems, *problems.lines()),
        f"{boxes.format_name} with species from {species.format_name}",
        (*boxes.accounts, *species.accounts),
    )


def _name_boxes_of(photo: LabelledPhoto, said: Sequence[LabelledPhoto], problems: Problems) -> LabelledPhoto:
    named = [label for one in said for label in one.labels if label.species]
    if not named:
        problems.add("photos with boxes that nobody has labelled", photo.file_name)
        return replace(photo, labels=tuple(replace(label, species="") for label in photo.labels))
    about = said[0]
    photo = replace(
        photo,
        deployment=photo.deployment or about.deployment,
        captured_at=photo.captured_at or about.captured_at,
        event_id=photo.event_id or about.event_id,
        split=photo.split or about.split,
        is_incomplete=photo.is_incomplete or any(one.is_incomplete for one in said),
        has_unread_time=photo.has_unread_time or about.has_unread_time,
    )
    kinds = list(dict.fromkeys(fold_species([label.species for label in named if not label.is_empty])))
    found = [label for label in photo.labels if label.box is not None]
    if not kinds:
        if found:
            problems.add("boxes in photos that somebody called empty", photo.file_name)
        return replace(photo, labels=(named[0],))
    species = [kind for kind in kinds if not _is_no_animal(kind)]
    boxes = [label for label in found if not _is_no_animal(label.detector_class)]
    others = [
        replace(one, species=read_species(one.detector_class)) for one in found if _is_no_animal(one.detector_class)
    ]
    if len(species) > 1 and boxes:
        problems.add("photos with several species, whose boxes cannot be told apart", photo.file_name)
        return replace(photo, labels=tuple(replace(label, species="") for label in found))
    if species and not boxes:
        problems.add("labelled animals without a box", photo.file_name)
        return replace(photo, labels=(*others, *(Label(kind) for kind in species)))
    if not found:  # people whom the detector did not find
        return replace(photo, labels=tuple(Label(kind) for kind in kinds))
    return replace(photo, labels=(*(replace(one, species=(species or kinds)[0]) for one in boxes), *others))


def _is_no_animal(name: str) -> bool:
    return is_person_name(name) or name.casefold() in NOT_ANIMALS
