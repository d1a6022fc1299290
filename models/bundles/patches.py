"""Fits the patch model of each camera to the whole frames that a bundle is trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import AnomalureError
from core.photos.crops import resize_crops
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from models.bundles.making import has_enough_frames
from models.bundles.rows import TrainingRows
from models.encoders.patch_maps import PatchEncoder
from models.encoders.spec import EncoderSpec
from models.judging.patch_judge import PatchJudge, fit_patch_judge

MOST_FRAMES = 500
"""The most frames of one camera whose maps are used, so that they fit into memory; of more frames a seeded sample is
taken. P-values then go down to 1 in 501."""


@dataclass(frozen=True)
class LearntPatches:
    """The patch model of each camera with enough frames; ``notes`` are sentences for the user."""

    judges: dict[str, PatchJudge] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def choose_patch_spec(encoders: Sequence[EncoderSpec]) -> EncoderSpec:
    """The encoder that patches are taken from: the first backbone, or the first detector if there is no backbone."""
    return next((spec for spec in encoders if not spec.detector), encoders[0])


def learn_patches(
    rows: TrainingRows,
    images_dir: Path,
    *,
    encoder: PatchEncoder,
    settings: RunSettings,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> LearntPatches:
    """Fit a patch model for each camera with enough whole frames. The frames are read from their photos again.

    Args:
        rows: The crops that the bundle is trained on; ``file_name`` is relative to ``images_dir``.
        images_dir: The folder of the photos.
        encoder: What maps the frames.
        settings: For the largest photo that is opened.
        on_progress: Called with the number of frames done and the total.

    Raises:
        AnomalureError: If a photo can no longer be read, or its file holds another picture by now.
    """
    frames = rows.select(rows.is_frame)
    deployments = frames.column("deployment")
    chosen: dict[str, TrainingRows] = {}
    notes = []
    for camera in sorted(set(deployments)):
        of_camera = frames.select(deployments == camera)
        if not has_enough_frames(of_camera):
            continue
        if len(of_camera) > MOST_FRAMES:
            notes.append(
                f"The patches of {camera} come from {MOST_FRAMES} random ones of its {len(of_camera)} whole frames."
            )
            of_camera = of_camera.select(np.random.default_rng(0).permutation(len(of_camera)) < MOST_FRAMES)
        chosen[camera] = of_camera
    total = sum(len(part) for part in chosen.values())
    judges: dict[str, PatchJudge] = {}
    done = 0
    for camera, part in chosen.items():
        maps = np.empty((len(part), *encoder.shape), np.float16)
        for i, (file_name, photo_id) in enumerate(zip(part.column("file_name"), part.column("photo_id"), strict=True)):
            photo = read_photo(images_dir, file_name, deployment=camera, max_megapixels=settings.max_megapixels)
            if photo.photo.photo_id != photo_id:
                raise AnomalureError(
                    f"{file_name} in {images_dir} was changed or replaced while the bundle was made from it. Start "
                    "the training again under another name."
                )
            maps[i] = encoder.embed_maps(resize_crops([photo.pixels], size_px=encoder.input_px))[0]
            done += 1
            on_progress(done, total)
        judges[camera] = fit_patch_judge(maps, part.column("owner").tolist(), camera=camera)
    return LearntPatches(judges, tuple(notes))
