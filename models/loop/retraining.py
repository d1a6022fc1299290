"""Makes the next bundle from verdicts, and measures it on held-out verdicts."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from core.errors import AnomalureError
from core.formats.labelled import LabelFile
from core.records import CropKind
from core.review.holding import match_crops
from core.review.training_labels import TrainingLabels, is_held_out, sort_verdicts
from core.settings.run import RunSettings
from core.species import fold_species, name_decided
from core.study.bundles import read_bundles
from core.study.project import Project, check_name
from models.bundles.bundle import Bundle, refuse_existing
from models.bundles.making import BACKGROUND_SPECIES, make_bundle
from models.bundles.rows import TrainingRows
from models.encoders.spec import EncoderSpec
from models.loop.against_truth import measure_truth
from models.loop.held_out import list_moved, measure_bundles
from models.loop.verdict_rows import VerdictRows, gather_verdict_rows
from models.one_class.methods import DEFAULT

ENOUGH_CROPS, ENOUGH_EVENTS = 10, 3
"""Crops and events that a species needs before verdicts alone can add it to a bundle."""
MOST_LISTED = 20
STEPS = (
    "Reading the verdicts",
    "Finding their crops",
    "Learning each species",
    "Measuring before and after",
    "Looking for crops whose rank changed",
)
MEASURING = 3
"""The first of the ``STEPS`` after the bundle is made."""


@dataclass(frozen=True)
class TrainingMaterial:
    """What a retraining would train on: the rows, and an account of the verdicts in which each is counted.

    Attributes:
        rows: What is normal now.
        trained: Decided crops of the training share.
        held_out: Held-out decided crops of animals and whole frames that the old bundle was not trained on either.
        background: Crops of the training share that show no animal; they train the background class.
        account: How many verdicts went where, name to number.
        notes: Sentences for the model card.
        changed: How many rows are new, moved to another species, or taken out.
    """

    rows: TrainingRows
    trained: VerdictRows
    held_out: VerdictRows
    background: VerdictRows
    account: dict[str, Any]
    notes: tuple[str, ...]
    changed: int


def _say_not_run(project: Project, labels: TrainingLabels, old: Bundle | None) -> str:
    """Why no decided crop has an embedding of the bundle's encoder, and what helps."""
    decided_in = set(labels.table["run"])
    runs = [run for run in project.runs() if not run.problem and run.run_id in decided_in]
    if not runs:
        return (
            "The runs of the photos you reviewed were deleted. Run the photos again with the bundle that you start "
            "from: your verdicts are found again by the content of the photos."
        )
    known = set(project.store.bundles()["name"])
    used = sorted({run.info.bundle for run in runs} & known - ({old.name} if old else set()))
    other = f", or start from {' or '.join(repr(name) for name in used)}" if used else ""
    which = "This bundle" if old else "The encoder of verdicts alone"
    return f"{which} has not been run on the photos you reviewed. Run it first{other}."


