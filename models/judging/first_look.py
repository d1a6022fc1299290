"""The first look: an unsupervised run, in which the crops of each camera are scored against each other."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.records import CropKind, JudgedBy
from core.runs.parts import EmbeddedShards
from core.settings.run import RunSettings
from models.judging.calibration import Units, merge_small_groups
from models.judging.outliers import OutlierModel
from models.judging.score_table import make_score_table, name_species

log = logging.getLogger(__name__)

ENOUGH_CROPS = 20
"""Detections of a camera with fewer are scored together with those of other small cameras."""
LEAST_CROPS = 5
"""A group with fewer is not scored: score 0, p-value 1. Whole frames of two cameras cannot be scored together."""
MOST_REFERENCES = 2_000
"""In a larger group, crops are compared with a seeded sample; every crop is still scored."""
MOST_REFERENCES_IN_ALL = 40_000
LEAST_REFERENCES = 500
SEED = 0

Wanted = Callable[[pd.DataFrame], np.ndarray]


def all_crops(crops: pd.DataFrame) -> np.ndarray:
    """Every crop of a shard."""
    return np.ones(len(crops), dtype=bool)


@dataclass(frozen=True)
class Look:
    """The results for the wanted crops of one shard, in their order; arrays of shape ``(n,)``."""

    scores: np.ndarray
    p_values: np.ndarray
    against: np.ndarray


class FirstLookScorer:
    """Scores the crops of each camera against each other, detections and whole frames separately.

    It is a ``Scorer`` of ``core.runs.parts``. A score says how far a crop is from the bulk of its group, in the group's
    units: 0 is the median, 1 the 95th percentile. The p-value is its rank: the share of the group that scores at least
    as high. So at a false-alarm rate of 5% the oddest 5% of each group are flagged, whether or not anything is odd.

    Args:
        settings: Of the run.
        sections: Lengths of the parts of an embedding.
        weights: How much each part counts; empty: all the same.
    """

    def __init__(self, settings: RunSettings, sections: Sequence[int], weights: Sequence[float] = ()) -> None:
        self._settings = settings
        self._sections = tuple(sections)
        self._weights = tuple(weights)
        self.notes: tuple[str, ...] = ()

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table of scores per shard, in the shards' order, with the columns of table scores."""
        looks = self.look(shards)
        for (crops, _), seen in zip(shards, looks, strict=True):
            yield make_score_table(
                crops,
                species=name_species(crops, self._settings, unsaid=""),
                scores=seen.scores,
                p_values=seen.p_values,
                judged_by=np.full(len(crops), str(JudgedBy.FIRST_LOOK), dtype=object),
                judged_against=seen.against,
                false_alarm_rate=self._settings.false_alarm_rate,
            )

    def look(self, shards: EmbeddedShards, *, wanted: Wanted = all_crops) -> list[Look]:
        """Score the wanted crops against each other. Reads the shards three times, with one in memory at a time.

        Args:
            shards: Of a run.
            wanted: Which crops of a shard's table to score, as a mask.

        Returns:
            One look per shard, in their order.
        """
        counts = _count_groups(shards, wanted)
        plan = _plan_groups(counts)
        references = _sample_references(shards, wanted, plan)
        models = {}
        for group in list(references):  # the rows of each group are freed once its model is fitted
            rows, photos = references.pop(group)
            if len(rows) >= LEAST_CROPS and len(set(photos)) > 1:
                models[group] = OutlierModel.fit(rows, photos, sections=self._sections, weights=self._weights)
        raw = self._score_shards(shards, wanted, plan, models)
        self.notes = tuple(_describe(plan, models))
        for note in self.notes:
            log.info("%s", note)
        return _rank(raw, plan, models)

    def _score_shards(
        self, shards: EmbeddedShards, wanted: Wanted, plan: "_Plan", models: dict[str, OutlierModel]
    ) -> list[tuple[np.ndarray, np.ndarray]]:
        """The group and the distance of each wanted crop, shard by shard."""
        raw = []
        for crops, embeddings in shards:
            mask = wanted(crops)
            taken = crops[mask]
            groups = plan.groups_of(taken)
            rows = embeddings[mask]
            photos = taken["photo_id"].to_numpy(dtype=object)
            distances = np.zeros(len(taken))
            for group in set(groups.tolist()) & set(models):
                of_group = groups == group
                distances[of_group] = models[group].score_samples(rows[of_group], photos[of_group].tolist())
            raw.append((groups, distances))
        return raw


