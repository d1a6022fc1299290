"""Makes a bundle from embeddings with species; this needs no photo, detector or encoder."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from core.errors import AnomalureError
from core.records import NOTHING, PERSON
from core.settings.run import RunSettings
from core.study.project import check_name
from models.bundles.bundle import Bundle, now_utc, refuse_existing
from models.bundles.card import write_card
from models.bundles.rows import TrainingRows
from models.encoders.sections import weigh_sections
from models.encoders.spec import EncoderSpec
from models.judging.background import NothingRows
from models.judging.judge import ENOUGH_UNSEEN, Judge, fit_judge
from models.judging.patch_judge import PatchJudge
from models.judging.thresholds import read_threshold, set_threshold
from models.one_class.methods import DEFAULT, check_one_class, list_one_class
from models.one_class.ocsvm import SupportVectorModel

log = logging.getLogger(__name__)

BACKGROUND_SPECIES = (NOTHING, PERSON)
LEAST_FRAMES = 40
"""Whole frames that the model of a camera needs. With fewer, a run scores the camera's frames against each other."""


def make_bundle(
    rows: TrainingRows,
    *,
    name: str,
    encoders: Sequence[EncoderSpec],
    sections: Sequence[int],
    detector: str = "auto",
    one_class: str = DEFAULT,
    components: int = 0,
    settings: RunSettings,
    out_dir: Path,
    method: str = "none",
    source: str = "labels",
    notes: Sequence[str] = (),
    patch_judges: Mapping[str, PatchJudge] | None = None,
    unseen_events: Collection[str] = (),
    error_at: int | None = None,
    threshold: str = "",
) -> Bundle:
    """Fit the models of each species and camera, calibrate them, and write them to ``out_dir/name`` with the rows.

    Args:
        rows: Normal crops. Those with a species train its model, whole frames train the model of their camera, and
            boxes of the species ``nothing`` or ``person`` the background class.
        name: Name of the new bundle.
        encoders: The encoders that made the embeddings, in order.
        sections: Lengths of the parts of an embedding that are normalised on their own.
        detector: The detector of runs with this bundle.
        one_class: Name of the one-class model of species and cameras.
        components: Number of principal components to reduce rows to; 0: not reduced.
        settings: The default settings of the bundle's runs.
        out_dir: The project's ``bundles`` folder.
        method: How the encoder was trained, for the card.
        source: Where the rows come from, in words, for the card.
        notes: What a user should know about the origin of the rows, in sentences.
        patch_judges: By camera, the model that scores whole frames by their most unusual patch; without one they are
            scored by their embedding.
        unseen_events: The events that a trained encoder has not seen, by which the scores are calibrated; none: the
            encoder was not trained on these crops.
        error_at: The column of the embeddings that crops are scored by, an autoencoder's error; None: one-class models.
        threshold: From where on runs flag, as ``models.judging.thresholds`` reads it; empty: the false-alarm rate of
            the settings.

    Raises:
        BundleError: If a bundle of that name exists, or it cannot be written; then nothing is left behind.
        AnomalureError: If there are too few crops to train on, or the name cannot be used.
    """
    check_name(name, what="bundle")
    check_one_class(one_class)
    read_threshold(threshold)
    refuse_existing(out_dir / name)
    is_frame = rows.is_frame
    is_background = ~is_frame & np.isin(rows.column("species"), BACKGROUND_SPECIES)
    crops = rows.select(~is_frame & ~is_background & (rows.column("species") != ""))
    if not len(crops) and not _has_camera(rows.select(is_frame)):
        raise AnomalureError(
            "There is nothing to train on: no box has a species, and no camera has the "
            f"{LEAST_FRAMES} whole frames of two events that a model of it needs. " + " ".join(notes)
        )
    species = crops.column("species").tolist()

    def fit(part: TrainingRows, kinds: Sequence[str], nothing: NothingRows | None = None) -> Judge:
        return fit_judge(
            part.vectors(),
            kinds,
            part.column("owner").tolist(),
            sections=sections,
            weights=weigh_sections(encoders, sections),
            components=components,
            one_class=one_class,
            nothing=nothing,
            unseen=np.isin(part.column("owner"), list(unseen_events)) if unseen_events else None,
            error_at=error_at,
        )

    nothing = _gather_nothing(rows.select(is_background))
    species_judge = fit(crops, species, nothing) if len(crops) else None
    camera_judges, camera_notes = _learn_cameras(rows.select(is_frame), fit=fit)
    if threshold:
        reference = [judge.reference for judge in camera_judges.values()] if species_judge is None else []
        found = np.concatenate(reference) if species_judge is None else species_judge.reference
        settings, words = set_threshold(settings, found, threshold)
        notes = (*notes, words)
    bundle = Bundle(
        name=name,
        created_at=now_utc(),
        encoders=tuple(encoders),
        sections=tuple(sections),
        detector=detector,
        settings=settings,
        species_judge=species_judge,
        camera_judges=camera_judges,
        patch_judges=patch_judges or {},
        counts=Counter(species),
        one_class=one_class,
        components=components,
        unseen_events=tuple(sorted(set(unseen_events) & set(rows.column("owner").tolist()))),
        notes=(
            *notes,
            *_describe_seen(crops, unseen_events, error_at),
            *_describe_species(species_judge, nothing, one_class),
            *camera_notes,
        ),
    )
    for note in bundle.notes:
        log.warning("%s", note)
    return bundle.write(out_dir, card=write_card(bundle, method=method, source=source), rows=rows)


