"""Crops, verdicts and events as JSON values for the review board. Knows no Streamlit."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from itertools import accumulate, chain
from typing import Any

import numpy as np
import pandas as pd

from core.photos.crops import find_cut
from core.records import Box, CropKind, Decision, HeatMap, JudgedBy, name_key
from core.review.filters import QueueFilters
from core.review.holding import match_crops
from core.review.index import ReviewIndex
from core.runs.folder import RunFolder
from core.scenes.remarks import read_remarks, say_remark
from core.settings.run import RunSettings
from core.species import is_thing_name
from models.guesses.names import NO_ANIMAL
from models.guesses.of_run import find_index_names
from ui.shared.plurals import name_many
from ui.shared.words import DECISION_WORDS, name_crop, say_score, say_time

LEAST_LIMIT = 1e-6
PEERS = {str(CropKind.DETECTION): "crops", str(CropKind.FRAME): "whole frames"}
USUAL_MARGIN = RunSettings().crop_margin
QUERY_TEXTS = ("species", "kind", "camera", "guess", "order", "decided_by", "decided_as", "only")
QUERY_COUNTS = ("ranking",)
QUERY_NUMBERS = ("false_alarm_rate", "score_from", "score_to", "p_value_from", "p_value_to")
QUERY_DAYS = ("captured_from", "captured_to")
QUERY_SWITCHES = ("flagged_only", "undecided_only", "with_people")


def to_query(filters: QueueFilters, *, selection: str = "") -> dict[str, Any]:
    """The filters as parameters of an address; defaults are left out."""
    usual = QueueFilters()
    values = {name: getattr(filters, name) for name in (*QUERY_TEXTS, *QUERY_NUMBERS, *QUERY_COUNTS)}
    values |= {name: getattr(filters, name) and getattr(filters, name).isoformat() for name in QUERY_DAYS}
    values |= {name: int(getattr(filters, name)) for name in QUERY_SWITCHES}
    if filters.decided_since is not None:
        values["decided_since"] = filters.decided_since.astimezone(UTC).isoformat()
    plain = {name: value for name, value in values.items() if value != getattr(usual, name, None)}
    return plain | ({"selection": selection} if selection else {})


def from_query(query: Mapping[str, str], *, crop_ids: tuple[str, ...] | None = None) -> QueueFilters:
    """The filters that an address holds.

    Raises:
        ValueError: If a value is not valid.
    """
    values: dict[str, Any] = {name: str(query[name]) for name in QUERY_TEXTS if name in query}
    values |= {name: float(query[name]) for name in QUERY_NUMBERS if name in query}
    values |= {name: int(query[name]) for name in QUERY_COUNTS if name in query}
    values |= {name: date.fromisoformat(query[name]) for name in QUERY_DAYS if name in query}
    values |= {name: str(query[name]) == "1" for name in QUERY_SWITCHES if name in query}
    if "decided_since" in query:
        values["decided_since"] = datetime.fromisoformat(query["decided_since"])
    return QueueFilters(**values, crop_ids=crop_ids)


def list_rows(index: ReviewIndex, rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The crops of a page as the board draws them, from ``ReviewIndex.rows``."""
    guesses = list_guesses(index, rows["place"].to_numpy())
    remarks = read_remarks(index.run)
    return [
        {
            **to_row(index.run, row, guesses=some),
            "unusual": say_remark(
                remarks, crop_id=row["crop_id"], species=str(row["verdict_species"] or row["species"])
            ),
        }
        for row, some in zip(rows.to_dict("records"), guesses, strict=True)
    ]


def list_guesses(index: ReviewIndex, places: np.ndarray) -> list[list[dict[str, Any]]]:
    """The likely names of each crop with their shares, as the project spells them; empty if the run has no guesses.

    The board shows them if the project shows guesses. ``isSpecies`` is false for "no animal"; ``source`` is the
    classifier that says so, empty for the encoder.
    """
    if index.guesses is None:
        return [[] for _ in places]
    return [
        [
            {"name": name, "share": round(share, 3), "isSpecies": name != NO_ANIMAL, "source": source}
            for name, share in some
        ]
        for some, source in zip(
            index.guesses.say(places, own_names=find_index_names(index)), index.guesses.say_sources(places), strict=True
        )
    ]


