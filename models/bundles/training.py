"""Labelled photos to a bundle."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from core.errors import AnomalureError
from core.formats.labelled import LabelFile, LabelledPhoto
from core.labels.crops import LabelledCrops, choose_split, read_labelled_crops
from core.photos.crops import resize_crops
from core.runs.parts import Encoder
from core.settings.run import RunSettings
from core.settings.training import FRAMES, METHODS
from core.study.project import check_name
from models.bundles.bundle import Bundle, refuse_existing
from models.bundles.making import make_bundle
from models.bundles.patches import LearntPatches, choose_patch_spec, learn_patches
from models.bundles.rows import TrainingRows, as_training_table, describe_crop
from models.encoders.loading import load_encoder
from models.encoders.patch_maps import load_patch_encoder
from models.encoders.spec import EncoderSpec
from models.one_class.methods import DEFAULT, check_one_class

BATCH_CROPS = 32


@dataclass
class TrainingCrops(LabelledCrops):
    """What labelled photos gave: raw embeddings, float16, batch by batch, and what each shows."""

    sections: tuple[int, ...] = ()
    embeddings: list[np.ndarray] = field(default_factory=list)

    def rows(self) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, d)``."""
        return self._halves().astype(np.float32)

    def training_rows(self, *, gap_s: float) -> TrainingRows:
        """The rows as a bundle keeps them."""
        table = as_training_table(
            [
                describe_crop(
                    crop,
                    file_name=self.file_name_of[crop.photo_id],
                    species=species,
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


def train_bundle(
    labels: LabelFile,
    images_dir: Path,
    *,
    name: str,
    split: str | None = None,
    encoders: Sequence[EncoderSpec],
    detector: str = "auto",
    method: str = "none",
    one_class: str = DEFAULT,
    components: int = 0,
    frames: str = FRAMES[0],
    settings: RunSettings | None = None,
    out_dir: Path,
    encoder: Encoder | None = None,
    notes: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
    on_frame: Callable[[int, int], None] = lambda done, total: None,
) -> Bundle:
    """Learn what is normal from labelled photos, and write it to ``out_dir/name``.

    Boxes with a species teach that species. Photos labelled without a box (empty ones above all) teach what a whole
    frame of their camera looks like.

    Args:
        labels: Which photos show what.
        images_dir: The folder that holds them; names meet by their longest common ending.
        name: Of the new bundle.
        split: Only the photos of this split; None: all.
        encoders: What turns crops into vectors, joined in this order.
        detector: What runs with this bundle find animals with, as ``load_detector`` takes it.
        method: How the first encoder was trained, for the card; ``none``: it is used as it is.
        one_class: Name of the one-class model (see ``models.one_class``).
        components: Main directions to reduce embeddings to; 0: not reduced.
        frames: What whole frames are judged by: ``embedding`` or ``patches``.
        settings: Margin around boxes, least confidence, event gap, and what the bundle's runs start from.
        out_dir: The project's ``bundles`` folder.
        encoder: In place of loading ``encoders``.
        notes: What a user should know of the encoder, in sentences.
        on_progress: Told how many photos of how many are done.
        on_frame: Told how many whole frames of how many have been mapped into patches.

    Raises:
        BundleError: If there is a bundle of that name already.
        AnomalureError: If nothing can be learnt, or a name or choice cannot be used.
    """
    _check_choice("method", method, METHODS)
    _check_choice("frames", frames, FRAMES)
    check_one_class(one_class)
    check_name(name, what="bundle")
    refuse_existing(out_dir / name)
    settings = settings or RunSettings()
    chosen = choose_split(labels, split)
    encoder = encoder or load_encoder(encoders)
    patch_encoder = load_patch_encoder(choose_patch_spec(encoders)) if frames == "patches" else None
    crops = embed_labelled(
        chosen, images_dir, encoder=encoder, settings=settings, file_problems=labels.problems, on_progress=on_progress
    )
    rows = crops.training_rows(gap_s=settings.event_gap_s)
    learnt = LearntPatches()
    if patch_encoder is not None:
        learnt = learn_patches(rows, images_dir, encoder=patch_encoder, settings=settings, on_progress=on_frame)
    return make_bundle(
        rows,
        name=name,
        encoders=encoders,
        sections=crops.sections,
        detector=detector,
        one_class=one_class,
        components=components,
        settings=settings,
        out_dir=out_dir,
        method=method,
        source=(labels.format_name or "labels") + (f", split {split}" if split else ""),
        notes=[*notes, *(f"Not used: {line}." for line in crops.problems.lines()), *learnt.notes],
        patch_judges=learnt.judges,
    )


def embed_labelled(
    photos: Sequence[LabelledPhoto],
    images_dir: Path,
    *,
    encoder: Encoder,
    settings: RunSettings,
    file_problems: Sequence[str] = (),
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingCrops:
    """Cut and embed what labelled photos show; what cannot be used is counted, not raised.

    Raises:
        AnomalureError: If none of the photos is in the folder, or a name could be two photos.
    """
    crops = TrainingCrops(sections=encoder.sections)
    for line in file_problems:
        crops.problems.add(f"in the labels: {line}")
    batch: list[np.ndarray] = []

    def flush() -> None:
        if batch:
            crops.embeddings.append(encoder.embed(np.stack(batch)).astype(np.float16))
            batch.clear()

    for pixels in read_labelled_crops(photos, images_dir, settings=settings, into=crops, on_progress=on_progress):
        batch.append(resize_crops([pixels], size_px=encoder.input_px)[0])
        if len(batch) == BATCH_CROPS:
            flush()
    flush()
    return crops


def _check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise AnomalureError(f"{what} must be one of {', '.join(choices)}, got {value!r}.")