def prepare_training(
    project: Project,
    labels: TrainingLabels,
    *,
    old: Bundle | None,
    encoders: Sequence[dict[str, Any]],
    learn_species: Sequence[str] = (),
) -> TrainingMaterial:
    """Separate the training labels from the held-out verdicts, and make the rows of the next bundle.

    A normal crop joins its species, and a correction moves it to another. An anomaly never counts as normal: if
    it did before, it is taken out. The exception is a species in ``learn_species``, which the new bundle should know.
    A normal crop without an animal on it (``find_background``) trains the background class and no species.
    Only the training share of the verdicts is used; the crops of one event stay together.

    Raises:
        AnomalureError: If there is nothing to train on.
    """
    if not len(labels):
        raise AnomalureError(_say_none(labels))
    found = gather_verdict_rows(project, labels, encoders=encoders)
    if not len(found):
        raise AnomalureError(_say_not_run(project, labels, old))
    known = set(old.counts) if old else set()
    base = old.training_rows() if old else None
    found = _name_background(_name_species(_spell_as_known(found, known), old))
    learn_species = fold_species(list(learn_species), known=[*known, *found.rows.column("species")])
    held_out = is_held_out(found.rows.column("owner"))
    odd = found.anomalous
    wanted = odd & np.isin(found.rows.column("species"), list(learn_species)) & found.named
    background = found.is_background
    is_frame = found.rows.is_frame  # a whole frame with people on it shows neither nothing nor a species
    is_training = ~held_out & ~(background & is_frame) & (~odd | wanted)
    in_base = match_crops(found.rows.table, base.table) if base is not None else np.full(len(found), -1)
    gone = ((odd & ~wanted) | (background & ~is_training)) & (in_base >= 0)
    notes: list[str] = []
    new = found.rows.select(is_training)
    new, too_few = _leave_out_few(new, {*known, *BACKGROUND_SPECIES})
    notes += too_few
    rows, changed = _join(base, new, found, is_training=is_training, gone=gone, in_base=in_base)
    _refuse_emptied(base, rows)
    events_trained = set(base.table["owner"]) if base is not None else set()
    unseen = ~np.isin(found.rows.column("owner"), list(events_trained)) & (in_base < 0)
    account = {
        "verdicts": len(labels) + len(labels.conflicts) + labels.n_unsure,
        "taught_normal": int((is_training & ~odd & ~background).sum()),
        "taught_new_species": int((is_training & odd).sum()),
        "anomalies": int((odd & ~held_out & ~is_training).sum()),
        "taken_out": int(gone.sum()),
        "background": int(background.sum()),
        "taught_background": int((background & is_training).sum()),
        "kept_back": int((held_out & ~background).sum()),
        "kept_back_seen_before": int((held_out & ~background & ~unseen).sum()),
        "conflicts": len(labels.conflicts),
        "unsure": labels.n_unsure,
        "not_found": len(found.missing),
    }
    if not len(new) and changed == 0:
        raise AnomalureError(
            f"All {int(odd.sum())} verdicts that can be used for training are anomalies. They improve the order on "
            "Review at once, but a bundle is trained on normal crops: reject some flags, too."
            if not (~odd).any()
            else f"There is nothing new to train on: the {len(found)} decided crops are held out, are "
            f"of species with too few crops, show no animal, or were in the training before. {' '.join(notes)}".strip()
            + " Decide about more crops."
        )
    notes.append(
        f"{account['taught_normal']} crops that reviewers called normal were added, {account['taken_out']} that they "
        f"called anomalies or no animal were taken out, {account['kept_back']} were held out for the comparison."
    )
    if account["background"]:
        notes.append(
            f"{account['background']} crops show no animal, only people or nothing; no species was trained on them. "
            f"{account['taught_background']} of them were added to the background class."
        )
    if account["conflicts"]:
        notes.append(f"Reviewers disagree about {account['conflicts']} crops; these were left out.")
    if account["not_found"]:
        notes.append(f"{account['not_found']} decided crops are in no run with this encoder; these were left out.")
    return TrainingMaterial(
        rows,
        found.select(~held_out),
        found.select(held_out & unseen & ~background),
        found.select(background & ~held_out),
        account,
        tuple(notes),
        changed,
    )