def _has_camera(frames: TrainingRows) -> bool:
    """Whether any camera has enough whole frames."""
    deployments = frames.column("deployment")
    return any(has_enough_frames(frames.select(deployments == camera)) for camera in set(deployments))


def _describe_species(judge: Judge | None, nothing: NothingRows | None, one_class: str) -> Iterator[str]:
    """What a user should know of the models of species."""
    if judge is None:
        yield (
            "It was trained on whole frames alone and knows no species: runs score the crops of boxes against each "
            "other, as in a first look."
        )
        return
    yield from (f"{kind} has no model: {reason}." for kind, reason in judge.left_out.items())
    yield from _describe_fallbacks(judge, one_class)
    yield from _describe_background(judge, nothing)


def _gather_nothing(rows: TrainingRows) -> NothingRows | None:
    if not len(rows):
        return None
    return NothingRows(rows.vectors(), rows.column("owner"), rows.column("species") == PERSON)


def _describe_seen(crops: TrainingRows, unseen_events: Collection[str], error_at: int | None) -> Iterator[str]:
    """That errors are too small where an autoencoder was trained on the crops that calibrate it."""
    n_unseen = int(np.isin(crops.column("owner"), list(unseen_events)).sum())
    if error_at is not None and len(crops) and n_unseen < ENOUGH_UNSEEN:
        yield (
            f"Only {n_unseen} crops were held out of the autoencoder's training, and {ENOUGH_UNSEEN} are needed to "
            "calibrate it by them alone. It is calibrated by all crops, which it puts together too well, so expect "
            "more false alarms than promised. Train on more crops, or hold out more."
        )


def _describe_background(judge: Judge, nothing: NothingRows | None) -> Iterator[str]:
    """What a user should know of the background class; nothing if there are no crops for one."""
    if nothing is None:
        return
    known = judge.background
    if known is None:
        yield nothing.explain_too_few(len(judge.kinds))
        return
    lost = ", ".join(f"{n} of {len(known.animals[name])} of {name}" for name, n in known.n_animals_lost.items() if n)
    yield (
        f"Crops that look like one of {known.n_nothing} boxes on nothing or {known.n_people} of people are kept apart. "
        f"If a species had been unknown, so many of its crops would be called nothing: {lost or 'none of any species'}."
    )


def has_enough_frames(of_camera: TrainingRows) -> bool:
    """Whether a camera has enough whole frames for a model, and events to hold out."""
    return len(of_camera) >= LEAST_FRAMES and len(set(of_camera.column("owner"))) >= 2


def _describe_fallbacks(judge: Judge, one_class: str) -> Iterator[str]:
    few = [
        f"{kind.name} ({kind.model.n_rows})"
        for kind in judge.kinds
        if isinstance(kind.model, SupportVectorModel) and kind.model.form == "mean"
    ]
    if few:
        yield (
            f"Too few crops for the model {list_one_class()[one_class].label} in each held-out part; their "
            f"mean is used instead: {', '.join(few)}."
        )


def _learn_cameras(
    frames: TrainingRows, *, fit: Callable[[TrainingRows, Sequence[str]], Judge]
) -> tuple[dict[str, Judge], list[str]]:
    """A model for each camera with enough whole frames, and notes about the other cameras."""
    deployments = frames.column("deployment")
    judges: dict[str, Judge] = {}
    notes = []
    for camera in sorted(set(deployments)):
        of_camera = frames.select(deployments == camera)
        n_frames = len(of_camera)
        if not has_enough_frames(of_camera):
            notes.append(
                f"Whole frames of {camera} have no model: {n_frames} in training, at least {LEAST_FRAMES} of two "
                "events are needed. Runs score these frames against each other."
            )
            continue
        judges[camera] = fit(of_camera, [camera] * n_frames)
    return judges, notes
