"""The predictions of SpeciesNet as classifications. Format: github.com/google/cameratrapai."""

from collections.abc import Iterable, Mapping
from typing import Any

from core.formats.account import Problems
from core.formats.classifiers.classified import ClassificationFile, ClassifiedPhoto, Said, join_photos, make_said
from core.formats.labelled import RELATIVE_FRAME, read_box
from core.formats.speciesnet import FORMAT_NAME
from core.records import Box


def parse_speciesnet_classes(content: Mapping[str, Any]) -> ClassificationFile:
    """What SpeciesNet says of each photo: the answer of its ensemble, and the five likeliest classes.

    Its classifier looks at the most certain box, and the answer is about the photo. So it is given to all boxes of
    animals, as SpeciesNet's own conversion to MegaDetector's format does.
    """
    problems = Problems()
    photos = []
    for one in content["predictions"]:
        name = one.get("filepath") if isinstance(one, dict) else None
        if not isinstance(name, str) or not name.strip():
            problems.add("predictions without a filepath", str(one)[:80])
            continue
        said = _read_said(one, name, problems)
        if said is None:
            problems.add("photos for which the file has no class", name)
            continue
        photos.append(ClassifiedPhoto(name, whole=said, animals=tuple(_list_animals(one, name, problems))))
    return ClassificationFile(FORMAT_NAME, join_photos(photos, problems), problems.lines())


def _read_said(one: Mapping[str, Any], name: str, problems: Problems) -> Said | None:
    found = one.get("classifications")
    classes, scores = (found.get("classes"), found.get("scores")) if isinstance(found, dict) else ([], [])
    if not isinstance(classes, list) or not isinstance(scores, list) or len(classes) != len(scores):
        problems.add("photos whose classes and scores are not lists of one length", name)
        classes, scores = [], []
    answer = (one["prediction"], one.get("prediction_score")) if one.get("prediction") else None
    return make_said(zip(classes, scores, strict=True), answer=answer, problems=problems, where=name)


def _list_animals(one: Mapping[str, Any], name: str, problems: Problems) -> Iterable[Box]:
    detections = one.get("detections")
    for detection in detections if isinstance(detections, list) else ():
        if not isinstance(detection, dict):
            problems.add("detections that are not objects", name)
            continue
        if str(detection.get("category")) == "1" or detection.get("label") == "animal":
            box = read_box(
                detection.get("bbox"), frame=RELATIVE_FRAME, problems=problems, where=name, things="detections"
            )
            if box is not None:
                yield box
