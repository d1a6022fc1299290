"""COCO and COCO Camera Traps JSON. Format: cocodataset.org, and lila.science/coco-camera-traps."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from core.disk.text import read_json
from core.errors import FileFormatError
from core.formats.exported import MOST_LIKE_COLUMN, Row, has_box, name_species, rows_by_photo, set_utc
from core.formats.labelled import Label, LabelFile, LabelledPhoto, Problems, merge_photos, read_box, read_confidence
from core.formats.writing import open_new
from core.photos.exif import read_time

FORMAT_NAME = "COCO"
KEYS = ("images", "annotations", "categories")
LONGEST_SIDE = 1e9
SPOOL_BYTES = 32_000_000
_JUDGED = ("score", "p_value", "flagged", "verdict", "note", "reviewer", "run", "bundle", MOST_LIKE_COLUMN)
_EXPECTED = "a COCO file: a JSON object with the lists images, annotations and categories"


def read_coco(path: Path) -> LabelFile:
    """The photos and labels of a COCO file; boxes are in pixels of the size that the file gives.

    Raises:
        FileFormatError: If it is not a COCO file.
    """
    return parse_coco(read_json(path, expected=_EXPECTED), source=path.name)


def is_coco(content: object) -> bool:
    """Whether the value of a JSON file has the shape of COCO."""
    return isinstance(content, dict) and all(isinstance(content.get(key), list) for key in KEYS)


def parse_coco(content: object, *, source: str) -> LabelFile:
    """As ``read_coco``, from the value of the JSON file."""
    if not isinstance(content, dict) or not is_coco(content):
        got = ", ".join(map(str, content)) if isinstance(content, dict) else f"a {type(content).__name__}"
        raise FileFormatError(f"{source}: expected {_EXPECTED}; got {got[:200] or 'an empty object'}.")
    problems = Problems()
    categories = _read_categories(content["categories"], problems)
    images: dict[Any, Mapping[str, Any]] = {}
    for image in content["images"]:
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str) or not image["file_name"]:
            problems.add("images without a file_name", _name(image))
        elif _key(image.get("id")) is None:
            problems.add("images without an id", image["file_name"])
        elif image["id"] in images:
            problems.add("images whose id another image has", image["file_name"])
        else:
            images[image["id"]] = image
    if content["images"] and not images:
        raise FileFormatError(f"{source}: none of its {len(content['images'])} images has an id and a file_name.")
    labels: dict[Any, list[Label]] = defaultdict(list)
    for annotation in content["annotations"]:
        if not isinstance(annotation, dict):
            problems.add("annotations that are not objects", annotation)
            continue
        image_id = _key(annotation.get("image_id"))
        if image_id not in images:
            problems.add("annotations of images that are not in the file", _name(annotation))
            continue
        label = _read_label(annotation, categories, frame=_read_frame(images[image_id]), problems=problems)
        if label is not None:
            labels[image_id].append(label)
    photos = [_read_photo(image, tuple(labels[key]), problems) for key, image in images.items()]
    return LabelFile(merge_photos(photos, problems), problems.lines(), FORMAT_NAME)


def write_coco(rows: Iterable[Row], path: Path) -> int:
    """Write crops as COCO Camera Traps, photo by photo; whole frames become annotations without a box.

    Args:
        rows: As in ``core.formats.exported``; the rows of a photo must be together.
        path: The file to write.

    Returns:
        The number of annotations.

    Raises:
        AnomalureError: If the file cannot be written.
    """
    categories: dict[str, int] = {}
    count = 0
    with open_new(path) as file, SpooledTemporaryFile(SPOOL_BYTES, mode="w+", encoding="utf-8") as images:
        file.write('{"info": {"version": "1.0", "description": "Exported from Anomalure"},\n"annotations": [')
        for of_photo in rows_by_photo(rows):
            images.write((",\n" if count else "\n") + json.dumps(_write_image(of_photo[0]), ensure_ascii=False))
            for row in of_photo:
                category = categories.setdefault(name_species(row), len(categories) + 1)
                annotation = _write_annotation(row, category)
                file.write((",\n" if count else "\n") + json.dumps(annotation, ensure_ascii=False))
                count += 1
        file.write('],\n"images": [')
        images.seek(0)
        for line in images:
            file.write(line)
        named = [{"id": number, "name": name} for name, number in categories.items()]
        file.write(f'],\n"categories": {json.dumps(named, ensure_ascii=False)}}}\n')
    return count


def _write_image(row: Row) -> dict[str, Any]:
    image = {
        "id": row["photo_id"],
        "file_name": row["file_name"],
        "width": row["photo_width_px"],
        "height": row["photo_height_px"],
        "location": row["deployment"],
        "seq_id": row["event_id"],
    }
    if row["captured_at"] is not None:
        image["datetime"] = row["captured_at"].isoformat(sep=" ", timespec="seconds")
    return image


def _write_annotation(row: Row, category: int) -> dict[str, Any]:
    annotation = {"id": row["crop_id"], "image_id": row["photo_id"], "category_id": category}
    if has_box(row):
        annotation["bbox"] = [row["x"], row["y"], row["width"], row["height"]]
        annotation["score"] = row["detector_confidence"]
    said = {key: row[key] for key in _JUDGED if row[key] not in (None, "")}
    if row["decided_at"] is not None:
        said["decided_at"] = set_utc(row["decided_at"]).isoformat()
    return annotation | {"anomalure": said}


def _read_categories(categories: list[Any], problems: Problems) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for category in categories:
        key = _key(category.get("id")) if isinstance(category, dict) else None
        if key is None or not isinstance(category.get("name"), str) or not category["name"].strip():
            problems.add("categories without an id or a name", category)
        elif key in names and names[key] != category["name"].strip():
            problems.add("categories whose id another category has", category["name"])
        else:
            names[key] = category["name"].strip()
    return names


def _read_label(
    annotation: Mapping[str, Any],
    categories: Mapping[Any, str],
    *,
    frame: tuple[float, float] | None,
    problems: Problems,
) -> Label | None:
    species = categories.get(_key(annotation.get("category_id")))
    if species is None:
        problems.add("annotations of categories that are not in the file", _name(annotation))
        return None
    box = None
    if annotation.get("bbox") not in (None, []):
        box = read_box(
            annotation["bbox"], frame=frame, problems=problems, where=_name(annotation), things="annotations"
        )
        if box is None:
            return None
    confidence = read_confidence(annotation.get("score"))
    return Label(species, box, confidence, species, of_event=annotation.get("sequence_level_annotation") is True)


def _read_photo(image: Mapping[str, Any], labels: tuple[Label, ...], problems: Problems) -> LabelledPhoto:
    stamp = image.get("datetime", image.get("date_captured"))
    captured_at = read_time(stamp)
    if captured_at is None and stamp:
        problems.add("images whose datetime is not valid", f"{image['file_name']}: {stamp}")
    return LabelledPhoto(
        file_name=image["file_name"],
        labels=labels,
        deployment=_text(image.get("location")),
        captured_at=captured_at,
        event_id=_text(image.get("seq_id")),
        split=_text(image.get("split")),
        frame=_read_frame(image),
    )


def _read_frame(image: Mapping[str, Any]) -> tuple[float, float] | None:
    width, height = image.get("width"), image.get("height")
    for side in (width, height):
        if isinstance(side, bool) or not isinstance(side, int | float) or not 0 < side < LONGEST_SIDE:
            return None
    return float(width), float(height)  # type: ignore[arg-type]  # both are numbers by now


def _key(value: object) -> Any:
    """The value if it can be an id, else ``None``."""
    return value if isinstance(value, str | int | float) and not isinstance(value, bool) else None


def _name(thing: object) -> str:
    return f"id {thing['id']}" if isinstance(thing, dict) and "id" in thing else str(thing)[:80]


def _text(value: object) -> str:
    return "" if value is None else str(value)
