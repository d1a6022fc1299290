"""From verdicts to lessons: what each crop teaches, which of them are kept back to judge, and where people disagree."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.records import Decision, Round
from core.review.holding import SAME_BOX_IOU

JUDGING_SHARE = 0.3
"""So many of the events are never trained: their verdicts judge every bundle, this one and those to come."""
UNNAMED = "animal"
"""The species of normal crops that nobody named, where no model names one either."""

LESSON_COLUMNS = (
    "crop_id",
    "photo_id",
    "kind",
    "x",
    "y",
    "width",
    "height",
    "verdict",
    "species",
    "reviewer",
    "run",
    "score",
    "p_value",
    "sequence",
)
CONFLICT_COLUMNS = ("crop_id", "photo_id", "run", "said")
_SURE = (str(Decision.ANOMALY), str(Decision.NORMAL))


@dataclass(frozen=True)
class Lessons:
    """What holds of all verdicts, sorted.

    Attributes:
        table: One row a crop that is decided as anomaly or normal, columns ``LESSON_COLUMNS``, in the order of the
            verdicts; ``species`` is the reviewer's correction or empty.
        conflicts: Crops of which reviewers say different things, columns ``CONFLICT_COLUMNS``; ``said`` is in words.
        n_unsure: Crops about which the reviewer was unsure; they teach nothing.
        last: Sequence of the last verdict that was looked at; 0 without any.
    """

    table: pd.DataFrame
    conflicts: pd.DataFrame
    n_unsure: int
    last: int

    def __len__(self) -> int:
        return len(self.table)

    @property
    def anomalous(self) -> np.ndarray:
        """Which crops are anomalies, shape ``(n,)``, bool."""
        return (self.table["verdict"] == Decision.ANOMALY).to_numpy(dtype=bool)


def sort_verdicts(verdicts: pd.DataFrame) -> Lessons:
    """What verdicts teach.

    Of each reviewer the latest word on a crop counts. If two of them disagree about anomaly or normal, or about the
    species, the crop teaches nothing and is listed as a conflict, until somebody settles it or one of them changes
    their mind. A verdict that was taken back, and no later one by somebody else, is as if it had not been given.

    Args:
        verdicts: ``Store.verdicts(with_second=True)``, oldest first.
    """
    if verdicts.empty:
        return Lessons(pd.DataFrame(columns=list(LESSON_COLUMNS)), pd.DataFrame(columns=list(CONFLICT_COLUMNS)), 0, 0)
    last = int(verdicts["sequence"].max())
    ordered = verdicts.sort_values("sequence")
    holding = ordered[ordered["round"] != Round.SECOND].drop_duplicates("crop_id", keep="last")
    holding = holding[holding["verdict"] != ""]
    settled = set(holding.loc[holding["round"] == Round.SETTLED, "crop_id"])
    by_reviewer = ordered.drop_duplicates(["crop_id", "reviewer"], keep="last")
    by_reviewer = by_reviewer[by_reviewer["verdict"].isin(_SURE) & by_reviewer["crop_id"].isin(holding["crop_id"])]
    n_said = by_reviewer.groupby("crop_id")["verdict"].nunique()
    named = by_reviewer[by_reviewer["species"] != ""]
    n_named = named.groupby("crop_id")["species"].nunique()
    disputed = (set(n_said[n_said > 1].index) | set(n_named[n_named > 1].index)) - settled
    rows = []
    for crop_id, part in by_reviewer[by_reviewer["crop_id"].isin(disputed)].groupby("crop_id", sort=False):
        said = "; ".join(
            f"{row.reviewer or 'somebody'}: {row.verdict}" + (f", {row.species}" if row.species else "")
            for row in part.itertuples()
        )
        rows.append((crop_id, part["photo_id"].iloc[0], part["run"].iloc[-1], said))
    sure = holding[holding["verdict"].isin(_SURE) & ~holding["crop_id"].isin(disputed)]
    return Lessons(
        sure[list(LESSON_COLUMNS)].reset_index(drop=True),
        pd.DataFrame(rows, columns=list(CONFLICT_COLUMNS)),
        int(((holding["verdict"] == Decision.UNSURE) & ~holding["crop_id"].isin(disputed)).sum()),
        last,
    )


def is_for_judging(owners: pd.Series | np.ndarray) -> np.ndarray:
    """Which events are kept back to judge, shape ``(n,)``, bool.

    Chosen by the event's name alone, so that it is the same in every retraining: no verdict ever teaches one bundle
    and judges another.
    """
    names = [str(owner) for owner in owners]
    parts = {
        name: int.from_bytes(hashlib.blake2b(f"judge:{name}".encode(), digest_size=8).digest()) / 2**64
        for name in set(names)
    }
    return np.array([parts[name] < JUDGING_SHARE for name in names], dtype=bool)


def name_owner(photo_id: str, event_id: str) -> str:
    """The event of a photo, by a name that stays; a photo without a time, or without an event, is one of its own."""
    return photo_id if not event_id or "/no-time-" in event_id else event_id


def match_crops(lessons: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """The row of ``others`` that shows the same animal as each lesson, or -1.

    The same crop, or the one of the same photo and kind whose box overlaps most, at least ``SAME_BOX_IOU``. Both
    tables have ``crop_id, photo_id, kind, x, y, width, height``.

    Returns:
        Shape ``(len(lessons),)``, int.
    """
    # Of a million crops only the few on the same photos are gone through one by one.
    near = others["photo_id"].isin(lessons["photo_id"]) | others["crop_id"].isin(lessons["crop_id"])
    places = np.flatnonzero(near.to_numpy(dtype=bool))
    within = _match_near(lessons, others.iloc[places])
    return np.where(within >= 0, places[within] if len(places) else -1, -1)


def _match_near(lessons: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    place_of = {crop_id: place for place, crop_id in enumerate(others["crop_id"])}
    found = np.array([place_of.get(crop_id, -1) for crop_id in lessons["crop_id"]], dtype=int)
    by_photo: dict[tuple[str, str], list[int]] = {}
    for place, key in enumerate(zip(others["photo_id"], others["kind"].astype(str), strict=True)):
        by_photo.setdefault(key, []).append(place)
    boxes = others[["x", "y", "width", "height"]].to_numpy(dtype=float)
    own = lessons[["x", "y", "width", "height"]].to_numpy(dtype=float)
    for i, key in enumerate(zip(lessons["photo_id"], lessons["kind"].astype(str), strict=True)):
        candidates = by_photo.get(key, [])
        if found[i] < 0 and candidates:
            overlaps = _measure_overlaps(own[i], boxes[candidates])
            if overlaps.max() >= SAME_BOX_IOU:
                found[i] = candidates[int(overlaps.argmax())]
    return found


def _measure_overlaps(box: np.ndarray, boxes: np.ndarray) -> np.ndarray:
    """Intersection over union of one box (x, y, width, height) with others, shape ``(n,)``."""
    corner = np.minimum(box[:2] + box[2:], boxes[:, :2] + boxes[:, 2:])
    shared = np.prod(np.maximum(corner - np.maximum(box[:2], boxes[:, :2]), 0), axis=1)
    union = box[2] * box[3] + boxes[:, 2] * boxes[:, 3] - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-12), 0.0)
