"""A YOLO dataset, on which Ultralytics trains a detector. Format: docs.ultralytics.com/datasets/detect."""

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from core.disk.files import write_whole
from core.disk.json import parse_values
from core.errors import AnomalureError, PhotoUnreadable
from core.formats.account import Problems
from core.formats.labelled import LabelledPhoto
from core.formats.writing import new_folder, refuse_taken_folder
from core.labels.meeting import meet_photos
from core.labels.splits import hold_out_events
from core.photos.deployments import DeploymentNamer
from core.photos.events import group_events
from core.photos.reading import find_photos
from core.photos.source import PhotoSource
from core.records import PERSON, Photo
from core.settings.run import RunSettings
from core.species import is_person_name, read_species

ANIMAL = "animal"
VEHICLES = frozenset({"vehicle", "car", "truck", "bus", "motorcycle", "bicycle"})
SUMMARY = "summary.json"
TRAIN, VAL = "train", "val"
_VAL_NAMES = frozenset({"val", "valid", "validation"})


@dataclass(frozen=True)
class YoloDataset:
    """What was written: ``data.yaml`` inside ``folder``, photos and boxes of each split, and what was left out."""

    folder: Path
    class_names: tuple[str, ...]
    n_photos: dict[str, int]
    n_boxes: dict[str, int]
    problems: tuple[str, ...] = ()

    @property
    def plan(self) -> Path:
        """The file that Ultralytics is given."""
        return self.folder / "data.yaml"


@dataclass(frozen=True)
class _Usable:
    photo: Photo
    lines: tuple[tuple[str, float, float, float, float], ...]
    split: str
    event_id: str


