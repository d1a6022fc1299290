"""The result of every reader of labels: photos by name, with the labels that a person or a program gave them."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from core.formats.account import LabelAccount, Problems, Reading, quote_names
from core.records import Box
from core.species import (
    drop_counts,
    find_alike,
    fold_name,
    fold_species,
    is_counted,
    is_empty_name,
    is_person_name,
    is_thing_name,
    may_be_no_animal,
)

RELATIVE_FRAME = (1.0, 1.0)
# Boxes that extend over the frame by less were rounded and are not wrong: a pixel, or this share of the frame.
EDGE_TOLERANCE = 0.004
# The sides of scaled copies are rounded.
SHAPE_TOLERANCE = 0.02

KINDS = (
    "boxes of animals",
    "whole photos of animals",
    "whole photos without a species",
    "series of photos with animals",
    "empty photos",
    "people and things",
    "photos without a label",
)
SEVERAL_OF_ONE_NAME = (
    "entries of a name that several photos have (other times, events or cameras), so that their labels were left out; "
    "names with folders tell them apart"
)

_FEW_BOXES = 5
_MOST_WORDS = 6
CORNERS = (
    "the boxes were read as left, top, width and height, and may be two corners: each is wider than it is from the left"
)

_NUMBER_TYPES = frozenset({int, float})


@dataclass(frozen=True, slots=True)
class Label:
    """One label of a photo.

    ``box`` is in the units of its photo's ``frame``; without one the label is about the whole photo. ``species`` is
    empty if the file gives none; ``detector_class`` comes from a detector. Confidences are 0 to 1, or ``None`` if the
    file has none, for example for a person's label. ``of_event``: the label is about a series of photos. ``count``: how
    many animals it is about, where the file says so; labels that differ in nothing else are one.
    """

    species: str = ""
    box: Box | None = None
    confidence: float | None = None
    detector_class: str = ""
    species_confidence: float | None = None
    of_event: bool = False
    count: int = field(default=1, compare=False)

    @property
    def is_empty(self) -> bool:
        """Whether it says that the photo is empty."""
        return is_empty_name(self.species)


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """A photo of a file of labels; ``file_name`` is as written there.

    ``frame`` is the photo's width and height in the units of the boxes: in pixels for COCO, 1 x 1 for relative boxes,
    ``None`` if the file does not give the size and boxes are in pixels of the photo itself.

    ``other_names`` are names that the photo may have on the disk, if none has ``file_name``. ``n_sure_folders`` is how
    many folders above the file must be those of the photo: cameras use the same numbers, so a table with a column of
    folders never means a photo in another one. ``is_incomplete``: something that the file says of the photo could not
    be used, so what has no label may still be an animal. ``has_unread_time``: the file gives a time that was not read.
    ``is_several``: the name stands for several photos of the file, so what is said of them was left out.
    """

    file_name: str
    labels: tuple[Label, ...] = ()
    deployment: str = ""
    captured_at: datetime | None = None
    event_id: str = ""
    split: str = ""
    frame: tuple[float, float] | None = None
    other_names: tuple[str, ...] = ()
    n_sure_folders: int = 0
    is_incomplete: bool = False
    has_unread_time: bool = False
    is_several: bool = False

    @property
    def is_empty(self) -> bool:
        """Whether all that is said of the photo is that no animal is in it."""
        return bool(self.labels) and not self.is_incomplete and all(label.is_empty for label in self.labels)

    @property
    def unboxed(self) -> tuple[Label, ...]:
        """The labels of animals without a box. A label of a species that also has a box is about the boxed animals."""
        boxed = {label.species for label in self.labels if label.box is not None}
        return tuple(
            label for label in self.labels if label.box is None and not label.is_empty and label.species not in boxed
        )

    def fits(self, *, width_px: int, height_px: int) -> bool:
        """Whether the boxes fit a photo of this size. Not if they were drawn on the photo turned on its side."""
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
    """The photos of a file of labels, each name once, and sentences about what could not be used.

    Every reader gives an account of what it used; there are two where the boxes and the species are from two files.
    """

    photos: tuple[LabelledPhoto, ...]
    problems: tuple[str, ...] = ()
    format_name: str = ""
    accounts: tuple[LabelAccount, ...] = ()

    @property
    def n_boxes(self) -> int:
        """Number of labels with a box."""
        return sum(label.box is not None for photo in self.photos for label in photo.labels)


def clip_box(box: Box, frame: tuple[float, float]) -> Box | None:
    """The part of a box inside a frame of ``(width, height)``, or ``None`` if it is outside."""
    left, top = max(box.x, 0.0), max(box.y, 0.0)
    right, bottom = min(box.x + box.width, frame[0]), min(box.y + box.height, frame[1])
    if (left, top, right, bottom) == (box.x, box.y, box.x + box.width, box.y + box.height):
        return box
    return Box(left, top, right - left, bottom - top) if right > left and bottom > top else None


def read_box(
    values: object, *, frame: tuple[float, float] | None, problems: Problems, where: object, things: str
) -> Box | None:
    """A box from ``[x, y, width, height]``, cut at its frame. If something is wrong with it, that is counted.

    Args:
        values: The box as it is in the file.
        frame: Width and height in the same units, if known.
        problems: Counts boxes that are broken, outside or cut.
        where: What to name if this is the first case of a problem.
        things: What has boxes in this format, in the plural ("annotations").
    """
    numbers = read_four(values)
    if numbers is None:
        problems.add(f"{things} whose box is not four numbers", where, entries=1)
        return None
    box = Box(*numbers)
    if box.width <= 0 or box.height <= 0:
        problems.add(f"{things} whose box has no size", where, entries=1)
        return None
    if frame is None:
        return box
    inside = clip_box(box, frame)
    if inside is box:
        return box
    if inside is None:
        problems.add(f"{things} whose box lies outside the photo", where, entries=1)
        return None
    reach = max(
        -box.x / frame[0], -box.y / frame[1], (box.x + box.width) / frame[0] - 1, (box.y + box.height) / frame[1] - 1
    )
    if reach > EDGE_TOLERANCE:
        problems.add(f"{things} whose box extended over the photo's edge and was cut there", where)
    return inside


def are_shares(boxes: Sequence[Sequence[float]]) -> bool:
    """Whether all boxes of a file are in shares of the photo: a box in pixels is not under one pixel large."""
    most = 1 + EDGE_TOLERANCE
    return bool(boxes) and all(
        min(x, y) >= -EDGE_TOLERANCE
        and 0 <= width <= most
        and 0 <= height <= most
        and max(x + width, y + height) <= most
        for x, y, width, height in boxes
    )


def read_confidence(value: object) -> float | None:
    """The value as a number from 0 to 1, or ``None`` if it is not one."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        return None
    return float(value)


