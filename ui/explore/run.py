"""A run as the Explore page needs it: its crops' facts in the order of its points, verdicts and projections."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from core.maps.exploration import Exploration
from core.records import Decision
from core.review.holding import match_crops
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.store.guesses import shows_guesses
from core.study.project import Project
from models.guesses.guess import say_guess
from models.guesses.of_run import find_index_names
from ui.scatter.colours import name_species
from ui.shared.cards import crop_url
from ui.shared.words import DECISION_WORDS, say_p_value, say_time

COLUMNS = (
    "crop_id",
    "photo_id",
    "file_name",
    "deployment",
    "captured_at",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "detector_class",
    "species",
    "score",
    "p_value",
    "flagged",
    "judged_by",
    "judged_against",
)


@dataclass
class RunPoints:
    """The crops of one run, one row a point, in the order of ``exploration.crop_ids``.

    ``facts`` has ``COLUMNS``. ``stamp`` changes when the crops or their scores do.
    """

    run: RunFolder
    exploration: Exploration
    facts: pd.DataFrame
    stamp: str

    @property
    def n(self) -> int:
        """How many crops there are."""
        return len(self.facts)


def read_run_points(run: RunFolder) -> RunPoints:
    """Read the facts of all crops of a run.

    Raises:
        AnomalureError: If the run has no embeddings, or too few crops for a plot.
    """
    stamp = run.version
    exploration = Exploration(run)
    exploration.check()
    crop_ids = exploration.crop_ids
    facts = read_catalogue(run, COLUMNS).drop_duplicates("crop_id").set_index("crop_id")
    facts = facts.reindex(pd.Index(crop_ids, name="crop_id")).reset_index()
    texts = ["photo_id", "file_name", "deployment", "kind", "detector_class", "species", "judged_by", "judged_against"]
    facts[texts] = facts[texts].astype("object").fillna("")
    facts["flagged"] = facts["flagged"].astype("boolean").fillna(False).astype(bool)
    return RunPoints(run, exploration, facts, stamp)


def link_crops(one: RunPoints, other: RunPoints) -> np.ndarray:
    """For each crop of one run, the row of the same animal in another run, or -1; shape ``(one.n,)``.

    The same crop, or, where another detector drew other boxes, the crop of the same photo whose box overlaps most.
    """
    if one.run.run_id == other.run.run_id:
        return np.arange(one.n)
    return match_crops(one.facts, other.facts)


def read_verdicts(project: Project, points: RunPoints) -> pd.Series:
    """The valid verdict on each crop, people included, one per point; empty: undecided."""
    index = project.review_index(points.run)
    decided = index.read_decided()
    crop_ids = index.catalogue.take(decided["place"].to_numpy())["crop_id"]
    known = dict(zip(crop_ids, decided["verdict"].to_pylist(), strict=True))
    return points.facts["crop_id"].map(known).astype("object").fillna("")


def read_rows(project: Project, run: RunFolder, crop_ids: Sequence[str]) -> list[dict[str, Any]]:
    """Rows of the review queue of these crops, in their order."""
    rows = project.review_queue(
        run, crop_ids=tuple(crop_ids), flagged_only=False, order="given", limit=max(len(crop_ids), 1), with_people=True
    ).rows
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def read_first_guesses(project: Project, points: RunPoints) -> pd.Series:
    """The likeliest name of each crop, aligned with the points, as the project spells it; empty: no guess."""
    index = project.review_index(points.run)
    if index.guesses is None:
        return pd.Series("", index=points.facts.index, dtype=object)
    names, _ = index.guesses.rename(find_index_names(index)).take(np.arange(len(index.catalogue)))
    first = dict(zip(index.catalogue.table.column("crop_id").to_pylist(), names[:, 0], strict=True))
    return points.facts["crop_id"].map(first).astype("object").fillna("")


def find_first_runs(project: Project, points: RunPoints) -> pd.Series:
    """The name of the earliest run that saw each crop's photo, aligned with the points."""
    first: dict[str, str] = {}
    for run in reversed(project.runs()):
        if not run.problem and run.info.created_at <= points.run.info.created_at:
            for photo_id in read_catalogue(run, ["photo_id"])["photo_id"]:
                first.setdefault(photo_id, run.info.name)
    return points.facts["photo_id"].map(first).astype("object").fillna(points.run.info.name)


def describe_point(project: Project, points: RunPoints, place: int) -> dict[str, Any] | None:
    """The hover card of one point: picture, title and lines of text; None if there is no such point."""
    if not 0 <= place < points.n:
        return None
    row = points.facts.iloc[place]
    odd = "" if pd.isna(row["score"]) else f"score {row['score']:.2f}"
    rare = "" if pd.isna(row["p_value"]) else say_p_value(row["p_value"])
    lines = [
        " · ".join(part for part in (odd, rare, "flagged" if row["flagged"] else "") if part),
        row["deployment"],
        say_time(None if pd.isna(row["captured_at"]) else row["captured_at"]),
        _say_guess(project, points.run, row["crop_id"]),
        _say_verdict(project, points.run, row["crop_id"]),
    ]
    return {
        "picture": crop_url(row["crop_id"], run_id=points.run.run_id),
        "crop_id": row["crop_id"],
        "title": str(name_species(points.facts.iloc[[place]]).iloc[0]),
        "lines": [line for line in lines if line],
    }


def _say_guess(project: Project, run: RunFolder, crop_id: str) -> str:
    index = project.review_index(run)
    if index.guesses is None or not shows_guesses(project.store):
        return ""
    places = list(index.find_places([crop_id]).values())
    said = index.guesses.say(places, own_names=find_index_names(index))
    if not said or not said[0]:
        return ""
    (classifier,) = index.guesses.say_sources(places)
    return f"{classifier or 'Looks like (a guess)'}: {say_guess(said[0])}"


def _say_verdict(project: Project, run: RunFolder, crop_id: str) -> str:
    """The valid verdict on a crop and its reviewer; empty: undecided."""
    index = project.review_index(run)
    for row in index.rows(list(index.find_places([crop_id]).values())).to_dict("records"):
        if row["verdict"]:
            words = [DECISION_WORDS[Decision(row["verdict"])], row["verdict_species"]]
            by = f", by {row['reviewer']}" if row["reviewer"] else ""
            return " · ".join(word for word in words if word) + by
    return ""
