"""What every reader of labels gives: photos by name, with what somebody or something saw in them."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.records import Box

EMPTY = "empty"
"""The species of a label that says that nothing is in the photo."""

RELATIVE_FRAME = (1.0, 1.0)
# Boxes that reach over the frame by less are rounded, not wrong: a pixel, or as much of a relative frame.
EDGE_TOLERANCE = 0.004
# Scaled copies have rounded sides.
SHAPE_TOLERANCE = 0.02

_NUMBER_TYPES = frozenset({int, float})
_EMPTY_NAMES = frozenset({"empty", "blank", "nothing", "none", "no animal", "no_animal"})


@dataclass(frozen=True, slots=True)
class Label:
    """One thing seen in a photo.

    ``box`` is in the units of its photo's ``frame``; without one the label is about the whole photo. ``species`` is
    who it is (empty: not said), ``detector_class`` what a detector took it for. Confidences are 0 to 1, or ``None``
    where the file has none: a person's label, for example. ``of_event``: said of a series of photos, not of this one.
    """

    species: str = ""
    box: Box | None = None
    confidence: float | None = None
    detector_class: str = ""
    species_confidence: float | None = None
    of_event: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether it says that nothing is there."""
        return self.species.casefold() in _EMPTY_NAMES


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo of a file of labels; ``file_name`` is as written there.

    ``frame`` is the photo's width and height in the units of the boxes: in pixels for COCO, 1 x 1 for relative boxes,
    ``None`` where the file does not say it and boxes are in pixels of the photo as it is.
    """

    file_name: str
    labels: tuple[Label, ...] = ()
    deployment: str = ""
    captured_at: datetime | None = None
    event_id: str = ""
    split: str = ""
    frame: tuple[float, float] | None = None

    def fits(self, *, width_px: int, height_px: int) -> bool:
        """Whether the boxes can be laid on a photo of this size: not where the frame is the photo on its side."""
        if self.frame is None or self.frame == RELATIVE_FRAME:
            return True
        shape = self.frame[0] / self.frame[1]
        as_it_is = math.isclose(shape, width_px / height_px, rel_tol=SHAPE_TOLERANCE)
        return as_it_is or not math.isclose(shape, height_px / width_px, rel_tol=SHAPE_TOLERANCE)

    def box_px(self, box: Box, *, width_px: int, height_px: int) -> Box | None:
        """A label's box in pixels of a photo of this size, cut at its edges; ``None`` if it lies outside."""
        width, height = self.frame or (width_px, height_px)
        scale_x, scale_y = width_px / width, height_px / height
        return clip_box(
            Box(box.x * scale_x, box.y * scale_y, box.width * scale_x, box.height * scale_y), (width_px, height_px)
        )


@dataclass(frozen=True, slots=True)
class LabelFile:
    """The photos of a file of labels, each name once, and what of the file could not be used, in sentences."""

    photos: tuple[LabelledPhoto, ...]
    problems: tuple[str, ...] = ()
    format_name: str = ""

    @property
    def n_boxes(self) -> int:
        """How many labels have a box."""
        return sum(label.box is not None for photo in self.photos for label in photo.labels)


@dataclass(slots=True)
class Problems:
    """Counts what cannot be used, by reason, and keeps the first case of each."""

    _counts: dict[str, int] = field(default_factory=dict)
    _first: dict[str, str] = field(default_factory=dict)

    def add(self, reason: str, first: object = "") -> None:
        """Count one case of ``reason`` ("annotations without a category")."""
        self._counts[reason] = self._counts.get(reason, 0) + 1
        self._first.setdefault(reason, str(first))

    def lines(self) -> tuple[str, ...]:
        """For example ``3 annotations of unknown photos (the first: 17)``."""
        return tuple(
            f"{count} {reason}" + (f" (the first: {self._first[reason]})" if self._first[reason] else "")
            for reason, count in self._counts.items()
        )


def clip_box(box: Box, frame: tuple[float, float]) -> Box | None:
    """The part of a box inside a frame of ``(width, height)``, or ``None`` where there is none."""
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, frame[0]), min(box.y + box.height, frame[1])
    if (left, top, right, bottom) == (box.x, box.y, box.x + box.width, box.y + box.height):
        return box
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def read_box(
    values: object, *, frame: tuple[float, float] | None, problems: Problems, where: object, things: str
) -> Box | None:
    """A box from ``[x, y, width, height]``, inside its frame; what is wrong with it is counted.

    Args:
        values: As it stands in the file.
        frame: Width and height in the same units, if known.
        problems: Counts boxes that are broken, outside or cut.
        where: Names the place for the first problem of a kind.
        things: What has the box, in the plural ("annotations").
    """
    numbers = _read_numbers(values)
    if numbers is None:
        problems.add(f"{things} whose box is not four numbers", where)
        return None
    box = Box(*numbers)
    if box.width <= 0 or box.height <= 0:
        problems.add(f"{things} whose box has no size", where)
        return None
    if frame is None:
        return box
    inside = clip_box(box, frame)
    if inside is box:
        return box
    if inside is None:
        problems.add(f"{things} whose box lies outside the photo", where)
        return None
    reach = max(
        -box.x / frame[0], -box.y / frame[1], (box.x + box.width) / frame[0] - 1, (box.y + box.height) / frame[1] - 1
    )
    if reach > EDGE_TOLERANCE:
        problems.add(f"{things} whose box reached over the photo's edge and was cut there", where)
    return inside


def read_confidence(value: object) -> float | None:
    """A number from 0 to 1, or ``None`` where there is none."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def merge_photos(photos: Iterable[LabelledPhoto], problems: Problems) -> tuple[LabelledPhoto, ...]:
    """Each name once: the labels of entries with the same name are put together, like ones once."""
    merged: dict[str, LabelledPhoto] = {}
    for photo in photos:
        earlier = merged.get(photo.file_name)
        if earlier is None:
            merged[photo.file_name] = photo
            continue
        problems.add("photos that the file names again; their labels were put together", photo.file_name)
        if photo.frame != earlier.frame and any(label.box for label in photo.labels):
            problems.add("photos named again with another size; the later entry was left out", photo.file_name)
            continue
        labels = tuple(dict.fromkeys(earlier.labels + photo.labels))
        merged[photo.file_name] = replace(earlier, labels=labels)
    return tuple(merged.values())


def _read_numbers(values: object) -> Sequence[float] | None:
    if not isinstance(values, list | tuple) or len(values) != 4:
        return None
    if not _NUMBER_TYPES.issuperset(map(type, values)):  # True is an int to isinstance
        return None
    try:
        numbers = [float(value) for value in values]
    except OverflowError:  # JSON has whole numbers of any length
        return None
    return numbers if all(map(math.isfinite, numbers)) else None
