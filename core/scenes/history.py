"""A project's own history as labels: what the crops of its runs show, by the verdicts and else by the models."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.records import NOTHING, PERSON, Box, CropKind, Decision, JudgedBy
from core.review.index import ReviewIndex
from core.runs.folder import RunFolder, Status
from core.species import name_decided
from core.study.project import Project

FORMAT_NAME = "history"
CHUNK_CROPS = 20_000
_NO_ANIMAL = (NOTHING, PERSON)


def list_history_runs(project: Project) -> list[RunFolder]:
    """The runs that are done and scored, the newest first."""
    return [run for run in project.runs() if not run.problem and run.status is Status.DONE and run.is_scored()]


def read_history(project: Project, runs: Sequence[RunFolder] | None = None, *, with_flagged: bool = False) -> LabelFile:
    """The photos of runs with the species on them. A photo of several runs counts once, as in the first of them.

    A reviewer's name for a crop counts; else the species that the run took it for. Left out: crops of people and of
    nothing, those that a reviewer was unsure about, and those of no known species.

    Args:
        project: The study.
        runs: The newest first; None: all that are done.
        with_flagged: Whether crops that are flagged, or were called odd without a name, count as what the run took them
            for. What is ordinary is learned without them.
    """
    photos: dict[str, LabelledPhoto] = {}
    labels: dict[str, list[Label]] = defaultdict(list)
    for run in list_history_runs(project) if runs is None else runs:
        known = set(photos)
        for row, species in read_species_rows(project.review_index(run), with_flagged=with_flagged):
            if row.photo_id in known:
                continue
            if row.photo_id not in photos:
                photos[row.photo_id] = LabelledPhoto(
                    row.file_name,
                    deployment=row.deployment,
                    captured_at=None if pd.isna(row.captured_at) else row.captured_at.to_pydatetime(),
                    event_id=row.event_id,
                )
            labels[row.photo_id].append(Label(species, Box(row.x, row.y, row.width, row.height)))
    labelled = (
        LabelledPhoto(
            photo.file_name,
            tuple(labels[photo_id]),
            deployment=photo.deployment,
            captured_at=photo.captured_at,
            event_id=photo.event_id,
        )
        for photo_id, photo in photos.items()
    )
    return LabelFile(tuple(labelled), format_name=FORMAT_NAME)


def read_species_rows(index: ReviewIndex, *, with_flagged: bool) -> Iterator[tuple[Any, str]]:
    """The crops of a run on which there is an animal of a known species: rows of the review queue, and the species."""
    people = set(index.list_people())
    for start in range(0, len(index.catalogue), CHUNK_CROPS):
        rows = index.rows(np.arange(start, min(start + CHUNK_CROPS, len(index.catalogue))))
        for row in rows.itertuples(index=False):
            species = name_shown(row, with_flagged=with_flagged)
            if species and row.crop_id not in people:
                yield row, species


def name_shown(row: Any, *, with_flagged: bool) -> str:
    """The species that a crop counts as in a scene; empty if it does not count.

    Args:
        row: Of ``ReviewIndex.rows``, as a named tuple.
        with_flagged: As in ``read_history``.
    """
    if row.verdict == Decision.UNSURE:
        return ""
    if row.verdict and row.verdict_species:
        named = name_decided(row.verdict_species)
        return "" if named in _NO_ANIMAL else named
    if (row.verdict == Decision.ANOMALY or (not row.verdict and row.flagged)) and not with_flagged:
        return ""
    if row.judged_by == JudgedBy.BACKGROUND_MODEL or (row.kind == CropKind.FRAME and not row.verdict):
        return ""
    return "" if row.species in _NO_ANIMAL else str(row.species)
