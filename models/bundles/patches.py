"""Fits the model of patches of each camera from the whole frames that a bundle is trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.photos.crops import resize_crops
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from models.bundles.making import has_enough_frames
from models.bundles.rows import TrainingRows
from models.encoders.patch_maps import PatchEncoder
from models.encoders.spec import EncoderSpec
from models.judging.patch_judge import PatchJudge, fit_patch_judge

MOST_FRAMES = 500
"""Of a camera, so that its maps fit into memory; with more, a seeded sample. P-values then go down to 1 in 501."""


@dataclass(frozen=True)
class LearntPatches:
    """The patch model of each camera with enough frames; ``notes`` say what a user should know, in sentences."""

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
    """Read the whole frames of each camera that has enough again, and fit its model of patches.

    Args:
        rows: What the bundle is trained on; ``file_name`` is relative to ``images_dir``.
        images_dir: The folder of the photos.
        encoder: What maps the frames.
        settings: Largest photo that is opened.
        on_progress: Told how many frames of how many are done.

    Raises:
        AnomalureError: If a photo cannot be read any more.
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
                f"Of the {len(of_camera)} whole frames of {camera}, {MOST_FRAMES} random ones give its patches."
            )
            of_camera = of_camera.select(np.random.default_rng(0).permutation(len(of_camera)) < MOST_FRAMES)
        chosen[camera] = of_camera
    total = sum(len(part) for part in chosen.values())
    judges: dict[str, PatchJudge] = {}
    done = 0
    for camera, part in chosen.items():
        maps = np.empty((len(part), *encoder.shape), np.float16)
        for i, file_name in enumerate(part.column("file_name")):
            photo = read_photo(images_dir, file_name, deployment=camera, max_megapixels=settings.max_megapixels)
            maps[i] = encoder.embed_maps(resize_crops([photo.pixels], size_px=encoder.input_px))[0]
            done += 1
            on_progress(done, total)
        judges[camera] = fit_patch_judge(maps, part.column("owner").tolist(), camera=camera)
    return LearntPatches(judges, tuple(notes))