def write_yolo_dataset(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    out_dir: Path,
    *,
    settings: RunSettings,
    by_species: bool = False,
    val_share: float = 0.2,
    seed: int = 0,
    file_problems: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> YoloDataset:
    """Write ``images/{train,val}``, ``labels/{train,val}`` and ``data.yaml`` from labelled photos.

    Photos that are labelled empty are written without boxes: a detector is trained on them, too. Photos whose
    labels have an animal without a box are left out, because the detector would be trained to miss it. If the labels
    say which photos are for validation, these are used; otherwise whole events are held out.

    Args:
        photos: Labels of any format.
        images_dir: The folder of photos.
        out_dir: A new or empty folder. It appears only when it is complete.
        settings: For the gap between events, the pattern of deployments and the largest photo.
        by_species: Whether each species is a class; else the only class is ``animal``, beside those of people and
            vehicles if the labels have any.
        val_share: Share of the photos for validation, over 0 and under 1.
        seed: Seed of the choice of events.
        file_problems: Problems of the label file, which are reported, too.
        on_progress: Called with the number of photos done and the total.

    Raises:
        AnomalureError: If nothing can be used, or the folder cannot be written.
    """
    if not 0 < val_share < 1:
        raise AnomalureError(f"The share of photos for validation must be over 0 and under 1, got {val_share:g}.")
    refuse_taken_folder(out_dir)
    problems = Problems()
    problems.quote(file_problems)
    usable = _find_usable(photos, images_dir, settings, by_species, problems, on_progress)
    n_boxes = sum(len(item.lines) for item in usable)
    if not n_boxes:
        raise AnomalureError("No photo has a box to train a detector on. " + "; ".join(problems.lines()))
    names = tuple(sorted({line[0] for item in usable for line in item.lines}))
    side = _choose_sides(usable, val_share=val_share, seed=seed)
    with new_folder(out_dir) as building:
        _write(usable, side, names, images_dir, building)
        boxes = {
            key: sum(len(item.lines) for item, where in zip(usable, side, strict=True) if where == key)
            for key in (TRAIN, VAL)
        }
        made = YoloDataset(out_dir, names, {key: side.count(key) for key in (TRAIN, VAL)}, boxes, problems.lines())
        summary = {"classes": names, "photos": made.n_photos, "boxes": boxes, "problems": made.problems}
        (building / SUMMARY).write_text(json.dumps(summary, ensure_ascii=False, indent=1), encoding="utf-8")
    return made


def read_yolo_dataset(folder: Path) -> YoloDataset:
    """Open a dataset that ``write_yolo_dataset`` wrote, for another training.

    The folder may have been in other hands, and Ultralytics runs what it finds in it: a ``download`` in ``data.yaml``,
    a pickle in the caches that it keeps of the labels. So the former is written anew, and the latter are removed.

    Raises:
        AnomalureError: If its description cannot be read, or the folder cannot be written to.
    """
    try:
        kept = parse_values((folder / SUMMARY).read_text(encoding="utf-8"))
        names = tuple(str(name) for name in kept["classes"])
        dataset = YoloDataset(folder, names, kept["photos"], kept["boxes"], tuple(kept["problems"]))
        for pattern in ("*.cache", "*.npy"):
            for cache in [path for path in folder.rglob(pattern) if not path.is_dir() or path.is_symlink()]:
                cache.unlink()
        _write_plan(dataset.class_names, folder)
        return dataset
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AnomalureError(f"{folder} is not a dataset that Anomalure wrote ({error}). Write it again.") from error


def _find_usable(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    settings: RunSettings,
    by_species: bool,
    problems: Problems,
    on_progress: Callable[[int, int], None],
) -> list[_Usable]:
    listing = find_photos(images_dir)
    ours = meet_photos(photos, listing.file_names, folder=images_dir, problems=problems)
    namer = DeploymentNamer(images_dir, pattern=settings.deployment_pattern, file_names=listing.file_names)
    source = PhotoSource(images_dir, list(ours.values()))
    found: list[tuple[LabelledPhoto, Photo]] = []
    seen: set[str] = set()
    for done, labelled in enumerate(photos, start=1):
        on_progress(done, len(photos))
        name = ours.get(labelled.file_name)
        if name is None:
            problems.add("photos that are not in the folder", labelled.file_name)
            continue
        try:
            photo = source.read(
                name, deployment=labelled.deployment or namer.name(name), max_megapixels=settings.max_megapixels
            ).photo
        except PhotoUnreadable as error:
            problems.add(f"photos that cannot be read: {error}".rstrip("."), labelled.file_name)
            continue
        if photo.photo_id in seen:
            problems.add("photos with the same content as another one", labelled.file_name)
        elif labelled.is_incomplete:
            problems.add("photos with a label that cannot be used", labelled.file_name)
        elif not labelled.labels:
            problems.add("photos without any label", labelled.file_name)
        elif not labelled.fits(width_px=photo.width_px, height_px=photo.height_px):
            problems.add("photos whose boxes were drawn on the photo turned on its side", labelled.file_name)
        else:
            seen.add(photo.photo_id)
            found.append((labelled, photo))
    events = group_events(
        [photo.deployment for _, photo in found],
        [labelled.captured_at or photo.captured_at for labelled, photo in found],
        gap_s=settings.event_gap_s,
    )
    events = [
        # They may be of one burst, which must not stand on both sides.
        f"times not read, {photo.deployment}" if labelled.has_unread_time and photo.captured_at is None else event
        for (labelled, photo), event in zip(found, events, strict=True)
    ]
    usable = []
    for (labelled, photo), event in zip(found, events, strict=True):
        lines = _read_boxes(labelled, photo, by_species=by_species, settings=settings, problems=problems)
        if lines is not None:
            usable.append(_Usable(photo, lines, labelled.split.casefold(), labelled.event_id or str(event)))
    return usable


def _read_boxes(
    labelled: LabelledPhoto, photo: Photo, *, by_species: bool, settings: RunSettings, problems: Problems
) -> tuple[tuple[str, float, float, float, float], ...] | None:
    """Class and relative centre and size of each box; None if the photo must not be used for training."""
    if labelled.unboxed:
        problems.add("photos with an animal that has no box", labelled.file_name)
        return None
    lines = []
    kept: set[str] = set()
    unsure: set[str] = set()
    for label in labelled.labels:
        if label.is_empty or label.box is None:
            continue
        if label.confidence is not None and label.confidence < settings.min_confidence:
            problems.add(f"boxes under the least confidence of {settings.min_confidence:g}", labelled.file_name)
            unsure.add(label.species)
            continue
        said = label.species or read_species(label.detector_class)
        # A detector that is trained to call people animals would never tell them apart.
        name = said if by_species else PERSON if is_person_name(said) else said if said in VEHICLES else ANIMAL
        box = labelled.box_px(label.box, width_px=photo.width_px, height_px=photo.height_px)
        if not name:
            problems.add("photos with a box that has no species", labelled.file_name)
            return None
        if box is None:
            problems.add("boxes outside their photo", labelled.file_name)
            continue
        kept.add(label.species)
        lines.append(
            (
                name,
                (box.x + box.width / 2) / photo.width_px,
                (box.y + box.height / 2) / photo.height_px,
                box.width / photo.width_px,
                box.height / photo.height_px,
            )
        )
    if unsure - kept - {""}:  # somebody named the animal, and without the box the photo would look empty
        problems.add("photos with an animal that has no box", labelled.file_name)
        return None
    return tuple(lines)


def _choose_sides(usable: Sequence[_Usable], *, val_share: float, seed: int) -> list[str]:
    said = [item.split in _VAL_NAMES for item in usable]
    if any(said) and not all(said):
        return [VAL if held else TRAIN for held in said]
    if len({item.event_id for item in usable}) < 2:
        raise AnomalureError(
            "The labelled photos are all of one event. A detector cannot be trained and validated on the same burst. "
            "Add photos of other moments, or make the gap between events smaller."
        )
    held = hold_out_events([item.event_id for item in usable], share=val_share, seed=seed)
    sides = [VAL if one else TRAIN for one in held]
    if not any(item.lines for item, side in zip(usable, sides, strict=True) if side == TRAIN):
        raise AnomalureError("All boxes are in the photos held out for validation, because there are too few events.")
    return sides


def _write(usable: Sequence[_Usable], sides: Sequence[str], names: Sequence[str], images_dir: Path, out: Path) -> None:
    number_of = {name: number for number, name in enumerate(names)}
    for side in (TRAIN, VAL):
        (out / "images" / side).mkdir(parents=True)
        (out / "labels" / side).mkdir(parents=True)
    for item, side in zip(usable, sides, strict=True):
        # Named by content, because photos of two cameras may have the same file name.
        suffix = Path(item.photo.file_name).suffix.lower()
        shutil.copyfile(images_dir / item.photo.file_name, out / "images" / side / f"{item.photo.photo_id}{suffix}")
        text = "".join(f"{number_of[name]} {x:.6f} {y:.6f} {w:.6f} {h:.6f}\n" for name, x, y, w, h in item.lines)
        (out / "labels" / side / f"{item.photo.photo_id}.txt").write_text(text, encoding="utf-8")
    _write_plan(names, out)


def _write_plan(names: Sequence[str], out: Path) -> None:
    # Without a path Ultralytics uses the folder of this file, so the dataset can be moved.
    plan = {"train": f"images/{TRAIN}", "val": f"images/{VAL}", "names": dict(enumerate(names))}
    text = yaml.safe_dump(plan, allow_unicode=True, sort_keys=False)
    write_whole(out / "data.yaml", text.encode())  # a link of that name is replaced, not followed
