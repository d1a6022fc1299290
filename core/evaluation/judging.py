"""Evaluates a run against the truth: how well its scores and flags separate anomalous from normal crops."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from core.errors import AnomalureError
from core.evaluation.apart import Apart, count_apart, say_calls
from core.evaluation.bootstrap import Draws, draw_figures, find_intervals
from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_flag_rates, compute_review_share
from core.formats.account import Problems
from core.formats.labelled import LabelFile, LabelledPhoto
from core.labels.meeting import meet_photos
from core.labels.overlaps import find_shown_box
from core.records import Box, CropKind
from core.runs.catalogue import rank_crops, read_catalogue
from core.runs.folder import RunFolder
from core.species import fold_name

REVIEW_RECALL = 0.95

NO_ANIMAL = "no animal"
SEVERAL = "several species"
TRAIN_SPLIT = "train"


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """The figures. One that cannot be computed is None, and ``reasons`` says why, by its name.

    ``auroc``, ``average_precision`` and ``review_at_95`` (the share of crops to review, most anomalous first, to find
    95% of the anomalies) measure the order of the queue; ``recall_flagged`` and ``false_alarm_rate`` are the shares of
    the anomalous and of the normal crops that are flagged. All are 0 to 1.

    ``n_novel`` crops show an animal that is not known, ``n_known`` are the others. Of those, ``n_on_nothing`` (also
    ``n_unmatched``) are detections where the truth has no animal. ``n_missed`` boxes of unknown animals match no crop,
    whole frames included. Left out are the crops of ``n_photos_without_truth`` photos, of ``n_photos_unfit``
    whose boxes were drawn on the photo turned on its side, and ``n_unnamed`` crops of animals without a species.
    ``n_truth_without_photo`` photos of the truth are not in the run.

    ``per_species`` maps the truth's species (and "no animal", "several species") to how many crops there are, whether
    they are ``novel``, the share that is flagged, the median score and, if novel, the AUROC against all normal crops.

    ``apart`` counts people and nothing apart from usual animals.

    ``intervals`` maps each figure to its 95% bootstrap interval over events (``n_draws`` draws), as ``[low, high]``, or
    None; each species has a ``share_flagged_interval`` of the same kind.
    """

    auroc: float | None
    average_precision: float | None
    review_at_95: float | None
    recall_flagged: float | None
    false_alarm_rate: float | None
    n_known: int
    n_novel: int
    n_unmatched: int
    n_missed: int
    n_unnamed: int
    n_photos: int
    n_photos_without_truth: int
    n_photos_unfit: int
    n_truth_without_photo: int
    known_species: tuple[str, ...]
    per_species: dict[str, dict[str, Any]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    intervals: dict[str, list[float] | None] = field(default_factory=dict)
    n_draws: int = 0
    apart: Apart = field(default_factory=Apart)

    def to_values(self) -> dict[str, Any]:
        """The figures by name, as JSON values."""
        return {**asdict(self), "known_species": list(self.known_species)}


@dataclass(frozen=True)
class JudgedCrops:
    """The crops of a run that can be compared with the truth, and counts of those that cannot.

    ``crops`` has the columns ``crop_id, file_name, event`` (its event, or its photo if that has none), ``score, rank``
    (as ``rank_crops``), ``flagged, truth`` (what it shows), ``novel`` and ``called`` (``animal``, ``nothing`` or
    ``person``: what the run calls it); ``counts`` are fields of ``Evaluation``.
    """

    crops: pd.DataFrame
    counts: dict[str, int]
    known_species: tuple[str, ...]


def evaluate_run(
    run: RunFolder,
    truth: LabelFile,
    *,
    known_species: Collection[str] | None = None,
    split: str | None = None,
    with_intervals: bool = True,
    problems: Problems | None = None,
) -> Evaluation:
    """Compare a run's scores and flags with what is in the photos: ``judge_crops``, then ``measure_judged``.

    Arguments and errors as for ``judge_crops``; ``with_intervals`` False skips the bootstrap.
    """
    judged = judge_crops(run, truth, known_species=known_species, split=split, problems=problems)
    return measure_judged(judged, with_intervals=with_intervals)[0]


def judge_crops(
    run: RunFolder,
    truth: LabelFile,
    *,
    known_species: Collection[str] | None = None,
    split: str | None = None,
    problems: Problems | None = None,
) -> JudgedCrops:
    """Find out what each crop of a run shows.

    A crop is an anomaly if it shows a species that is not known. A detection shows the animal whose box it matches
    best; a whole frame shows all animals of its photo.

    Args:
        run: A run with scores.
        truth: The photos' labels; names are matched by the longest common path ending.
        known_species: The species that the bundle knows; None: the species of the truth's ``train`` split.
        split: Only the photos of this split of the truth.
        problems: Counts photos that were met in a folder of another name than the truth says, or were not for it.

    Raises:
        AnomalureError: If the run has no scores, no photo of it is in the truth, the truth has no such split or no
            species, or it is not said which species are known.
    """
    known = _choose_known(truth, known_species)
    splits = sorted({photo.split for photo in truth.photos if photo.split})
    if split is not None and split not in splits:
        raise AnomalureError(f"The truth has no split {split!r}; it has: {', '.join(splits) or 'none'}.")
    if not any(label.species for photo in truth.photos for label in photo.labels):
        raise AnomalureError(
            "The truth names no species, so anomalies cannot be told from normal crops. "
            "Choose a file of labels rather than of detections."
        )
    columns = (
        "crop_id",
        "file_name",
        "kind",
        "x",
        "y",
        "width",
        "height",
        "photo_width",
        "photo_height",
        "event_id",
        "score",
        "p_value",
        "flagged",
        "species",
        "judged_by",
        "detector_class",
    )
    crops = read_catalogue(run, columns)
    if crops.empty or crops["score"].isna().any():
        raise AnomalureError(f"Run {run.run_id} has no scores for all of its crops. Resume it until it is done.")
    matched, n_without_photo = _match_photos(run, truth, split, problems)
    names = set(crops["file_name"])
    judge = _Judge({fold_name(name) for name in known})
    crops = crops.sort_values("file_name", kind="stable", ignore_index=True)
    shown: list[str | None] = []  # by crop: what it shows; None: not evaluated
    for name, photo_crops in groupby(crops.itertuples(), key=attrgetter("file_name")):
        shown += judge.judge(list(photo_crops), matched.get(name))
    for name, photo in matched.items():
        if name not in names:  # a failure
            judge.n_missed += sum(judge.is_novel(label.species) for label in photo.labels if not label.is_empty)
    if not any(name in matched for name in names):
        which = f"the split {split} of the truth" if split else "the truth"
        raise AnomalureError(
            f"No photo of run {run.run_id} is in {which}. The run has, for example, "
            f"{crops['file_name'].iloc[0]}, the truth {truth.photos[0].file_name}."
        )
    judged = crops.assign(truth=pd.Series(shown, dtype=object)).dropna(subset="truth")
    judged["novel"] = [name not in (NO_ANIMAL, SEVERAL) and judge.is_novel(name) for name in judged["truth"]]
    judged["novel"] = judged["novel"].astype(bool)
    counts = {
        "n_unmatched": judge.n_on_nothing,
        "n_missed": judge.n_missed,
        "n_unnamed": judge.n_unnamed,
        "n_photos": len(names),
        "n_photos_without_truth": len(names - set(matched)),
        "n_photos_unfit": judge.n_photos_unfit,
        "n_truth_without_photo": n_without_photo,
    }
    judged["called"] = say_calls(judged)
    judged["event"] = judged["event_id"].where(judged["event_id"] != "", judged["file_name"])
    judged["rank"] = rank_crops(judged["p_value"].to_numpy(), judged["score"].to_numpy())
    told = ["crop_id", "file_name", "event", "score", "rank", "flagged", "truth", "novel", "called"]
    return JudgedCrops(judged[told].reset_index(drop=True), counts, tuple(sorted(known)))


def measure_judged(judged: JudgedCrops, *, with_intervals: bool = True) -> tuple[Evaluation, Draws]:
    """The figures, and those of the photos drawn anew (empty without intervals or without crops)."""
    measured = _measure(judged.crops)
    draws: Draws = {}
    if with_intervals and len(judged.crops):
        draws = draw_figures(judged.crops, recall=REVIEW_RECALL)
    intervals = find_intervals(draws)
    for name, species in measured["per_species"].items():
        species["share_flagged_interval"] = intervals.pop(f"flagged of {name}", None)
    n_draws = len(next(iter(draws.values()))) if draws else 0
    evaluation = Evaluation(
        **{**measured, **judged.counts},
        known_species=judged.known_species,
        intervals=intervals,
        n_draws=n_draws,
        apart=count_apart(judged.crops, no_animal=NO_ANIMAL),
    )
    return evaluation, draws


def _choose_known(truth: LabelFile, known_species: Collection[str] | None) -> set[str]:
    if known_species is not None:
        return set(known_species)
    train = [photo for photo in truth.photos if photo.split == TRAIN_SPLIT]
    known = {label.species for photo in train for label in photo.labels if label.species and not label.is_empty}
    if not known:
        raise AnomalureError(
            f"Which species are known? The run has no bundle that says it, and the truth has no split "
            f"{TRAIN_SPLIT!r} with species. Name them, for example --known deer fox."
        )
    return known


def _match_photos(
    run: RunFolder, truth: LabelFile, split: str | None, problems: Problems | None
) -> tuple[dict[str, LabelledPhoto], int]:
    """The truth by the run's file names, and how many photos of the truth are not in the run.

    The truth about a photo that is there twice goes to the one that was scored, unless that has its own.
    """
    # All names are matched, of other splits too: cameras and splits number alike, and more names tell more.
    meant = meet_photos(truth.photos, run.file_names, folder=Path(run.info.folder), problems=problems)
    copies = run.read_table("photos", ["file_name", "duplicate_of"]).dropna(subset="duplicate_of")
    first = dict(zip(copies["file_name"], copies["duplicate_of"], strict=True))
    own: dict[str, LabelledPhoto] = {}
    of_copies: dict[str, LabelledPhoto] = {}
    n_without_photo = 0
    for photo in truth.photos:
        if split is not None and photo.split != split:
            continue
        name = meant.get(photo.file_name)
        if name is None:
            n_without_photo += 1
        elif name in first:
            of_copies[first[name]] = photo
        else:
            own[name] = photo
    return {**of_copies, **own}, n_without_photo


class _Judge:
    """Says of each crop what it shows, and counts what cannot be said."""

    def __init__(self, known: set[str]) -> None:
        self._known = known
        self.n_on_nothing = 0
        self.n_missed = 0
        self.n_unnamed = 0
        self.n_photos_unfit = 0

    def is_novel(self, species: str) -> bool:
        """Whether a species is named and not known; capitals aside."""
        return bool(species) and fold_name(species) not in self._known

    def judge(self, crops: Sequence[Any], photo: LabelledPhoto | None) -> list[str | None]:
        """What each crop of one photo shows; None if the truth does not say. ``crops`` are rows of the catalogue."""
        nothing: list[str | None] = [None] * len(crops)
        if photo is None:
            return nothing
        size = {"width_px": int(crops[0].photo_width), "height_px": int(crops[0].photo_height)}
        if not photo.fits(**size):
            self.n_photos_unfit += 1
            return nothing
        animals = [label for label in photo.labels if not label.is_empty]
        boxed, loose = [], []  # (species, box in px), species of the photo as a whole
        for label in animals:
            box = photo.box_px(label.box, **size) if label.box is not None else None
            if box is None:
                loose.append(label.species)
            else:
                boxed.append((label.species, box))
        boxes = [box for _, box in boxed]
        met: set[int] = set()
        shown: list[str | None] = []
        for crop in crops:
            if crop.kind == CropKind.FRAME:
                frame = self._sum_up([label.species for label in animals])
                shown.append(None if frame == NO_ANIMAL and photo.is_incomplete else frame)
                met.update(range(len(boxes)))
                continue
            place = find_shown_box(Box(crop.x, crop.y, crop.width, crop.height), boxes)
            if place is not None:
                met.add(place)
                shown.append(boxed[place][0] or None)
            elif loose:
                shown.append(self._sum_up(loose))
            elif photo.is_incomplete:
                shown.append(None)
            else:
                self.n_on_nothing += 1
                shown.append(NO_ANIMAL)
        self.n_missed += sum(self.is_novel(boxed[i][0]) for i in set(range(len(boxed))) - met)
        self.n_unnamed += shown.count(None)
        return shown

    def _sum_up(self, species: Sequence[str]) -> str | None:
        """What a picture of several animals counts as: an unknown one if there is any; None if none has a name."""
        odd = sorted(name for name in species if self.is_novel(name))
        if odd:
            return odd[0]
        named = sorted({name for name in species if name})
        if not named:
            return None if species else NO_ANIMAL
        return named[0] if len(named) == 1 else SEVERAL


def _measure(judged: pd.DataFrame) -> dict[str, Any]:
    ranks, novel = judged["rank"].to_numpy(dtype=float), judged["novel"].to_numpy(dtype=bool)
    flagged = judged["flagged"].to_numpy(dtype=bool)
    n_novel, n_known = int(novel.sum()), int((~novel).sum())
    recall, false_alarms = compute_flag_rates(flagged, novel=novel)
    figures: dict[str, float | None] = {
        "auroc": compute_auroc(ranks, novel=novel) if n_novel and n_known else None,
        "average_precision": compute_average_precision(ranks, novel=novel) if n_novel and n_known else None,
        "review_at_95": compute_review_share(ranks, novel=novel, recall=REVIEW_RECALL) if n_novel else None,
        "recall_flagged": recall,
        "false_alarm_rate": false_alarms,
    }
    lacking = "no crop shows a species that is not known" if not n_novel else "every crop shows an unknown species"
    if not len(judged):
        lacking = "no crop can be compared with the truth"
    return {
        **figures,
        "n_known": n_known,
        "n_novel": n_novel,
        "reasons": {name: lacking for name, figure in figures.items() if figure is None},
        "per_species": {str(name): _measure_species(crops, ranks[~novel]) for name, crops in judged.groupby("truth")},
    }


def _measure_species(crops: pd.DataFrame, normal_ranks: np.ndarray) -> dict[str, Any]:
    ranks, novel = crops["rank"].to_numpy(dtype=float), bool(crops["novel"].iloc[0])
    measured: dict[str, Any] = {
        "n": len(crops),
        "novel": novel,
        "share_flagged": float(crops["flagged"].mean()),
        "median_score": float(crops["score"].median()),
    }
    if novel:
        both = np.concatenate([ranks, normal_ranks])
        is_this = np.arange(len(both)) < len(ranks)
        measured["auroc"] = compute_auroc(both, novel=is_this) if len(normal_ranks) else None
    return measured
