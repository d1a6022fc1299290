"""Which crops of a run a file of classifications speaks of: by photo and overlap, or of a photo as a whole."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from core.disk.parquet import read_parquet
from core.errors import FileFormatError
from core.formats.account import Problems
from core.formats.classifiers.classified import ClassificationFile, ClassifiedPhoto, Said
from core.formats.classifiers.rolling_up import Decided, decide_name
from core.labels.meeting import meet_photos
from core.labels.overlaps import find_shown_box
from core.records import Box, CropKind
from core.runs.folder import RunFolder
from core.species import is_person_name, is_thing_name


@dataclass
class Meeting:
    """The photos of a file of classifications by their names in the folder, and what did not meet."""

    photos: dict[str, ClassifiedPhoto]
    only_in_file: tuple[str, ...]
    only_in_folder: tuple[str, ...]
    problems: tuple[str, ...] = ()


@dataclass
class Matched:
    """What is said of the crops, by their id, and how many crops there are of each case."""

    said: dict[str, Said] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


BY_BOX = "crops matched by their box"
BY_PHOTO = "crops that have the class of their photo"
SHARED = "crops that share the class of their photo with others"
UNDECIDED = "crops undecided: the class is of the whole photo, which has several animals"
NOT_MATCHED = "crops that no box of the file shows"
NOT_ANIMALS = "crops that the detector calls people or things, which got no class"
WITHOUT_ROW = "crops of photos without a row in the file"


def meet_folder(file: ClassificationFile, names: Sequence[str], *, folder: Path, source: str) -> Meeting:
    """Find the photos of a file in a folder.

    Args:
        file: What was read.
        names: The photos of the run, relative to ``folder``.
        folder: Where they are.
        source: The file's name, for an error.

    Raises:
        FileFormatError: If none of them is in the folder.
        AnomalureError: If a name could be two photos.
    """
    problems = Problems()
    met = meet_photos(file.list_names(), names, folder=folder, problems=problems)
    if not met:
        raise FileFormatError(
            f"None of the {len(file.photos)} photos in {source} is among the {len(names)} in {folder}: the file says "
            f"{file.photos[0].file_name}, the folder has {names[0] if names else 'no photo'}. Choose the folder that "
            "the file was made for."
        )
    photos = {met[photo.file_name]: photo for photo in file.photos if photo.file_name in met}
    return Meeting(
        photos,
        tuple(photo.file_name for photo in file.photos if photo.file_name not in met),
        tuple(name for name in names if name not in photos),
        problems.lines(),
    )


def match_crops(run: RunFolder, photos: Mapping[str, ClassifiedPhoto]) -> Matched:
    """What the file says of each crop of the finished shards; ``photos`` by their names in the run's folder."""
    matched = Matched()
    copies = _find_copies(run)
    for photo, crops in _list_photos(run):
        names = (photo["file_name"], *copies.get(photo["file_name"], ()))
        found = next((photos[name] for name in names if name in photos), None)
        if found is None:
            matched.counts[WITHOUT_ROW] += len(crops)
        else:
            _match_photo(found, photo, crops, matched)
    return matched


def decide_names(
    matched: Matched, *, level: str, least_score: float, own_names: Mapping[str, str]
) -> dict[str, Decided]:
    """The name of each crop that something is said of (``decide_name``); equal sayings are decided once."""
    known: dict[Said, Decided] = {}
    for said in matched.said.values():
        if said not in known:
            known[said] = decide_name(said, level=level, least_score=least_score, own_names=own_names)
    return {crop_id: known[said] for crop_id, said in matched.said.items()}


def _find_copies(run: RunFolder) -> dict[str, list[str]]:
    """The names of copies of each photo: a file may name any of them."""
    copies: dict[str, list[str]] = {}
    for path in run.tables("photos"):
        table = read_parquet(path, columns=["file_name", "duplicate_of"]).to_pydict()
        for name, first in zip(table["file_name"], table["duplicate_of"], strict=True):
            if first is not None:
                copies.setdefault(first, []).append(name)
    return copies


def _list_photos(run: RunFolder) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    columns = ["photo_id", "file_name", "width_px", "height_px", "duplicate_of"]
    for photos, crops in zip(run.tables("photos"), run.tables("crops"), strict=True):
        of_photo: dict[str, list[dict[str, Any]]] = {}
        for crop in read_parquet(crops).to_pylist():
            of_photo.setdefault(crop["photo_id"], []).append(crop)
        for photo in read_parquet(photos, columns=columns).to_pylist():
            if photo["duplicate_of"] is None:
                yield photo, of_photo.get(photo["photo_id"], [])


def _match_photo(
    found: ClassifiedPhoto, photo: Mapping[str, Any], crops: Sequence[Mapping[str, Any]], matched: Matched
) -> None:
    width, height = photo["width_px"], photo["height_px"]
    pairs = [(_scale(box, width, height), said) for box, said in found.boxes]
    animals = [_scale(box, width, height) for box in found.animals]
    left = []
    for crop in crops:
        if crop["kind"] == CropKind.DETECTION and is_no_animal(crop["detector_class"] or ""):
            matched.counts[NOT_ANIMALS] += 1
            continue
        place = Box(crop["x"], crop["y"], crop["width"], crop["height"])
        nth = find_shown_box(place, [box for box, _ in pairs]) if crop["kind"] == CropKind.DETECTION else None
        if nth is not None:
            matched.said[crop["crop_id"]] = pairs[nth][1]
            matched.counts[BY_BOX] += 1
        else:
            left.append((crop["crop_id"], place, crop["kind"]))
    if found.whole is None:
        matched.counts[NOT_MATCHED] += len(left)
    elif animals and len(left) > 1:
        for crop_id, place, _ in left:
            is_shown = find_shown_box(place, animals) is not None
            matched.counts[SHARED if is_shown else NOT_MATCHED] += 1
            if is_shown:
                matched.said[crop_id] = found.whole
    elif len(left) == 1:
        matched.said[left[0][0]] = found.whole
        matched.counts[BY_PHOTO] += 1
    else:
        matched.counts[UNDECIDED] += len(left)


def _scale(box: Box, width: int, height: int) -> Box:
    return Box(box.x * width, box.y * height, box.width * width, box.height * height)


def is_no_animal(name: str) -> bool:
    """Whether a detector's class means people or a thing, of which a classifier of animals says nothing."""
    return is_person_name(name) or is_thing_name(name)
