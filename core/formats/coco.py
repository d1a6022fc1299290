"""COCO and COCO Camera Traps JSON. Format: cocodataset.org, and lila.science/coco-camera-traps."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from core.disk.text import describe_json, read_json
from core.errors import FileFormatError
from core.formats.account import BOX, COUNT, MOST_ANIMALS, OF, PHOTO, SPECIES, TIME, Problems, Reading
from core.formats.exported import MOST_LIKE_COLUMN, Row, has_box, name_species, rows_by_photo, set_utc
from core.formats.labelled import (
    CORNERS,
    RELATIVE_FRAME,
    Label,
    LabelFile,
    LabelledPhoto,
    are_shares,
    make_label_file,
    may_be_corners,
    read_box,
    read_confidence,
    read_four,
)
from core.formats.outlines import find_extent
from core.formats.photo_names import ChosenName, WrittenName, read_name, tell_apart
from core.formats.tables.cells import read_times
from core.formats.writing import open_new
from core.photos.matching import normalise_name
from core.species import read_species

FORMAT_NAME = "COCO"
KEYS = ("images", "annotations", "categories")
LONGEST_SIDE = 1e9
SPOOL_BYTES = 32_000_000
_USED = {
    "images": {
        "id": PHOTO,
        "file_name": PHOTO,
        "datetime": TIME,
        "date_captured": TIME,
        "location": "deployment",
        "seq_id": "event",
        "split": "split",
        "width": "size of the photo",
        "height": "size of the photo",
    },
    "annotations": {
        "image_id": PHOTO,
        "category_id": SPECIES,
        "bbox": BOX,
        "count": COUNT,
        "score": "confidence of the box",
        "sequence_level_annotation": "whether it is about an event",
    },
    "categories": {"id": SPECIES, "name": SPECIES},
}
_JUDGED = ("score", "p_value", "flagged", "verdict", "note", "reviewer", "run", "bundle", MOST_LIKE_COLUMN)
_EXPECTED = "a COCO file: a JSON object with the lists images, annotations and categories"


def read_coco(path: Path) -> LabelFile:
    """The photos and labels of a COCO file; boxes are in pixels of the size that the file gives, or in shares of
    the photo if all of them are. An annotation without a box has the extent of its outline (``segmentation``).

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
        raise FileFormatError(f"{source}: expected {_EXPECTED}; got {describe_json(content)}.")
    problems = Reading(things="annotations", n_entries=len(content["annotations"]))
    for key in KEYS:
        for one in content[key]:
            problems.see_keys(one, of=key, used=_USED[key])
    for key, value in content.items():
        if key not in KEYS:
            problems.see(key, value)
    categories = _read_categories(content["categories"], problems)
    images, unclear = _read_images(content["images"], problems)
    if content["images"] and not images and not unclear:
        raise FileFormatError(f"{source}: none of its {len(content['images'])} images has an id and a file_name.")
    annotations = [_read_annotation(one, images, unclear, problems) for one in content["annotations"]]
    if may_be_corners([one.box for one in annotations if one is not None and one.box is not None]):
        problems.warn(CORNERS)
    shares = are_shares([one.box for one in annotations if one is not None and one.box is not None])
    labels: dict[Any, list[Label]] = defaultdict(list)
    incomplete: set[Any] = set()
    for one in annotations:
        if one is None:
            continue
        label = _read_label(one, categories, frame=_read_frame(images[one.image_id]), shares=shares, problems=problems)
        if label is None:
            incomplete.add(one.image_id)
        else:
            labels[one.image_id].append(label)
    stamps = [image.get("datetime") or image.get("date_captured") for image in images.values()]
    names = [image["file_name"] for image in images.values()]
    times = read_times(
        stamps, problems=problems, things="images", where=lambda i: names[i], columns=["images[].datetime"]
    )
    chosen = _tell_apart(images.values())
    photos = [
        LabelledPhoto(
            file_name=name.file_name,
            n_sure_folders=name.n_sure_folders,
            labels=tuple(labels[key]),
            deployment=_text(image.get("location")),
            captured_at=time,
            event_id=_text(image.get("seq_id")),
            split=_text(image.get("split")),
            frame=RELATIVE_FRAME if shares else _read_frame(image),
            is_incomplete=key in incomplete,
            has_unread_time=bool(stamp) and time is None,
        )
        for (key, image), name, stamp, time in zip(images.items(), chosen, stamps, times, strict=True)
    ]
    photos += [LabelledPhoto(read_name(name), is_incomplete=True) for names in unclear.values() for name in names]
    return make_label_file(photos, problems, format_name=FORMAT_NAME)


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


