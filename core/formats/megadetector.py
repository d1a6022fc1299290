"""MegaDetector's JSON, which Timelapse and AddaxAI read, too. Format: lila.science/megadetector-output-format."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from core.disk.text import describe_json, read_json
from core.errors import FileFormatError
from core.formats.account import BOX, KIND, PHOTO, SPECIES, TIME, Problems, Reading
from core.formats.exported import MOST_LIKE_COLUMN, UNCLASSIFIED, Row, has_box, relative_box, rows_by_photo, set_utc
from core.formats.labelled import (
    CORNERS,
    RELATIVE_FRAME,
    Label,
    LabelFile,
    LabelledPhoto,
    make_label_file,
    may_be_corners,
    read_box,
    read_confidence,
)
from core.formats.photo_names import read_name
from core.formats.tables.cells import read_times
from core.formats.writing import open_new
from core.species import is_empty_name, read_species

FORMAT_NAME = "MegaDetector"
DETECTION_CATEGORIES = {"1": "animal", "2": "person", "3": "vehicle"}
WRITTEN_VERSION = "1.5"
_TABLES = ("images", "detection_categories", "classification_categories", "info")
_USED_OF_IMAGES = {"file": PHOTO, "detections": BOX, "failure": "failure", "datetime": TIME}
_USED_OF_DETECTIONS = {"category": KIND, "conf": "confidence of the box", "bbox": BOX, "classifications": SPECIES}
_JUDGED = (
    *("crop_id", "species", "score", "p_value", "flagged", "verdict", "note", "reviewer", "run", "bundle"),
    MOST_LIKE_COLUMN,
)
_EXPECTED = "a MegaDetector file: a JSON object with the list images, whose entries have file and detections"


def read_megadetector(path: Path) -> LabelFile:
    """The photos and detections of a MegaDetector file (format 1.0 to 1.6); boxes are relative.

    A detection's species is its most likely classification; it is empty if there is none. Photos that the detector
    could not read are reported and left out, so that they do not look empty.

    Raises:
        FileFormatError: If it is not a MegaDetector file.
    """
    return parse_megadetector(read_json(path, expected=_EXPECTED), source=path.name)


def is_megadetector(content: object) -> bool:
    """Whether the value of a JSON file has the shape of MegaDetector's."""
    if not isinstance(content, dict) or not isinstance(content.get("images"), list) or "annotations" in content:
        return False
    return "detection_categories" in content or any(
        isinstance(image, dict) and "file" in image for image in content["images"][:1]
    )


def parse_megadetector(content: object, *, source: str) -> LabelFile:
    """As ``read_megadetector``, from the value of the JSON file."""
    if not isinstance(content, dict) or not is_megadetector(content):
        raise FileFormatError(f"{source}: expected {_EXPECTED}; got {describe_json(content)}.")
    problems = Reading(things="detections")
    for key, value in content.items():
        if key not in _TABLES:
            problems.see(key, value)
    classes = _read_categories(content.get("detection_categories"), problems) or dict(DETECTION_CATEGORIES)
    species = _read_categories(content.get("classification_categories"), problems)
    photos = []
    stamps = []
    for image in content["images"]:
        problems.see_keys(image, of="images", used=_USED_OF_IMAGES)
        found = image.get("detections") if isinstance(image, dict) else None
        for detection in found if isinstance(found, list) else ():
            problems.n_entries += 1
            problems.see_keys(detection, of="detections", used=_USED_OF_DETECTIONS)
        if not isinstance(image, dict) or not isinstance(image.get("file"), str) or not image["file"]:
            problems.add("entries without a file", str(image)[:80])
            continue
        name, detections = image["file"], image.get("detections")
        if image.get("failure"):
            problems.add(
                f"photos that the detector could not use ({str(image['failure'])[:80]})",
                name,
                entries=len(detections) if isinstance(detections, list) else 0,
            )
        elif image.get("frame_rate") is not None or image.get("frames_processed") is not None:
            problems.add("videos", name, entries=len(detections) if isinstance(detections, list) else 0)
        elif not isinstance(detections, list):
            problems.add("photos without a list of detections", name)
        else:
            read = (_read_label(detection, classes, species, name, problems) for detection in detections)
            labels = tuple(label for label in read if label is not None)
            is_incomplete = len(labels) < len(detections)
            photos.append(LabelledPhoto(read_name(name), labels, frame=RELATIVE_FRAME, is_incomplete=is_incomplete))
            stamps.append(image.get("datetime"))
    times = read_times(
        stamps, problems=problems, things="images", where=lambda i: photos[i].file_name, columns=["images[].datetime"]
    )
    photos = [
        replace(photo, captured_at=time, has_unread_time=bool(stamp) and time is None)
        for photo, stamp, time in zip(photos, stamps, times, strict=True)
    ]
    boxes = [(one.x, one.y, one.width, one.height) for photo in photos for label in photo.labels if (one := label.box)]
    if may_be_corners(boxes):
        problems.warn(CORNERS)
    return make_label_file(photos, problems, format_name=FORMAT_NAME)