def make_label_file(photos: Iterable[LabelledPhoto], reading: Reading, *, format_name: str) -> LabelFile:
    """The result of a reader: each photo once, and each species in one spelling (``core.species``)."""
    merged = merge_photos(photos, reading)
    written = [label.species for photo in merged for label in photo.labels]
    spellings = fold_species(written)
    spelled = iter(spellings)
    photos = tuple(
        replace(photo, labels=tuple(replace(label, species=next(spelled)) for label in photo.labels))
        for photo in merged
    )
    _warn_of_names(photos, reading)
    account = reading.account(
        format_name=format_name,
        labels=count_kinds(photos),
        n_photos=len(photos),
        spelled=dict(zip(written, spellings, strict=True)),
    )
    return LabelFile(photos, (*account.warnings, *reading.lines()), format_name, (account,))


def _warn_of_names(photos: Sequence[LabelledPhoto], reading: Reading) -> None:
    """Warn of names that may be no species, and of photos that are called empty and have an animal."""
    for photo in photos:
        whole = [label for label in photo.labels if label.box is None]
        if any(label.is_empty for label in whole) and any(
            not label.is_empty and (label.species or label.box is not None) for label in photo.labels
        ):
            reading.add("photos that are called empty and have something in another entry", photo.file_name)
    names = {label.species for photo in photos for label in photo.labels if label.species}
    odd = sorted(name for name in names if may_be_no_animal(name))
    if odd:
        reading.warn(f"{quote_names(odd)} {'is' if len(odd) == 1 else 'are'} taken as species")
    folded = {fold_name(name) for name in names}
    bare = Counter(drop_counts(name) for name in folded)
    counted = sorted(
        name
        for name in names
        if drop_counts(name) != fold_name(name)
        and (drop_counts(name) in folded or (bare[drop_counts(name)] > 1 and is_counted(name)))
    )
    if counted:
        reading.warn(
            f"{quote_names(counted)} {'is a species of its own' if len(counted) == 1 else 'are species of their own'} "
            "here: counts, doubts, sex and age belong in columns of their own"
        )
    notes = sorted(name for name in names if len(name.split()) > _MOST_WORDS)
    if notes:
        reading.warn(f"{quote_names(notes)} {'is' if len(notes) == 1 else 'are'} taken as species, and may be notes")
    alike = find_alike(names)
    if alike:
        shown = [f"{one} and {other}" for one, other in alike]
        reading.warn(f"species that are spelled almost alike are species of their own: {quote_names(shown)}")