def retrain_bundle(
    project: Project,
    *,
    name: str,
    made_from: str = "",
    learn_species: Sequence[str] = (),
    truth: LabelFile | None = None,
    split: str | None = None,
    on_step: Callable[[int, int, str], None] = lambda done, total, what: None,
) -> dict[str, Any]:
    """Make the bundle ``name`` from ``made_from`` and the verdicts so far; the active bundle stays what it is.

    Args:
        project: The study.
        name: Of the new bundle.
        made_from: The bundle to start from; empty: make a first bundle from the verdicts on first looks alone.
        learn_species: Species of accepted anomalies that the new bundle should know, and not flag.
        truth: Labels that say what is in the photos, if there are any; used only to measure.
        split: Of the truth.
        on_step: Gets the number of ``STEPS`` done, their total, and the name of the next one. If it raises before the
            step ``MEASURING``, no bundle is made.

    Returns:
        The report: ``bundle, made_from, account, conflicts, before, after, after_ranked, truth, moved, notes``.

    Raises:
        AnomalureError: If it cannot be done; then nothing is left behind.
    """
    check_name(name, what="bundle")
    refuse_existing(project.bundles_dir / name)
    steps = iter(enumerate(STEPS))

    def begin_step() -> None:
        done, words = next(steps)
        on_step(done, len(STEPS), words)

    begin_step()
    old = Bundle.load(project.bundles_dir / made_from) if made_from else None
    labels = sort_verdicts(project.store.verdicts(with_second=True))
    encoders, sections, settings, detector = _choose_parts(project, labels, old)
    begin_step()
    material = prepare_training(
        project, labels, old=old, encoders=[spec.to_values() for spec in encoders], learn_species=learn_species
    )
    begin_step()
    sections = sections or (material.rows.embeddings.shape[1],)
    source = f"the bundle {made_from} and verdicts" if made_from else "verdicts on a first look"
    bundle = make_bundle(
        material.rows,
        name=name,
        encoders=encoders,
        sections=sections,
        detector=detector,
        one_class=old.one_class if old else DEFAULT,
        components=old.components if old else 0,
        settings=settings,
        out_dir=project.bundles_dir,
        source=source,
        notes=(*material.notes, *_describe_kept_patches(old)),
        patch_judges=old.patch_judges if old else None,
        error_at=old.error_at if old else None,
        unseen_events=_find_unseen(old, material.rows),
    )
    project.store.register_bundle(name, made_from=made_from)
    # The bundle is made; what follows only measures it.
    begin_step()
    report: dict[str, Any] = {
        "bundle": name,
        "made_from": made_from,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "after_verdict": labels.last,
        "species": {kind: int(bundle.counts.get(kind, 0)) for kind in bundle.species},
        "species_before": {kind: int(old.counts.get(kind, 0)) for kind in old.species} if old else {},
        "account": material.account,
        "conflicts": labels.conflicts.head(MOST_LISTED).to_dict("records"),
        "notes": list(bundle.notes),
        **measure_bundles(material.held_out, material.trained, old=old, new=bundle),
        "truth": measure_truth(
            project,
            old=old,
            new=bundle,
            trained_events=set(material.trained.rows.column("owner")),
            truth=truth,
            split=split,
        ),
    }
    begin_step()
    report["moved"] = list_moved(project, labels, old=old, new=bundle)
    return report


def _find_unseen(old: Bundle | None, rows: TrainingRows) -> set[str]:
    """The events of ``rows`` that the old bundle's trained encoder has not seen; none: it was not trained."""
    if old is None or not old.unseen_events:
        return set()
    seen = set(old.training_rows().column("owner").tolist()) - set(old.unseen_events)
    return set(rows.column("owner").tolist()) - seen


def adopt_bundles(project: Project) -> list[str]:
    """Register bundles that are complete on disk but not registered, because their process was killed just then."""
    noted = set(project.store.bundles()["name"])
    return [name for name in read_bundles(project)["name"] if name not in noted]


def _choose_parts(
    project: Project, labels: TrainingLabels, old: Bundle | None
) -> tuple[tuple[EncoderSpec, ...], tuple[int, ...], RunSettings, str]:
    """Encoders, sections (empty: as they come), settings and detector of the new bundle."""
    if old is not None:
        return old.encoders, old.sections, old.settings, old.detector
    if not len(labels):
        raise AnomalureError(_say_none(labels))
    decided = set(labels.table["run"])
    runs = [run for run in project.runs() if not run.problem and run.info.encoders]
    run = next((run for run in runs if run.run_id in decided), runs[0] if runs else None)
    if run is None:
        raise AnomalureError(
            "The runs whose crops were decided were deleted, so there is nothing to train on. Run the "
            "folder again. The verdicts are found again by content."
        )
    encoders = tuple(EncoderSpec.from_values(values) for values in run.info.encoders)
    settings = RunSettings.from_values(run.info.settings)
    sections = tuple(run.info.sections)
    if not sections and len(encoders) > 1:  # runs of earlier versions do not say how long each encoder's part is
        from models.encoders.loading import load_encoder  # imports torch, which nothing else here needs

        sections = tuple(load_encoder(encoders).sections)
    return encoders, sections, settings, "auto" if run.info.boxes else run.info.detector


def _name_species(found: VerdictRows, old: Bundle | None) -> VerdictRows:
    """Give normal detections without a reviewer's species the species that the old bundle predicts."""
    if old is None:
        return found
    table = found.rows.table.copy()
    guessed = (
        ~found.named
        & (table["kind"] != CropKind.FRAME).to_numpy()
        & ~table["species"].isin([*old.counts, *BACKGROUND_SPECIES])
    )
    if guessed.any() and old.species_judge is not None:
        table.loc[guessed, "species"] = old.species_judge.judge(found.rows.vectors()[guessed]).kinds
    return VerdictRows(
        TrainingRows(table, found.rows.embeddings),
        found.verdicts,
        found.found_in,
        found.scores,
        found.named,
        found.missing,
    )