def write_megadetector(
    rows: Iterable[Row],
    path: Path,
    *,
    detector: str = "",
    detected_at: datetime | None = None,
    problems: Problems | None = None,
) -> int:
    """Write crops in MegaDetector's format, photo by photo; a whole frame is a photo without detections.

    A species that a reviewer gave becomes a classification. A species that a run gave has no probability, so
    it is written under ``anomalure``, with the score and the verdict. Other tools ignore that key.

    Args:
        rows: As in ``core.formats.exported``; the rows of a photo must be together.
        path: The file to write.
        detector: Name of the detector that found the boxes.
        detected_at: Time of the detection.
        problems: Counts photos in which somebody named what has no box, because in this format a photo without
            detections is an empty one. Those of a file of labels are left out.

    Returns:
        The number of photos.

    Raises:
        AnomalureError: If the file cannot be written.
    """
    classes = {name: key for key, name in DETECTION_CATEGORIES.items()}
    species: dict[str, str] = {}
    count = 0
    with open_new(path) as file:
        info = {"format_version": WRITTEN_VERSION, "detector": detector or "unknown"}
        if detected_at is not None:
            info["detection_completion_time"] = detected_at.strftime("%Y-%m-%d %H:%M:%S")
        info["anomalure"] = "scores and verdicts"
        file.write(f'{{"info": {json.dumps(info)},\n"images": [')
        for of_photo in rows_by_photo(rows):
            detections = []
            for row in filter(has_box, of_photo):
                name = row["detector_class"] or "animal"
                detection: dict[str, Any] = {
                    "category": classes.setdefault(name, str(len(classes) + 1)),
                    "conf": row["detector_confidence"],
                    "bbox": relative_box(row),
                }
                if row["verdict_species"]:
                    key = species.setdefault(row["verdict_species"], str(len(species)))
                    detection["classifications"] = [[key, 1.0]]
                detections.append(detection | {"anomalure": _write_judged(row)})
            image: dict[str, Any] = {"file": of_photo[0]["file_name"], "detections": detections}
            frames = [row for row in of_photo if not has_box(row)]
            unsaid = next((what for what in map(_find_unsaid, frames) if what), "") if not detections else ""
            if unsaid and problems is not None:
                problems.add(unsaid, image["file"])
            if unsaid and not of_photo[0]["run"]:
                continue
            if frames:
                image["anomalure"] = _write_judged(frames[0])
            file.write((",\n" if count else "\n") + json.dumps(image, ensure_ascii=False))
            count += 1
        file.write("],\n")
        detection_categories = {key: name for name, key in classes.items()}
        file.write(f'"detection_categories": {json.dumps(detection_categories, ensure_ascii=False)}')
        if species:
            named = {key: name for name, key in species.items()}
            file.write(f',\n"classification_categories": {json.dumps(named, ensure_ascii=False)}')
        file.write("}\n")
    return count


def _find_unsaid(frame: Row) -> str:
    """What a photo without detections does not say, for this format has no label without a box; empty if nothing."""
    named = frame["verdict_species"] or ("" if frame["run"] else frame["species"])
    if not named or is_empty_name(named):
        return ""
    if frame["run"]:
        return "photos in which somebody named what has no box: other programs may take them for empty"
    return "photos without any label" if named == UNCLASSIFIED else "photos with an animal that has no box"


def _write_judged(row: Row) -> dict[str, Any]:
    said = {key: row[key] for key in _JUDGED if row[key] not in (None, "")}
    if row["decided_at"] is not None:
        said["decided_at"] = set_utc(row["decided_at"]).isoformat()
    return said


def _read_categories(categories: object, problems: Problems) -> dict[str, str]:
    if categories is None:
        return {}
    if not isinstance(categories, dict):
        problems.add("tables of categories that are not objects", categories)
        return {}
    return {str(key): str(name) for key, name in categories.items()}


def _read_label(
    detection: object, classes: Mapping[str, str], species: Mapping[str, str], file_name: str, problems: Reading
) -> Label | None:
    if not isinstance(detection, dict):
        problems.add("detections that are not objects", file_name, entries=1)
        return None
    detector_class = classes.get(str(detection.get("category")))
    if detector_class is None:  # the format says to treat this as no detection
        problems.add("detections of categories that are not in the file", file_name, entries=1)
        return None
    confidence = read_confidence(detection.get("conf"))
    if confidence is None:
        problems.add("detections whose conf is not a number from 0 to 1", file_name, entries=1)
        return None
    box = None
    if detection.get("bbox") is not None:
        box = read_box(detection["bbox"], frame=RELATIVE_FRAME, problems=problems, where=file_name, things="detections")
        if box is None:
            return None
    name, sureness = _read_likeliest(detection.get("classifications"), species, file_name, problems)
    return Label(name, box, confidence, detector_class, sureness)


def _read_likeliest(
    classifications: Any, species: Mapping[str, str], file_name: str, problems: Reading
) -> tuple[str, float | None]:
    best: tuple[str, float | None] = ("", None)
    for pair in classifications if isinstance(classifications, list) else ():
        sureness = read_confidence(pair[1]) if isinstance(pair, list) and len(pair) == 2 else None
        if sureness is None or str(pair[0]) not in species:
            problems.add("classifications that are not a known category and a number from 0 to 1", file_name)
        elif best[1] is None or sureness > best[1]:
            best = (problems.name(species[str(pair[0])], read_species(species[str(pair[0])])), sureness)
    return best
