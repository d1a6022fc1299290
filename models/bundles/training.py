"""Cuts and embeds the crops of labelled photos, from which a bundle is made."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from core.formats.labelled import LabelledPhoto
from core.labels.crops import Find, LabelledCrops, read_labelled_parts
from core.photos.crop_pictures import save_crop_picture
from core.photos.crops import encode_jpeg, resize_crops
from core.photos.cutting import Needed
from core.records import PERSON, Detection, Failure, LoadedPhoto
from core.runs.batches import detect_each
from core.runs.parts import Detector, Encoder
from core.settings.run import RunSettings
from core.species import fold_name
from core.store.people import PEOPLE_CLASSES, find_people
from models.bundles.rows import TrainingRows, as_training_table, describe_crop

BATCH_CROPS = 32


@dataclass
class TrainingCrops(LabelledCrops):
    """The crops of labelled photos, and their raw embeddings, float16, batch by batch."""

    sections: tuple[int, ...] = ()
    embeddings: list[np.ndarray] = field(default_factory=list)

    def rows(self) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, d)``."""
        return self._halves().astype(np.float32)

    def training_rows(self, *, gap_s: float) -> TrainingRows:
        """The training rows of a bundle."""
        table = as_training_table(
            [
                describe_crop(
                    crop,
                    file_name=self.file_name_of[crop.photo_id],
                    species=PERSON if fold_name(species) in PEOPLE_CLASSES else species,
                    deployment=self.deployment_of[crop.photo_id],
                    captured_at=self.captured_at_of[crop.photo_id],
                    group=group,
                )
                for crop, species, group in zip(self.crops, self.species, self.groups(gap_s=gap_s), strict=True)
            ]
        )
        return TrainingRows(table, self._halves())

    def _halves(self) -> np.ndarray:
        return np.concatenate([np.empty((0, sum(self.sections)), np.float16), *self.embeddings])


def embed_labelled(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    *,
    encoder: Encoder,
    settings: RunSettings,
    detector: Detector | None = None,
    file_problems: Sequence[str] = (),
    crops_dir: Path | None = None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingCrops:
    """Cut out and embed the crops of labelled photos. Labels that cannot be used are counted, not raised.

    With a detector, animals are cut as in a run, and its boxes on nothing and on people are crops, too
    (``core.labels.detected``). With ``crops_dir``, small pictures of the crops are saved there.

    Raises:
        AnomalureError: If none of the photos is in the folder, or a name could mean two photos.
    """
    crops = TrainingCrops(sections=encoder.sections)
    crops.problems.quote(file_problems)
    batch: list[np.ndarray] = []

    def flush() -> None:
        if batch:
            crops.embeddings.append(encoder.embed(np.stack(batch)).astype(np.float16))
            batch.clear()

    find = None if detector is None else _finder(detector, crops)
    needed = Needed(input_px=encoder.input_px, saved_px=settings.crop_saved_px)
    if detector is not None:
        needed = replace(needed, photo_px=detector.image_px)
    for part in read_labelled_parts(
        photos, images_dir, settings=settings, into=crops, needed=needed, find=find, on_progress=on_progress
    ):
        if crops_dir is not None:
            jpeg = encode_jpeg(part.pixels, longest_px=settings.crop_saved_px)
            save_crop_picture(crops_dir, crops.crops[-1].crop_id, jpeg)
        batch.append(resize_crops([part.pixels], size_px=encoder.input_px, sizes_hw=[part.size_hw])[0])
        if len(batch) == BATCH_CROPS:
            flush()
    flush()
    return crops


def _finder(detector: Detector, crops: TrainingCrops) -> Find:
    def find(photos: Sequence[LoadedPhoto]) -> list[Sequence[Detection]]:
        found: list[Sequence[Detection]] = []
        for photo, result in zip(photos, detect_each(detector, photos), strict=True):
            if isinstance(result, Failure):
                crops.problems.add("photos on which the detector failed", photo.photo.file_name)
                found.append(())
            else:
                people = find_people([one.detector_class for one in result.detections], classes=PEOPLE_CLASSES)
                found.append(
                    [
                        replace(one, detector_class=PERSON) if is_person else one
                        for one, is_person in zip(result.detections, people, strict=True)
                    ]
                )
        return found

    return find