def _read_images(
    images: list[Any], problems: Problems
) -> tuple[dict[Any, Mapping[str, Any]], dict[Any, tuple[str, ...]]]:
    """The images by their id, and the names of those that share an id: nobody can tell whose its annotations are."""
    found: dict[Any, Mapping[str, Any]] = {}
    names: dict[Any, dict[str, None]] = defaultdict(dict)
    for image in images:
        if not isinstance(image, dict) or not isinstance(image.get("file_name"), str) or not image["file_name"].strip():
            problems.add("images without a file_name", _name(image))
        elif _key(image.get("id")) is None:
            problems.add("images without an id", image["file_name"])
        else:
            names[image["id"]][image["file_name"]] = None
            found.setdefault(image["id"], image)
    unclear = {key: tuple(several) for key, several in names.items() if len(several) > 1}
    for key, several in unclear.items():
        del found[key]
        for name in several:
            problems.add("images whose id another image has, so that their annotations were left out", name)
    return found, unclear


def _tell_apart(images: Iterable[Mapping[str, Any]]) -> list[ChosenName]:
    """The name of each image. Of several with one bare name, each is looked for in the folder of its location."""
    written = [
        WrittenName(name, "" if "/" in normalise_name(name) else normalise_name(_text(image.get("location"))))
        for image in images
        for name in [read_name(image["file_name"])]
    ]
    each_once = list(dict.fromkeys(written))
    chosen = dict(zip(each_once, tell_apart(each_once), strict=True))
    return [chosen[name] or ChosenName(name.name) for name in written]


@dataclass(frozen=True, slots=True)
class _Annotation:
    """An annotation with the four numbers of its box, or of the extent of its outline; ``None`` without any."""

    image_id: Any
    values: Mapping[str, Any]
    box: tuple[float, float, float, float] | None


def _read_annotation(
    annotation: object,
    images: Mapping[Any, Mapping[str, Any]],
    unclear: Mapping[Any, tuple[str, ...]],
    problems: Reading,
) -> _Annotation | None:
    if not isinstance(annotation, dict):
        problems.add("annotations that are not objects", str(annotation)[:80], entries=1)
        return None
    image_id = _key(annotation.get("image_id"))
    if image_id in unclear:
        problems.add("annotations of an id that several images have", _name(annotation), entries=1)
        return None
    if image_id not in images:
        problems.add("annotations of images that are not in the file", _name(annotation), entries=1)
        return None
    numbers = read_four(annotation.get("bbox"))
    if numbers is None or numbers[2] <= 0 or numbers[3] <= 0:
        extent = find_extent(annotation.get("segmentation"))
        if extent is not None:
            problems.use(f"annotations{OF}segmentation", BOX)
        elif numbers is None and annotation.get("segmentation"):
            problems.add("annotations whose outline cannot be read, so that they have no box", _name(annotation))
            problems.excuse([f"annotations{OF}segmentation"])
        numbers = extent or numbers
    return _Annotation(image_id, annotation, numbers)


def _read_label(
    annotation: _Annotation,
    categories: Mapping[Any, str],
    *,
    frame: tuple[float, float] | None,
    shares: bool,
    problems: Reading,
) -> Label | None:
    values, name = annotation.values, _name(annotation.values)
    written = categories.get(_key(values.get("category_id")))
    if written is None:
        problems.add("annotations of categories that are not in the file", name, entries=1)
        return None
    box = None
    if values.get("bbox") not in (None, []) or annotation.box is not None:
        numbers = list(annotation.box) if annotation.box is not None else values.get("bbox")
        if not shares and annotation.box is not None and 0 < annotation.box[2] < 1 and 0 < annotation.box[3] < 1:
            problems.add("annotations whose box is smaller than a pixel, among others in pixels", name, entries=1)
            return None
        box = read_box(
            numbers, frame=RELATIVE_FRAME if shares else frame, problems=problems, where=name, things="annotations"
        )
        if box is None:
            return None
    species = problems.name(written, read_species(written))
    count = values.get("count")
    count = min(count, MOST_ANIMALS) if isinstance(count, int) and count > 0 else 1
    of_event = values.get("sequence_level_annotation") is True
    confidence = read_confidence(values.get("score"))
    return Label(species, box, confidence, species, of_event=of_event, count=count)


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