@dataclass(frozen=True)
class _Plan:
    """Which group the detections and the whole frames of each camera belong to, and how large the groups are."""

    group_of: dict[tuple[str, str], str]
    sizes: dict[str, int]

    def groups_of(self, crops: pd.DataFrame) -> np.ndarray:
        keys = zip(crops["deployment"].fillna(""), crops["kind"].astype(str), strict=True)
        groups = np.empty(len(crops), dtype=object)
        groups[:] = [self.group_of[key] for key in keys]
        return groups

    def most_references(self) -> int:
        """How many rows of a group are kept: fewer if there are many groups, so that memory is bounded."""
        return int(np.clip(MOST_REFERENCES_IN_ALL // max(len(self.sizes), 1), LEAST_REFERENCES, MOST_REFERENCES))


def _count_groups(shards: EmbeddedShards, wanted: Wanted) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for crops, _ in shards:
        taken = crops[wanted(crops)]
        for key in zip(taken["deployment"].fillna(""), taken["kind"].astype(str), strict=True):
            counts[key] = counts.get(key, 0) + 1
    return counts


def _plan_groups(counts: dict[tuple[str, str], int]) -> _Plan:
    group_of: dict[tuple[str, str], str] = {}
    frames = sorted(key for key in counts if key[1] == CropKind.FRAME)
    for key in frames:
        group_of[key] = f"whole frames of {key[0]}"
    crops = sorted(key for key in counts if key[1] != CropKind.FRAME)
    shared = merge_small_groups([counts[key] for key in crops], enough=ENOUGH_CROPS)
    for leader in set(shared.tolist()):
        members = [key for key, group in zip(crops, shared, strict=True) if group == leader]
        name = f"crops of {members[0][0]}" if len(members) == 1 else f"crops of {len(members)} cameras with few"
        group_of.update(dict.fromkeys(members, name))
    sizes: dict[str, int] = {}
    for key, group in group_of.items():
        sizes[group] = sizes.get(group, 0) + counts[key]
    return _Plan(group_of, sizes)


def _sample_references(shards: EmbeddedShards, wanted: Wanted, plan: _Plan) -> dict[str, tuple[np.ndarray, list[str]]]:
    """The rows that a group's model is fitted to: all, or a seeded sample without replacement."""
    most = plan.most_references()
    rng = np.random.default_rng(SEED)
    chosen = {
        group: None if size <= most else np.sort(rng.choice(size, size=most, replace=False))
        for group, size in sorted(plan.sizes.items())
    }
    met = dict.fromkeys(plan.sizes, 0)
    rows_of: dict[str, list[np.ndarray]] = {group: [] for group in plan.sizes}
    photos_of: dict[str, list[str]] = {group: [] for group in plan.sizes}
    for crops, embeddings in shards:
        mask = wanted(crops)
        taken = crops[mask]
        groups = plan.groups_of(taken)
        rows = embeddings[mask]
        photos = taken["photo_id"].to_numpy(dtype=object)
        for group in sorted(set(groups.tolist())):
            of_group = np.flatnonzero(groups == group)
            numbers = met[group] + np.arange(len(of_group))
            met[group] += len(of_group)
            picks = chosen[group]
            if picks is not None:
                of_group = of_group[np.isin(numbers, picks, assume_unique=True)]
            rows_of[group].append(rows[of_group].astype(np.float16))
            photos_of[group] += photos[of_group].tolist()
    return {group: (np.concatenate(parts), photos_of[group]) for group, parts in rows_of.items()}


def _rank(raw: list[tuple[np.ndarray, np.ndarray]], plan: _Plan, models: dict[str, OutlierModel]) -> list[Look]:
    """Compute the units and ranks of each group."""
    groups = np.concatenate([part[0] for part in raw]) if raw else np.empty(0, dtype=object)
    distances = np.concatenate([part[1] for part in raw]) if raw else np.empty(0)
    scores, p_values = np.zeros(len(groups)), np.ones(len(groups))
    against = np.empty(len(groups), dtype=object)
    for group, size in plan.sizes.items():
        of_group = groups == group
        against[of_group] = group if group in models else f"{group}: {size}, too few to judge"
        if group not in models:
            continue
        own = distances[of_group]
        scores[of_group] = Units.of(own).standardise(own)
        ordered = np.sort(own)
        p_values[of_group] = (len(own) - np.searchsorted(ordered, own, side="left")) / len(own)
    looks, start = [], 0
    for part in raw:
        stop = start + len(part[0])
        looks.append(Look(scores[start:stop], p_values[start:stop], against[start:stop]))
        start = stop
    return looks


def _describe(plan: _Plan, models: dict[str, OutlierModel]) -> Iterator[str]:
    most = plan.most_references()
    for group, size in sorted(plan.sizes.items()):
        if group not in models:
            yield f"{group[0].upper()}{group[1:]}: {size}, too few to score; none is flagged."
        elif size > most:
            yield f"{group[0].upper()}{group[1:]}: {size}, compared with {most} of them, chosen at random."