def may_be_corners(boxes: Sequence[Sequence[float]]) -> bool:
    """Whether boxes of left, top, width and height may be of two corners: all are wider than they are from the left."""
    n_different = len({tuple(box) for box in boxes})
    return n_different >= _FEW_BOXES and all(width > x and height > y for x, y, width, height in boxes)


def count_kinds(photos: Iterable[LabelledPhoto]) -> dict[str, int]:
    """The number of labels by what they are about, of photos by whether they have any."""
    counts = dict.fromkeys(KINDS, 0)
    for photo in photos:
        counts["photos without a label"] += not photo.labels
        for label in photo.labels:
            if label.is_empty:
                kind = "empty photos"
            elif any(is_person_name(name) or is_thing_name(name) for name in (label.species, label.detector_class)):
                kind = "people and things"
            elif label.box is not None:
                kind = "boxes of animals"
            elif not label.species:
                kind = "whole photos without a species"
            else:
                kind = "series of photos with animals" if label.of_event else "whole photos of animals"
            counts[kind] += 1
    return counts


def may_be_several(name: str, facts: Iterable[tuple[datetime | None, str, str]]) -> bool:
    """Whether entries with one bare name are of several photos: cameras use the same numbers.

    Args:
        name: As the file has it. A path with folders is one photo.
        facts: Each entry's time, event and deployment, as far as they are known.
    """
    if "/" in name or "\\" in name:
        return False
    return any(len({fact for fact in of_one_kind if fact}) > 1 for of_one_kind in zip(*facts, strict=True))


def merge_photos(photos: Iterable[LabelledPhoto], problems: Problems) -> tuple[LabelledPhoto, ...]:
    """Merge entries with the same name: their labels are put together, and equal labels are kept once.

    Entries with one bare name that are of other times, events or deployments may be of several photos. Nobody can tell
    which of them the one on the disk is, so their labels are left out and counted.
    """
    merged: dict[str, LabelledPhoto] = {}
    for photo in photos:
        earlier = merged.get(photo.file_name)
        if earlier is None:
            merged[photo.file_name] = photo
            continue
        facts = [(one.captured_at, one.event_id, one.deployment) for one in (earlier, photo)]
        if earlier.is_several or may_be_several(photo.file_name, facts):
            problems.add(SEVERAL_OF_ONE_NAME, photo.file_name, entries=len(earlier.labels) + len(photo.labels))
            merged[photo.file_name] = replace(earlier, labels=(), is_incomplete=True, is_several=True)
            continue
        problems.add("photos that the file names again; their labels were put together", photo.file_name)
        if photo.frame != earlier.frame and any(label.box for label in photo.labels):
            problems.add(
                "photos named again with another size; the later entry was left out",
                photo.file_name,
                entries=len(photo.labels),
            )
            merged[photo.file_name] = replace(earlier, is_incomplete=True)
            continue
        merged[photo.file_name] = replace(
            earlier,
            labels=tuple(dict.fromkeys(earlier.labels + photo.labels)),
            is_incomplete=earlier.is_incomplete or photo.is_incomplete,
        )
    return tuple(merged.values())


def read_four(values: object) -> tuple[float, float, float, float] | None:
    """A list of four finite numbers, or ``None`` if it is not one."""
    if not isinstance(values, list | tuple) or len(values) != 4:
        return None
    if not _NUMBER_TYPES.issuperset(map(type, values)):  # isinstance counts True as an int
        return None
    try:
        a, b, c, d = (float(value) for value in values)
    except OverflowError:  # integers in JSON can be too large for a float
        return None
    return (a, b, c, d) if all(map(math.isfinite, (a, b, c, d))) else None