def _spell_as_known(found: VerdictRows, known: Collection[str]) -> VerdictRows:
    """Species as the old bundle spells them: reviewers type other capitals, and it is one species."""
    table = found.rows.table.copy()
    table["species"] = fold_species(table["species"].astype(str).tolist(), known=sorted(known))
    return replace(found, rows=TrainingRows(table, found.rows.embeddings))


def _name_background(found: VerdictRows) -> VerdictRows:
    """Write the names of what is no animal as the background class has them; people type capitals, too."""
    background = found.is_background
    if not background.any():
        return found
    table = found.rows.table.copy()
    table.loc[background, "species"] = table.loc[background, "species"].map(name_decided)
    return replace(found, rows=TrainingRows(table, found.rows.embeddings))


def _leave_out_few(new: TrainingRows, known: set[str]) -> tuple[TrainingRows, list[str]]:
    """Crops of species that are not known yet and have too few verdicts, and what to say of them."""
    table = new.table
    keep = np.ones(len(table), dtype=bool)
    notes = []
    for species in sorted(set(table["species"]) - known - {""}):
        mask = (table["species"] == species).to_numpy()
        n_crops, n_events = int(mask.sum()), table.loc[mask, "owner"].nunique()
        if n_crops < ENOUGH_CROPS or n_events < ENOUGH_EVENTS:
            keep &= ~mask
            notes.append(
                f"{species} is not known yet: it has {n_crops} crops of {n_events} events, but at least "
                f"{ENOUGH_CROPS} crops of {ENOUGH_EVENTS} events are needed."
            )
    return new.select(keep), notes


def _join(
    base: TrainingRows | None,
    new: TrainingRows,
    found: VerdictRows,
    *,
    is_training: np.ndarray,
    gone: np.ndarray,
    in_base: np.ndarray,
) -> tuple[TrainingRows, int]:
    if base is None:
        return new, len(new)
    trained_ids = set(new.table["crop_id"])
    replaced = np.array([crop_id in trained_ids for crop_id in found.rows.table["crop_id"]], dtype=bool) & is_training
    out = np.zeros(len(base), dtype=bool)
    out[in_base[(gone | replaced) & (in_base >= 0)]] = True
    was = base.column("species")[np.maximum(in_base, 0)] if len(base) else np.array([""] * len(found), dtype=object)
    moved = replaced & ((in_base < 0) | (was != found.rows.column("species")))
    return base.select(~out).join(new), int(moved.sum() + gone.sum())


def _refuse_emptied(base: TrainingRows | None, rows: TrainingRows) -> None:
    if base is None:
        return
    lost = sorted(set(base.table["species"]) - set(rows.table["species"]) - {"", *BACKGROUND_SPECIES})
    if lost:
        raise AnomalureError(
            f"No normal crop of {', '.join(lost)} would be left: verdicts call all of them anomalies, another "
            "species or no animal. Take some of these verdicts back, or train a bundle without this species from "
            "labels."
        )


def _describe_kept_patches(old: Bundle | None) -> list[str]:
    """What a retraining cannot change, because it does not read the photos."""
    if old is None or not old.patch_judges:
        return []
    cameras = ", ".join(sorted(old.patch_judges))
    return [
        f"Whole frames of {cameras} are scored by the patches of the bundle {old.name}. Verdicts on them do not change "
        "that and are not in the comparison. Train a new bundle from photos to change it."
    ]


def _say_none(labels: TrainingLabels) -> str:
    if labels.last == 0:
        return "There are no verdicts yet. Decide about some crops on the Review page first."
    parts = []
    if len(labels.conflicts):
        parts.append(f"{len(labels.conflicts)} on which reviewers disagree")
    if labels.n_unsure:
        parts.append(f"{labels.n_unsure} unsure")
    return (
        f"There is no verdict to train on: {' and '.join(parts) or 'all were taken back'}. "
        "Decide about some crops on the Review page first."
    )
