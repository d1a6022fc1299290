"""From rows with species to a bundle on disk: no photo, detector or encoder is needed for it."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.errors import AnomalureError
from core.project import check_name
from core.settings import RunSettings
from models.bundle import Bundle, now_utc, refuse_existing
from models.encoder_spec import EncoderSpec
from models.judge import Judge, fit_judge
from models.model_card import write_card
from models.training_rows import TrainingRows

log = logging.getLogger(__name__)

LEAST_FRAMES = 40
"""Whole frames of a camera from which it is learnt what is usual there; with fewer, runs judge its frames afresh."""


def make_bundle(
    rows: TrainingRows,
    *,
    name: str,
    encoders: Sequence[EncoderSpec],
    sections: Sequence[int],
    detector: str = "auto",
    one_class: str = "ocsvm",
    settings: RunSettings,
    out_dir: Path,
    method: str = "none",
    source: str = "labels",
    notes: Sequence[str] = (),
) -> Bundle:
    """Fit the models of each species and camera, calibrate them, and write them to ``out_dir/name`` with the rows.

    Args:
        rows: What is normal; crops with a species teach it, whole frames teach their camera.
        name: Of the new bundle.
        encoders: What made the embeddings, in order.
        sections: Length of each encoder's part of an embedding.
        detector: What runs with this bundle find animals with.
        one_class: The kind of model.
        settings: What the bundle's runs start from.
        out_dir: The project's ``bundles`` folder.
        method: How the encoder was trained; for the card.
        source: Where the rows come from, in words; for the card.
        notes: What a user should know of how the rows came about, in sentences.

    Raises:
        BundleError: If there is a bundle of that name already, or it cannot be written; nothing is left then.
        AnomalureError: If nothing can be learnt, or the name cannot be used.
    """
    check_name(name, what="bundle")
    refuse_existing(out_dir / name)
    is_frame = rows.is_frame
    crops = rows.select(~is_frame & (rows.column("species") != ""))
    if not len(crops):
        raise AnomalureError("No crop could be learnt from: boxes with a species are needed. " + " ".join(notes))
    species = crops.column("species").tolist()
    species_judge = fit_judge(crops.vectors(), species, crops.column("owner").tolist(), sections=sections)
    camera_judges, camera_notes = _learn_cameras(rows.select(is_frame), sections=sections)
    bundle = Bundle(
        name=name,
        created_at=now_utc(),
        encoders=tuple(encoders),
        sections=tuple(sections),
        detector=detector,
        settings=settings,
        species_judge=species_judge,
        camera_judges=camera_judges,
        counts=Counter(species),
        notes=(
            *notes,
            *(f"{kind} has no model: {reason}." for kind, reason in species_judge.left_out.items()),
            *camera_notes,
        ),
    )
    for note in bundle.notes:
        log.warning("%s", note)
    return bundle.write(out_dir, card=write_card(bundle, method=method, source=source), rows=rows)


def _learn_cameras(frames: TrainingRows, *, sections: Sequence[int]) -> tuple[dict[str, Judge], list[str]]:
    """A judge for each camera with enough whole frames, and which have not."""
    deployments = frames.column("deployment")
    judges: dict[str, Judge] = {}
    notes = []
    for camera in sorted(set(deployments)):
        of_camera = frames.select(deployments == camera)
        owners = of_camera.column("owner")
        n_frames = len(of_camera)
        if n_frames < LEAST_FRAMES or len(np.unique(owners.astype(str))) < 2:
            notes.append(
                f"Whole frames of {camera} have no model: {n_frames} in training, at least {LEAST_FRAMES} of two "
                "events are needed; a run judges them against each other."
            )
            continue
        judges[camera] = fit_judge(of_camera.vectors(), [camera] * n_frames, owners.tolist(), sections=sections)
    return judges, notes
