"""Chooses the crops of a comparison by the labels and the photos' times, before a photo is decoded."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from core.errors import AnomalureError
from core.formats.account import Problems
from core.formats.labelled import Label, LabelledPhoto
from core.labels.crops import READERS, LabelledCrops
from core.labels.meeting import meet_photos
from core.photos.deployments import DeploymentNamer
from core.photos.reading import find_photos, read_captured_at
from core.records import NOTHING, PERSON, Box, Crop, CropKind
from core.settings.run import RunSettings
from core.species import fold_name
from core.store.people import PEOPLE_CLASSES
from models.comparison.scoring import LEAST_CROPS, LEAST_GROUPS, choose_unknown, limit_crops

LEAST_SPECIES = 2
NO_ANIMAL = ("", NOTHING, PERSON)


@dataclass(frozen=True)
class Chosen:
    """What a comparison uses.

    ``photos`` have the names of the folder, their event, and only labels that are used or cannot be used for another
    reason. ``n_not_drawn`` crops are not used because their species has more than enough.
    """

    photos: list[LabelledPhoto]
    n_not_drawn: int
    problems: Problems


def choose_crops(
    photos: Sequence[LabelledPhoto],
    images: Path,
    *,
    settings: RunSettings,
    most: int,
    seed: int = 0,
    check: Callable[[], None] = lambda: None,
) -> Chosen:
    """Choose the labelled boxes to compare encoders on, and refuse if they are too few.

    Where the labels give neither events nor times, the times are read from the heads of the files. What only the
    whole photo can tell, such as a box outside it, is found out later.

    Args:
        photos: From a file of labels.
        images: The folder of the photos.
        settings: For the least confidence, the pattern of deployments and the gap between events.
        most: Crops of a species that are used at most, drawn by whole events.
        seed: Of the draw.
        check: Called for each photo that is looked into; may raise to stop.

    Raises:
        AnomalureError: If fewer than two species have enough crops and events.
    """
    problems = Problems()
    listing = find_photos(images)
    ours = meet_photos(photos, listing.file_names, folder=images, problems=problems)
    namer = DeploymentNamer(images, pattern=settings.deployment_pattern, file_names=listing.file_names)
    met = []
    for photo in photos:
        if photo.file_name in ours:
            met.append(photo)
        else:
            problems.add("photos that are not in the folder", photo.file_name)
    if not met:
        raise AnomalureError(
            f"None of the {len(photos)} labelled photos is in {images}: the labels say {photos[0].file_name}, the "
            f"folder has {listing.file_names[0]}. Choose the folder that the labels are for."
        )
    times = _read_times(met, images, ours, check)
    found = LabelledCrops()
    labels: list[tuple[int, Label]] = []
    for i, (photo, time) in enumerate(zip(met, times, strict=True)):
        name = ours[photo.file_name]
        usable = [label for label in photo.labels if _is_animal(label, settings)]
        if not usable:
            problems.add("photos without a box of an animal", photo.file_name)
        found.deployment_of[name] = photo.deployment or namer.name(name)
        found.captured_at_of[name] = time
        found.unread_time_of[name] = photo.has_unread_time
        found.event_of[name] = photo.event_id
        for label in usable:
            found.crops.append(Crop(name, name, CropKind.DETECTION, label.box or Box(0.0, 0.0, 0.0, 0.0)))
            found.species.append(label.species)
            labels.append((i, label))
    groups = found.groups(gap_s=settings.event_gap_s)
    used = limit_crops(found.species, groups.tolist(), most=most, seed=seed)
    check_enough(np.array(found.species, dtype=object)[used], groups[used])
    left_out: dict[int, list[Label]] = {}
    kept: dict[int, str] = {}
    for (i, label), group, is_used in zip(labels, groups, used, strict=True):
        if is_used:
            kept[i] = str(group)
        else:
            left_out.setdefault(i, []).append(label)
    chosen = [
        replace(
            met[i],
            file_name=ours[met[i].file_name],
            other_names=(),
            n_sure_folders=0,
            labels=tuple(label for label in met[i].labels if label not in left_out.get(i, ())),
            deployment=found.deployment_of[ours[met[i].file_name]],
            captured_at=times[i],
            event_id=group,
        )
        for i, group in kept.items()
    ]
    return Chosen(chosen, int((~used).sum()), problems)


def check_enough(kinds: np.ndarray, groups: np.ndarray) -> tuple[list[str], dict[str, int]]:
    """As ``choose_unknown``.

    Raises:
        AnomalureError: If fewer than two species can be the unknown one.
    """
    unknown, too_few = choose_unknown(kinds.tolist(), groups.tolist())
    if len(unknown) < LEAST_SPECIES:
        raise AnomalureError(
            f"A comparison needs two species or more with {LEAST_CROPS} crops of {LEAST_GROUPS} events each, got "
            f"{_say_counts(kinds, groups)}. Give labels of more species or more events."
        )
    return unknown, too_few


def _read_times(
    photos: Sequence[LabelledPhoto], images: Path, ours: dict[str, str], check: Callable[[], None]
) -> list[datetime | None]:
    if all(photo.event_id for photo in photos):
        return [photo.captured_at for photo in photos]

    def read(photo: LabelledPhoto) -> datetime | None:
        return photo.captured_at or read_captured_at(images, ours[photo.file_name])

    times = []
    with ThreadPoolExecutor(READERS) as pool:
        try:
            for time in pool.map(read, photos):
                times.append(time)
                check()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return times


def _is_animal(label: Label, settings: RunSettings) -> bool:
    if label.box is None or label.is_empty or label.species in NO_ANIMAL or fold_name(label.species) in PEOPLE_CLASSES:
        return False
    return label.confidence is None or label.confidence >= settings.min_confidence


def _say_counts(kinds: np.ndarray, groups: np.ndarray) -> str:
    crops = Counter(kinds)
    events = Counter(kind for kind, _ in set(zip(kinds, groups, strict=True)))
    said = [
        f"{crops[name]:,} of {name} of {events[name]:,} event{'' if events[name] == 1 else 's'}"
        for name in sorted(crops)
    ]
    return ", ".join(said) or "no box with a species"
