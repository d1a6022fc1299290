"""Joins boxes of a detector from one file with species of the photos from another file."""

from collections.abc import Sequence
from dataclasses import replace

from core.formats.labelled import Label, LabelFile, LabelledPhoto, Problems
from core.photos.matching import match_names

# Classes of detectors that are not animals; a species of the photo is not meant for such boxes.
NOT_ANIMALS = frozenset({"person", "human", "vehicle", "car"})


def name_boxes(boxes: LabelFile, species: LabelFile) -> LabelFile:
    """The boxes of one file with the species that another file gives to their photos.

    If a photo has one species, all its boxes of animals get it. If it has several species, nobody can tell which box
    has which, so these boxes get none. Photos that were labelled empty keep no box.
    Every case is counted in ``problems``.

    Args:
        boxes: From a detector: MegaDetector JSON, for example.
        species: Labels of photos: a CSV, for example. Boxes in it are not used.

    Raises:
        AnomalureError: If a name could mean two photos.
    """
    problems = Problems()
    theirs = match_names([photo.file_name for photo in species.photos], [photo.file_name for photo in boxes.photos])
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
    )
    kinds = list(dict.fromkeys(label.species for label in named if not label.is_empty))
    found = [label for label in photo.labels if label.box is not None]
    if not kinds:
        if found:
            problems.add("boxes in photos that somebody called empty", photo.file_name)
        return replace(photo, labels=(named[0],))
    animals = [label for label in found if label.detector_class.casefold() not in NOT_ANIMALS]
    if len(kinds) > 1 and animals:
        problems.add("photos with several species, whose boxes cannot be told apart", photo.file_name)
        return replace(photo, labels=tuple(replace(label, species="") for label in found))
    if not animals:
        problems.add("labelled animals without a box", photo.file_name)
        return replace(photo, labels=tuple(Label(kind) for kind in kinds) if not found else tuple(found))
    return replace(
        photo, labels=tuple(replace(one, species=kinds[0] if one in animals else one.detector_class) for one in found)
    )