def to_row(run: RunFolder, row: Mapping[Any, Any], *, guesses: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """One crop as the board draws it."""
    captured_at = None if pd.isna(row["captured_at"]) else row["captured_at"]
    return {
        "crop": row["crop_id"],
        "photo": row["photo_id"],
        "file": row["file_name"],
        "camera": row["deployment"],
        "time": say_time(captured_at),
        "event": row["event_id"],
        "kind": row["kind"],
        "box": [float(row[side]) for side in ("x", "y", "width", "height")],
        "cut": list_cut(run, row),
        "size": [int(row["photo_width"]), int(row["photo_height"])],
        "species": row["species"],
        "title": name_crop(row["species"], kind=row["kind"], detector_class=row["detector_class"]),
        "bestFit": is_best_fit(run, row),
        "guesses": list(guesses),
        "score": to_number(row["score"]),
        "p": to_number(row["p_value"]),
        "flagged": bool(row["flagged"]),
        "rate": to_number(row["false_alarm_rate"]),
        "why": say_score(p_value=row["p_value"], judged_by=row["judged_by"], judged_against=row["judged_against"]),
        "detector": f"{row['detector_class']} ({row['detector_confidence']:.0%} sure)" if row["detector_class"] else "",
        **to_verdict(row),
    }


def to_verdict(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What is valid for a crop now; ``version`` differs for each verdict and is empty without one."""
    return {
        "verdict": row["verdict"],
        "verdictSpecies": row["verdict_species"],
        "note": row["note"],
        "reviewer": row["reviewer"],
        "givenTo": row["given_to"],
        "version": row["verdict_id"],
    }


def say_changed(now: Mapping[str, Any], reviewer: str) -> str:
    """Why a decision was not kept: what somebody else, or the same person in another tab, has decided meanwhile."""
    if not now["verdict"]:
        return "The decision about this crop was taken back meanwhile. Decide again if you still think so."
    is_own = bool(reviewer) and name_key(now["reviewer"]) == name_key(reviewer)
    who = "you in another tab" if is_own else now["reviewer"] or "somebody"
    what = DECISION_WORDS[Decision(now["verdict"])] + (f", {now['verdictSpecies']}" if now["verdictSpecies"] else "")
    return f"Changed meanwhile by {who}: {what}. Decide again if you disagree."


def list_cut(run: RunFolder, row: Mapping[Any, Any]) -> list[float]:
    """Where the crop's picture lies in the photo, which is the box with its margin: x, y, width, height in pixels."""
    box = Box(*(float(row[side]) for side in ("x", "y", "width", "height")))
    margin = 0.0 if row["kind"] == CropKind.FRAME else float(run.info.settings.get("crop_margin", USUAL_MARGIN))
    try:
        left, top, right, bottom = find_cut(
            box, margin=margin, width=int(row["photo_width"]), height=int(row["photo_height"])
        )
    except ValueError:  # a box of a damaged file
        return [box.x, box.y, box.width, box.height]
    return [left, top, right - left, bottom - top]


def to_heat(heat: HeatMap | None) -> dict[str, Any]:
    """The anomaly map of a whole frame, row by row: each distance divided by the limit of usual frames."""
    if heat is None:
        return {"heat": None, "words": ""}
    height, width = heat.distances.shape
    shares = heat.distances.astype(float).ravel() / max(heat.limit, LEAST_LIMIT)
    words = (
        "Bright: unlike anything that was seen at this camera before. Dark: as usual."
        if shares.max() > 1
        else "Nothing here is odder than in usual frames of this camera. The brightest part is the least usual."
    )
    return {"heat": {"height": height, "width": width, "shares": shares.round(3).tolist()}, "words": words}


def is_best_fit(run: RunFolder, row: Mapping[Any, Any]) -> bool:
    """Whether the crop's species is only the best-fitting known one, not one that somebody gave."""
    by_fit = run.info.settings.get("species_from", "fit") == "fit" and row["judged_by"] == JudgedBy.SPECIES_MODEL
    return bool(by_fit and not row["verdict_species"])


def name_species(index: ReviewIndex) -> list[str]:
    """The names that a type-ahead offers: the run's species, and those that reviewers gave."""
    of_run = index.names("species")
    if not index.run.info.bundle:  # the classes of a detector, of which many are no animals
        of_run = [name for name in of_run if not is_thing_name(name)]
    return sorted({*of_run, *index.named_species()}, key=str.casefold)


def list_event(index: ReviewIndex, place: int, *, most: int = 400) -> dict[str, Any]:
    """The photos of a crop's event, oldest first, each with its crops; ``more`` photos were left out."""
    places = index.find_event(place)
    crops = list_rows(index, index.rows(places[: 4 * most]))
    photos: dict[str, dict[str, Any]] = {}
    for crop in crops:
        photo = photos.setdefault(
            crop["photo"],
            {"photo": crop["photo"], "file": crop["file"], "time": crop["time"], "size": crop["size"], "crops": []},
        )
        photo["crops"].append(crop)
    shown = list(photos.values())[:most]
    return {"photos": shown, "more": len(photos) - len(shown) + max(0, len(places) - len(crops))}


def list_history(verdicts: pd.DataFrame, row: Mapping[str, Any], *, notes: pd.DataFrame) -> list[dict[str, Any]]:
    """The verdicts on one crop, and on boxes of the same animal in other runs, and the notes on it, newest first.

    Verdicts follow the order in which they were kept, which says what holds: a clock that was set back does not.
    """
    same = verdicts[match_crops(verdicts, pd.DataFrame([row])) >= 0].to_dict("records")
    written = [
        {
            **dict.fromkeys(("verdict", "species", "bundle"), ""),
            **dict.fromkeys(("score", "p", "rate")),
            "isNote": True,
            "note": one["note"],
            "reviewer": one["reviewer"],
            "at": to_moment(one["written_at"]),
            "run": one["run"],
        }
        for one in notes.to_dict("records")
    ]
    given = [
        {
            "verdict": one["verdict"],
            "species": one["species"],
            "note": one["note"],
            "reviewer": one["reviewer"],
            "at": to_moment(one["decided_at"]),
            "run": one["run"],
            "bundle": one["bundle"],
            "score": to_number(one["score"]),
            "p": to_number(one["p_value"]),
            "rate": to_number(one["false_alarm_rate"]),
        }
        for one in same
    ]
    # The latest moment so far, so that two lists in their own orders are merged, whatever the clock did meanwhile.
    moments = [list(accumulate((str(one["at"]) for one in part), max)) for part in (written, given)]
    in_order = sorted(zip(chain(*moments), [*written, *given], strict=True), key=lambda pair: pair[0])
    return [one for _, one in reversed(in_order)]


def list_last(verdicts: pd.DataFrame) -> list[dict[str, Any]]:
    """A reviewer's last decisions, newest first, from ``Store.last_verdicts``, with the valid verdict before each."""
    return [
        {
            "crop": one["crop_id"],
            "id": one["verdict_id"],
            "verdict": one["verdict"],
            "species": one["species"],
            "note": one["note"],
            "at": to_moment(one["decided_at"]),
            "group": "",
            "before": {
                "verdict": one["before"],
                "species": one["species_before"],
                "note": one["note_before"],
                "group": one["given_to_before"],
            },
        }
        for one in verdicts.to_dict("records")
    ]


def to_number(value: Any) -> float | None:
    """The number, or None for NaN, which JSON does not have."""
    return None if value is None or not np.isfinite(value) else float(value)


def to_moment(moment: Any) -> str:
    """A time in UTC in the form that browsers read."""
    return f"{pd.Timestamp(moment).isoformat()}Z"


def say_alike(row: Mapping[Any, Any], *, n: int, are_normal: bool) -> str:
    """The heading over the crops to compare a crop with: what they are, and who says so."""
    peers = name_many(row["species"]) if row["species"] else f"{PEERS[row['kind']]} of {row['deployment']}"
    if not n:
        return f"There are too few normal {peers} to compare with."
    if are_normal:
        return f"Normal {peers}, nearest first: from the training or confirmed by a person"
    return f"The nearest {peers} that are not flagged. Nobody has confirmed that they are normal."


def to_example(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A crop that a bundle was trained on as the board draws it beside another; from ``TrainingRows.table``."""
    return {
        "crop": row["crop_id"],
        "camera": row["deployment"],
        "time": say_time(None if pd.isna(row["captured_at"]) else row["captured_at"]),
        "title": name_crop(row["species"], kind=row["kind"], detector_class=""),
    }
