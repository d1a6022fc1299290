"""Cuts crops out of labelled photos, with the species and event of each."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np

from core.errors import AnomalureError, PhotoUnreadable
from core.formats.account import Problems
from core.formats.labelled import LabelFile, LabelledPhoto
from core.labels.detected import compare_with_labels
from core.labels.meeting import meet_photos
from core.photos.cutting import Needed, Part, cut_parts
from core.photos.deployments import DeploymentNamer
from core.photos.events import group_events
from core.photos.pixel_budget import MEGA
from core.photos.reading import find_photos, measure_photo
from core.photos.reduction import keep_all, reduce_to_longest
from core.photos.source import PhotoSource
from core.records import PERSON, Box, Crop, CropKind, Detection, LoadedPhoto, name_crops
from core.settings.run import RunSettings
from core.species import Spellings, read_species

READERS = 2
READ_AHEAD = 8
BATCH_PHOTOS = 8
"""Photos that a detector gets at once."""
# Large photos are read fewer at a time: each pixel takes 3 bytes in memory.
MEGAPIXELS_AHEAD = 64.0
BYTES_PER_PIXEL = 3

Find = Callable[[Sequence[LoadedPhoto]], Sequence[Sequence[Detection]]]
_Read = tuple[LabelledPhoto, LoadedPhoto | PhotoUnreadable]


@dataclass
class LabelledCrops:
    """The crops of labelled photos, and what is known of the photos.

    ``species`` is empty for a whole frame, which shows no animal. ``problems`` counts what could not be used.
    """

    crops: list[Crop] = field(default_factory=list)
    species: list[str] = field(default_factory=list)
    file_name_of: dict[str, str] = field(default_factory=dict)
    deployment_of: dict[str, str] = field(default_factory=dict)
    captured_at_of: dict[str, datetime | None] = field(default_factory=dict)
    unread_time_of: dict[str, bool] = field(default_factory=dict)
    event_of: dict[str, str] = field(default_factory=dict)
    split_of: dict[str, str] = field(default_factory=dict)
    problems: Problems = field(default_factory=Problems)

    @property
    def photos(self) -> list[str]:
        """The ``photo_id`` of each row."""
        return [crop.photo_id for crop in self.crops]

    def groups(self, *, gap_s: float) -> np.ndarray:
        """The event of each row, shape ``(n,)``, str: from the labels, else by time, else the photo itself."""
        photos = list(self.deployment_of)
        events = group_events(
            [self.deployment_of[photo] for photo in photos],
            [self.captured_at_of[photo] for photo in photos],
            gap_s=gap_s,
        )
        group_of = {}
        for photo, event in zip(photos, events, strict=True):
            if self.event_of[photo]:
                group_of[photo] = f"labelled {self.event_of[photo]}"
            elif self.captured_at_of[photo] is not None:
                group_of[photo] = event
            elif self.unread_time_of[photo]:
                # The photos may be of one burst, which must not stand on both sides of a split.
                group_of[photo] = f"times not read, {self.deployment_of[photo]}"
            else:
                # The photo's id, because numbers of photos without a time would be the same in other folders.
                group_of[photo] = f"photo {photo}"
        return np.array([group_of[photo] for photo in self.photos], dtype=object)


def choose_split(labels: LabelFile, split: str | None) -> list[LabelledPhoto]:
    """The photos of one split; None: all.

    Raises:
        AnomalureError: If the split has no photo. The error names the splits that exist.
    """
    photos = [photo for photo in labels.photos if split is None or photo.split == split]
    if photos:
        return photos
    if not labels.photos:
        not_used = f" Not used: {'; '.join(labels.problems)}." if labels.problems else ""
        raise AnomalureError(f"The labels name no photo.{not_used}")
    splits: Mapping[str, int] = Counter(photo.split for photo in labels.photos)
    there = ", ".join(f"{name or '(none)'}: {count} photos" for name, count in sorted(splits.items()))
    raise AnomalureError(f"No photo of the labels is in the split {split!r}. There are: {there}.")


def choose_species(photos: Sequence[LabelledPhoto], species: Sequence[str]) -> list[LabelledPhoto]:
    """The photos that show one of these species, without labels of other species.

    Raises:
        AnomalureError: If the labels lack one of them.
    """
    there = {label.species for photo in photos for label in photo.labels if label.species}
    spellings = Spellings(there)
    species = [spellings.spell(read_species(name) or name) for name in species]
    missing = [name for name in species if name not in there]
    if missing:
        raise AnomalureError(f"The labels have no {', '.join(missing)}. They have: {', '.join(sorted(there))}.")
    kept = [replace(photo, labels=tuple(one for one in photo.labels if one.species in species)) for photo in photos]
    return [photo for photo in kept if photo.labels]


def read_labelled_crops(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    *,
    settings: RunSettings,
    into: LabelledCrops,
    find: Find | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[np.ndarray]:
    """As ``read_labelled_parts`` with all pixels of the photos: each crop, uint8, ``(height, width, 3)``, a view."""
    for part in read_labelled_parts(
        photos, images_dir, settings=settings, into=into, find=find, on_progress=on_progress
    ):
        yield part.pixels


def read_labelled_parts(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    *,
    settings: RunSettings,
    into: LabelledCrops,
    needed: Needed | None = None,
    find: Find | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Iterator[Part]:
    """Cut the crops out of labelled photos. Labels that cannot be used are counted, not raised.

    With a detector, animals are cut as the detector cuts them, and boxes that meet no label are crops of the species
    ``nothing`` or ``person`` (``core.labels.detected``). A photo with an animal that has no box is never taken for an
    empty one: it is left out, unless the detector found a single animal, which then is the one of the label.

    Args:
        photos: Which photos show what.
        images_dir: The folder of the photos. Names are matched by their longest common ending.
        settings: For the margin around boxes, the least confidence, the pattern of deployments and the largest photo.
        needed: Photos are decoded no larger than this, as in a run. None: all pixels are kept.
        into: Gets each crop, its species and the facts of its photo, in the order of the yielded pixels.
        find: A detector: the detections of each of some photos, in which the class of people and vehicles is
            ``person``. None: only the boxes of the labels are cut.
        on_progress: Called with the number of photos done and the total.

    Yields:
        Each crop. It is a view of the photo; copy it to keep it.

    Raises:
        AnomalureError: If none of the photos is in the folder, its disk goes away, or a name could mean two photos.
    """
    listing = find_photos(images_dir)
    ours = meet_photos(photos, listing.file_names, folder=images_dir, problems=into.problems)
    namer = DeploymentNamer(images_dir, pattern=settings.deployment_pattern, file_names=listing.file_names)
    for photo in photos:
        if photo.file_name not in ours:
            into.problems.add("photos that are not in the folder", photo.file_name)
    wanted = [photo for photo in photos if photo.file_name in ours]
    if not wanted:
        raise AnomalureError(
            f"None of the {len(photos)} labelled photos is in {images_dir}: the labels say "
            f"{photos[0].file_name}, the folder has {listing.file_names[0]}. Choose the folder that the labels are for."
        )

    source = PhotoSource(images_dir, [ours[photo.file_name] for photo in wanted])
    choose_shrink = reduce_to_longest(needed.photo_px) if needed else keep_all

    def read(photo: LabelledPhoto) -> _Read:
        file_name = ours[photo.file_name]
        deployment = photo.deployment or namer.name(file_name)
        try:
            loaded = source.read(
                file_name, deployment=deployment, max_megapixels=settings.max_megapixels, choose_shrink=choose_shrink
            )
        except PhotoUnreadable as error:
            return photo, error
        return photo, loaded

    def measure(photo: LabelledPhoto) -> float:
        return measure_photo(images_dir, ours[photo.file_name], choose_shrink=choose_shrink)

    for done, (labelled, loaded, found) in enumerate(_detect(_read_ahead(read, wanted, measure), find), start=1):
        try:
            if isinstance(loaded, PhotoUnreadable):
                raise loaded
            for crop, species, part in _cut_labelled(labelled, loaded, found, into, settings, needed):
                into.crops.append(crop)
                into.species.append(species)
                yield part
        except PhotoUnreadable as error:
            into.problems.add(f"photos that cannot be read: {error}".rstrip("."), labelled.file_name)
        on_progress(done, len(wanted))


def _cut_labelled(
    labelled: LabelledPhoto,
    loaded: LoadedPhoto,
    found: Sequence[Detection] | None,
    crops: LabelledCrops,
    settings: RunSettings,
    needed: Needed | None,
) -> Iterator[tuple[Crop, str, Part]]:
    """Each usable box with its species and its part; also the whole frame, species empty, if no label has a box."""
    photo, problems = loaded.photo, crops.problems
    sizes = needed or Needed(input_px=1, saved_px=1)

    def cut(boxes: Sequence[Box], margin: float) -> list[Part]:
        return cut_parts(
            loaded,
            boxes,
            margins=[margin] * len(boxes),
            input_px=sizes.input_px,
            saved_px=sizes.saved_px,
            max_megapixels=settings.max_megapixels,
        )

    if photo.photo_id in crops.deployment_of:
        problems.add("photos with the same content as another one", labelled.file_name)
        return
    crops.file_name_of[photo.photo_id] = photo.file_name
    crops.deployment_of[photo.photo_id] = photo.deployment
    crops.captured_at_of[photo.photo_id] = labelled.captured_at or photo.captured_at
    crops.unread_time_of[photo.photo_id] = labelled.has_unread_time
    crops.event_of[photo.photo_id] = labelled.event_id
    crops.split_of[photo.photo_id] = labelled.split
    if not labelled.labels:
        problems.add("photos without any label", labelled.file_name)
        return
    boxed = [label for label in labelled.labels if label.box is not None]
    if not boxed and not labelled.unboxed:
        if labelled.is_incomplete:
            problems.add("photos with a label that cannot be used", labelled.file_name)
            return
        frame = Box(0.0, 0.0, float(photo.width_px), float(photo.height_px))
        crop = Crop(name_crops(photo.photo_id, [None])[0], photo.photo_id, CropKind.FRAME, frame)
        yield crop, "", cut([frame], 0.0)[0]
        if found is None:
            return
    if not labelled.fits(width_px=photo.width_px, height_px=photo.height_px):
        problems.add("photos whose boxes were drawn on the photo turned on its side", labelled.file_name)
        return
    usable: list[tuple[str, Box]] = []
    unusable: list[tuple[str, Box]] = []
    for label in boxed:
        assert label.box is not None
        box = labelled.box_px(label.box, width_px=photo.width_px, height_px=photo.height_px)
        if not label.species or label.is_empty:
            problems.add("boxes without a species", labelled.file_name)
            unusable += [("", box)] if box is not None and not label.is_empty else []
        elif label.confidence is not None and label.confidence < settings.min_confidence:
            problems.add(f"boxes under the least confidence of {settings.min_confidence:g}", labelled.file_name)
            unusable += [("", box)] if box is not None else []
        elif box is None:
            problems.add("boxes outside their photo", labelled.file_name)
        else:
            usable.append((label.species, box))
    if labelled.unboxed:
        detected = _find_only_animal(labelled, found, settings)
        if detected is None:
            problems.add("photos with an animal that has no box", labelled.file_name)
        else:
            usable.append((labelled.unboxed[0].species, detected))
    if found is not None:
        is_complete = not labelled.is_incomplete and (not labelled.unboxed or detected is not None)
        compared = compare_with_labels(found, usable + unusable, is_complete=is_complete)
        usable = list(zip(compared.species, compared.boxes, strict=True))
        for _ in range(compared.n_doubtful):
            problems.add(
                "detected boxes that meet a label only a little or meet one without a species", photo.file_name
            )
    boxes = [box for _, box in usable]
    ids, parts = name_crops(photo.photo_id, boxes), cut(boxes, settings.crop_margin)
    for crop_id, (species, box), part in zip(ids, usable, parts, strict=True):
        yield Crop(crop_id, photo.photo_id, CropKind.DETECTION, box), species, part


def _find_only_animal(labelled: LabelledPhoto, found: Sequence[Detection] | None, settings: RunSettings) -> Box | None:
    """The box of the animal that the labels name without one, if the detector found a single one and no other label
    has a box: as if the boxes came from a file of MegaDetector."""
    species = {label.species for label in labelled.unboxed}
    if len(species) > 1 or species & {"", PERSON} or any(label.box is not None for label in labelled.labels):
        return None
    animals = [one for one in found or () if one.detector_class != PERSON and one.confidence >= settings.min_confidence]
    return animals[0].box if len(animals) == 1 else None


def _detect(
    read: Iterator[_Read], find: Find | None
) -> Iterator[tuple[LabelledPhoto, LoadedPhoto | PhotoUnreadable, Sequence[Detection] | None]]:
    """The photos with their detections, or None without a detector."""
    if find is None:
        yield from ((labelled, loaded, None) for labelled, loaded in read)
        return
    for some in _take_batches(read):
        photos = [loaded for _, loaded in some if isinstance(loaded, LoadedPhoto)]
        found = iter(find(photos) if photos else ())
        for labelled, loaded in some:
            yield labelled, loaded, next(found) if isinstance(loaded, LoadedPhoto) else None


def _take_batches(read: Iterator[_Read]) -> Iterator[list[_Read]]:
    some: list[_Read] = []
    for photo, loaded in read:
        some.append((photo, loaded))
        held = sum(one.pixels.nbytes + len(one.content) for _, one in some if isinstance(one, LoadedPhoto))
        if len(some) == BATCH_PHOTOS or held >= BYTES_PER_PIXEL * MEGAPIXELS_AHEAD * MEGA:
            yield some
            some = []
    if some:
        yield some


def _read_ahead(
    read: Callable[[LabelledPhoto], _Read], photos: Sequence[LabelledPhoto], measure: Callable[[LabelledPhoto], float]
) -> Iterator[_Read]:
    """Read photos in order, a few ahead of the encoder; fewer of large ones, which ``measure`` gives in megapixels."""
    with ThreadPoolExecutor(READERS) as pool:
        waiting: deque[tuple[Future[_Read], float]] = deque()
        try:
            for photo in photos:
                size = measure(photo)
                while waiting and (
                    len(waiting) >= READ_AHEAD or size + sum(other for _, other in waiting) > MEGAPIXELS_AHEAD
                ):
                    yield waiting.popleft()[0].result()
                waiting.append((pool.submit(read, photo), size))
            while waiting:
                yield waiting.popleft()[0].result()
        finally:
            for future, _ in waiting:
                future.cancel()
