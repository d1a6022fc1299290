"""The steps of the pipeline. Each is a pure function on a batch, so that steps can run in parallel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import AnomalureError, PhotoUnreadable
from core.photos.crops import encode_jpeg, resize_crops
from core.photos.cutting import cut_parts
from core.photos.deployments import DeploymentNamer
from core.photos.reduction import ChooseShrink, keep_all
from core.photos.source import PhotoSource
from core.records import Box, Crop, CropKind, Failure, Found, HeatMap, LoadedPhoto, name_crops
from core.runs.parts import Detector, Encoder, FrameMapper
from core.runs.shards import READ_STAGE
from core.settings.run import RunSettings


@dataclass(frozen=True, slots=True)
class CutCrops:
    """Crops with the data for the next steps.

    ``pixels`` are squares for the encoder, uint8, shape ``(n, input_px, input_px, 3)``; ``jpegs`` are the small
    pictures for the pages, in the same order.
    """

    crops: list[Crop]
    pixels: np.ndarray
    jpegs: list[bytes]


def read_one(
    source: PhotoSource,
    file_name: str,
    *,
    namer: DeploymentNamer,
    settings: RunSettings,
    choose_shrink: ChooseShrink = keep_all,
) -> LoadedPhoto | Failure:
    """The photo with its pixels, reduced so far if it can be, or a Failure that says why it cannot be read.

    Raises:
        FolderGone: If not only this photo cannot be read, but the disk is gone.
    """
    try:
        return source.read(
            file_name,
            deployment=namer.name(file_name),
            max_megapixels=settings.max_megapixels,
            choose_shrink=choose_shrink,
        )
    except PhotoUnreadable as error:
        return Failure(file_name, READ_STAGE, str(error))


def detect_each(detector: Detector, photos: Sequence[LoadedPhoto]) -> list[Found | Failure]:
    """The detections of each photo. If the detector fails on a photo, only that photo becomes a Failure.

    Raises:
        AnomalureError: If the detector fails on every photo of a batch of several, since then the detector is broken.
    """
    if not photos:
        return []
    try:
        return list(detector.detect(photos))
    except AnomalureError:
        raise
    except Exception as batch_error:
        results: list[Found | Failure] = []
        for photo in photos:
            try:
                results += detector.detect([photo])
            except Exception as error:
                reason = f"The detector failed on this photo: {error}"
                results.append(Failure(photo.photo.file_name, "detect", reason))
        if len(photos) > 1 and all(isinstance(result, Failure) for result in results):
            raise AnomalureError(f"The detector failed on every photo of a batch: {batch_error}") from batch_error
        return results


def list_crops(photo: LoadedPhoto, found: Found) -> list[Crop]:
    """The crops of one photo: one per detection, or the whole frame if there is none."""
    photo_id = photo.photo.photo_id
    if not found.detections:
        frame = Box(0.0, 0.0, float(photo.photo.width_px), float(photo.photo.height_px))
        return [Crop(name_crops(photo_id, [None])[0], photo_id, CropKind.FRAME, frame)]
    ids = name_crops(photo_id, [detection.box for detection in found.detections])
    return [
        Crop(crop_id, photo_id, CropKind.DETECTION, detection.box, detection.detector_class, detection.confidence)
        for crop_id, detection in zip(ids, found.detections, strict=True)
    ]


def cut_photo(photo: LoadedPhoto, crops: Sequence[Crop], *, input_px: int, settings: RunSettings) -> CutCrops | Failure:
    """Cut the crops of one photo, each at the resolution that it needs."""
    try:
        parts = cut_parts(
            photo,
            [crop.box for crop in crops],
            margins=[0.0 if crop.kind is CropKind.FRAME else settings.crop_margin for crop in crops],
            input_px=input_px,
            saved_px=settings.crop_saved_px,
            max_megapixels=settings.max_megapixels,
        )
    except PhotoUnreadable as error:
        return Failure(photo.photo.file_name, READ_STAGE, str(error))
    cut = [part.pixels for part in parts]
    pixels = resize_crops(cut, size_px=input_px, sizes_hw=[part.size_hw for part in parts])
    return CutCrops(list(crops), pixels, [encode_jpeg(part, longest_px=settings.crop_saved_px) for part in cut])


def join_crops(cut: Sequence[CutCrops], *, input_px: int) -> CutCrops:
    """The crops of several photos, in order."""
    none = np.empty((0, input_px, input_px, 3), dtype=np.uint8)
    return CutCrops(
        [crop for of_photo in cut for crop in of_photo.crops],
        np.concatenate([none, *(of_photo.pixels for of_photo in cut)]),
        [jpeg for of_photo in cut for jpeg in of_photo.jpegs],
    )


def embed_crops(encoder: Encoder, pixels: np.ndarray) -> np.ndarray:
    """Raw embeddings, float32, shape ``(n, d)``.

    Raises:
        AnomalureError: If the encoder gives another shape or numbers that are not finite.
    """
    if len(pixels) == 0:
        return np.empty((0, sum(encoder.sections)), dtype=np.float32)
    embeddings = encoder.embed(pixels)
    expected = (len(pixels), sum(encoder.sections))
    if embeddings.shape != expected:
        raise AnomalureError(
            f"The encoder {encoder.name} should give embeddings of shape {expected}, got {embeddings.shape}."
        )
    if not np.isfinite(embeddings).all():
        raise AnomalureError(
            f"The encoder {encoder.name} gave numbers that are not finite; its weights are damaged "
            "or do not fit it. Choose other weights."
        )
    return embeddings


def map_frames(mapper: FrameMapper, cut: CutCrops, deployment_of: Mapping[str, str]) -> dict[str, HeatMap]:
    """Heat maps by crop id, of whole frames whose camera the mapper knows. ``deployment_of`` is by photo id."""
    places = [i for i, crop in enumerate(cut.crops) if crop.kind is CropKind.FRAME]
    if not places:
        return {}
    maps = mapper.map_frames(cut.pixels[places], [deployment_of[cut.crops[i].photo_id] for i in places])
    return {cut.crops[i].crop_id: heat for i, heat in zip(places, maps, strict=True) if heat is not None}
