"""The predictions of SpeciesNet as JSON. Format: github.com/google/cameratrapai."""

from collections.abc import Mapping
from typing import Any

from core.errors import FileFormatError
from core.formats.account import BOX, KIND, PHOTO, SPECIES, Reading
from core.formats.labelled import (
    RELATIVE_FRAME,
    Label,
    LabelFile,
    LabelledPhoto,
    make_label_file,
    read_box,
    read_confidence,
)
from core.formats.photo_names import read_name
from core.species import is_empty_name, is_person_name, read_species

FORMAT_NAME = "SpeciesNet"
_ANIMAL = "animal"
_USED = {
    "filepath": PHOTO,
    "prediction": SPECIES,
    "prediction_score": "confidence of the species",
    "detections": BOX,
    "failures": "failure",
}
_USED_OF_DETECTIONS = {"category": KIND, "label": KIND, "conf": "confidence of the box", "bbox": BOX}
_CLASSES = {"1": _ANIMAL, "2": "person", "3": "vehicle"}


def is_speciesnet(content: object) -> bool:
    """Whether the value of a JSON file has the shape of SpeciesNet's predictions."""
    return isinstance(content, dict) and isinstance(content.get("predictions"), list)


def parse_speciesnet(content: Mapping[str, Any], *, source: str) -> LabelFile:
    """The photos, boxes and species of SpeciesNet's predictions; boxes are relative.

    Its prediction is about the photo. It becomes the species of the boxes of animals, or a label without a box if
    there are none. A photo is empty if the prediction says so and nothing was detected.

    Raises:
        FileFormatError: If no prediction names a photo.
    """
    problems = Reading(things="predictions and boxes", n_entries=len(content["predictions"]))
    for key, value in content.items():
        if key != "predictions":
            problems.see(key, value)
    photos = []
    for one in content["predictions"]:
        problems.see_keys(one, of="predictions", used=_USED)
        name = one.get("filepath") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name.strip():
            problems.add("predictions without a filepath", str(one)[:80], entries=1)
        elif not isinstance(one.get("detections"), list):
            problems.add("photos that the detector could not use", name, entries=1)
        else:
            problems.n_entries += len(one["detections"])
            if one.get("failures"):
                problems.add("photos on which a part of SpeciesNet failed", f"{name}: {one['failures']}"[:120])
            photos.append(_read_photo(one, name, problems))
    if content["predictions"] and not photos:
        raise FileFormatError(f"{source}: none of its {len(content['predictions'])} predictions can be used.")
    return make_label_file(photos, problems, format_name=FORMAT_NAME)


def _read_photo(one: Mapping[str, Any], name: str, problems: Reading) -> LabelledPhoto:
    prediction = one.get("prediction")
    species = problems.name(prediction, read_species(prediction)) if isinstance(prediction, str) else ""
    sureness = read_confidence(one.get("prediction_score"))
    of_boxes = "" if is_empty_name(species) or is_person_name(species) or species == "vehicle" else species
    read = [_read_detection(detection, of_boxes, sureness, name, problems) for detection in one["detections"]]
    labels = tuple(label for label in read if label is not None)
    is_incomplete = len(labels) < len(read)
    if not species and not read:
        problems.add("predictions that name nothing", name, entries=1)
    if species and (not labels or (of_boxes and all(label.detector_class != _ANIMAL for label in labels))):
        labels = (*labels, Label(species, None, None, species, sureness))
    return LabelledPhoto(read_name(name), labels, frame=RELATIVE_FRAME, is_incomplete=is_incomplete)


def _read_detection(
    detection: object, species: str, sureness: float | None, name: str, problems: Reading
) -> Label | None:
    values = detection if isinstance(detection, dict) else {}
    problems.see_keys(values, of="detections", used=_USED_OF_DETECTIONS)
    kind = _CLASSES.get(str(values.get("category"))) or str(values.get("label", ""))
    confidence = read_confidence(values.get("conf"))
    if not kind or confidence is None:
        problems.add("detections without a category or a conf from 0 to 1", name, entries=1)
        return None
    box = read_box(values.get("bbox"), frame=RELATIVE_FRAME, problems=problems, where=name, things="detections")
    if box is None:
        return None
    is_animal = kind == _ANIMAL
    return Label(species if is_animal else "", box, confidence, kind, sureness if is_animal and species else None)
