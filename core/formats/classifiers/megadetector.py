"""Classifications in MegaDetector's JSON, as SpeciesNet's conversion, AddaxAI and others write them.

Format: lila.science/megadetector-output-format.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from core.errors import FileFormatError
from core.formats.account import Problems
from core.formats.classifiers.classified import ClassificationFile, ClassifiedPhoto, Said, join_photos, make_said
from core.formats.labelled import RELATIVE_FRAME, read_box
from core.records import Box

_WHOLE = 0.99
"""A box that covers this share of each side is no box: programs write it for a class of the whole photo."""
_USUAL_SOURCE = "classifier"


def parse_megadetector_classes(content: Mapping[str, Any], *, source: str) -> ClassificationFile:
    """What a classifier says of each box of a MegaDetector file.

    A class is its taxonomy (``classification_category_descriptions``) where the file has it, else its name.

    Raises:
        FileFormatError: If the file has no classes: it is only a detector's.
    """
    named = content.get("classification_categories")
    if not isinstance(named, dict) or not named:
        raise FileFormatError(
            f"{source} has boxes but no classes (classification_categories is missing or empty): it is a detector's "
            "file. Give it as the file of boxes, or run a classifier on it first."
        )
    told = content.get("classification_category_descriptions")
    names = {str(key): str(name) for key, name in named.items()}
    if isinstance(told, dict):
        names |= {str(key): str(text) for key, text in told.items() if str(key) in names and ";" in str(text)}
    problems = Problems()
    photos = []
    for image in content["images"]:
        name = image.get("file") if isinstance(image, dict) else None
        if not isinstance(name, str) or not name.strip():
            problems.add("entries without a file", str(image)[:80])
        elif image.get("failure") or not isinstance(image.get("detections"), list):
            problems.add("photos that the classifier could not use", name)
        else:
            photos.append(_read_photo(name, image["detections"], names, problems))
    return ClassificationFile(_name_source(content.get("info")), join_photos(photos, problems), problems.lines())


def _name_source(info: object) -> str:
    said = str(info.get("classifier") or "") if isinstance(info, dict) else ""
    if not said and isinstance(info, dict) and str(info.get("detector")) == "converted_from_predictions_json":
        return "SpeciesNet"  # its own conversion names no classifier
    if "speciesnet" in said.casefold():
        return "SpeciesNet"
    return said.strip()[:60] or _USUAL_SOURCE


def _read_photo(
    name: str, detections: Iterable[object], names: Mapping[str, str], problems: Problems
) -> ClassifiedPhoto:
    boxes: list[tuple[Box, Said]] = []
    whole = None
    for detection in detections:
        if not isinstance(detection, dict):
            problems.add("detections that are not objects", name)
            continue
        said = make_said(
            _list_pairs(detection.get("classifications"), names, name, problems),
            answer=None,
            problems=problems,
            where=name,
        )
        if said is None:
            continue
        if detection.get("bbox") is None:
            whole = said
            continue
        box = read_box(detection["bbox"], frame=RELATIVE_FRAME, problems=problems, where=name, things="detections")
        if box is not None and min(box.width, box.height) >= _WHOLE:
            whole = said
        elif box is not None:
            boxes.append((box, said))
    return ClassifiedPhoto(name, tuple(boxes), whole)


def _list_pairs(
    classifications: object, names: Mapping[str, str], where: str, problems: Problems
) -> Iterable[tuple[object, object]]:
    for pair in classifications if isinstance(classifications, list) else ():
        if not isinstance(pair, list) or len(pair) != 2 or str(pair[0]) not in names:
            problems.add("classifications that are not a class of the file and a score", where)
        else:
            yield names[str(pair[0])], pair[1]
