"""The routes of the review board: its scripts, pages of the queue, decisions, and what is known of a crop.

Decisions have a route of their own, so that the page's script need not run again for them. Several decisions go in one
request, and the answer says which are on the disk. Knows no Streamlit.
"""

import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from starlette.requests import Request
from starlette.routing import Route

from core.disk.json import parse_values
from core.errors import AnomalureError
from core.records import LONGEST_SPECIES, CropKind, Decision, is_whole, tidy_species
from core.review.alike import NormalCrops
from core.review.index import ReviewIndex
from core.store.notes import Note, keep_notes
from core.study.decisions import LONGEST_WAIT, VERDICT_ID, GivenDecision, Kept, keep_decisions
from core.study.project import Project
from core.study.selections import read_selection
from core.team.acting import say_why_not
from core.team.roles import Action
from ui.board.odd_parts import show_odd_parts
from ui.board.odd_places import show_odd_place
from ui.board.reconstructions import show_reconstruction
from ui.board.rows import (
    from_query,
    list_event,
    list_history,
    list_rows,
    say_alike,
    say_changed,
    to_example,
    to_heat,
    to_verdict,
)
from ui.board.trained_on import TrainedOn
from ui.entry.signing_in import WHO
from ui.server.answering import NotThere, Refused, answer_with, find_run, refuse_gone
from ui.server.reviewer_pass import PassInvalid, read_pass
from ui.shared.project_place import open_project
from ui.shared.scripts import Scripts
from ui.work.ranking import refresh_ranking

MOST_ROWS = 500
MOST_DECISIONS = 5_000
LONGEST_NOTE = 2_000
NO_SUCH_CROP = "There is no such crop."
SCRIPTS = Scripts(Path(__file__).resolve().parent / "browser", address="/board")


# Decisions


def save_verdicts(request: Request, body: bytes) -> dict[str, Any]:
    """Save decisions: those in ``saved`` are on the disk.

    Those in ``refused`` can never be saved, and those in ``held`` not by whoever sends them now, each with the reason.
    The board gives up nothing but what is refused by its id.
    """
    try:
        values = parse_values(body)
        items = values["decisions"]
        run_id = values["run"]
        if not isinstance(items, list) or not isinstance(run_id, str) or len(items) > MOST_DECISIONS:
            raise Refused("decisions must be a list")
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("it must have a run and decisions") from error
    if not all(isinstance(item, dict) and VERDICT_ID.fullmatch(str(item.get("id", ""))) for item in items):
        raise Refused("a decision needs an id")
    project = open_project()
    if gone := refuse_gone(project, run_id):
        return {"saved": [], "refused": {str(item["id"]): gone for item in items}, "held": {}}
    if why := say_why_not(project.path, Action.DECIDE):
        return {"saved": [], "refused": {str(item["id"]): why for item in items}, "held": {}}
    index = project.review_index(run_id)
    decisions: list[GivenDecision] = []
    notes: list[Note] = []
    refused: dict[str, str] = {}
    held: dict[str, str] = {}
    for item in items:
        try:
            reviewer = read_pass(project, item.get("pass", values.get("pass")), who=request.scope.get(WHO))
            if item.get("kind") == "note":
                notes.append(_to_note(index, item, reviewer=reviewer))
            else:
                decisions.append(_to_decision(item, reviewer=reviewer))
        except PassInvalid as error:
            held[str(item["id"])] = str(error)
        except (ValueError, TypeError) as error:
            refused[str(item["id"])] = f"This decision cannot be understood: {error}."
    keep_notes(project.store, notes)
    index.add_notes((one.crop_id, one.note) for one in notes)
    kept = keep_decisions(project.store, index, decisions) if decisions else Kept()
    _rank_anew(project, run_id)
    refused |= {one.decision_id: "This run has no such crop." for one in decisions if one.crop_id in kept.unknown}
    now = _read_changed(index, kept.changed)
    refused |= {one.decision_id: say_changed(now[one.decision_id], one.reviewer) for one in kept.changed}
    saved = [one.decision_id for one in decisions if one.decision_id not in refused] + [one.note_id for one in notes]
    return {"saved": saved, "refused": refused, "held": held, "now": now}


def _read_changed(index: ReviewIndex, changed: Sequence[GivenDecision]) -> dict[str, dict[str, Any]]:
    """How the crops of decisions are now that were not kept because somebody else decided meanwhile."""
    places = index.find_places([one.crop_id for one in changed])
    rows = index.rows(list(places.values())).to_dict("records") if places else []
    by_crop = {row["crop_id"]: to_verdict(row) for row in rows}
    return {one.decision_id: by_crop[one.crop_id] for one in changed}


def _rank_anew(project: Project, run_id: str) -> None:
    """Rank the undecided crops again after every few decisions, in a background process."""
    index = project.review_index(run_id)
    with suppress(OSError):  # the decisions are saved; the last ranking stays in use
        refresh_ranking(project, index.run, last_sequence=index.sequence)


def _to_decision(item: Mapping[str, Any], *, reviewer: str) -> GivenDecision:
    verdict = item.get("verdict") or None
    age_s = float(item.get("age_ms", 0)) / 1000
    rate = item.get("rate")
    return GivenDecision(
        decision_id=str(item["id"]),
        crop_id=str(item.get("crop", "")),
        verdict=None if verdict is None else Decision(str(verdict)),
        species=tidy_species(str(item.get("species") or ""))[:LONGEST_SPECIES],
        note=str(item.get("note") or "").strip()[:LONGEST_NOTE],
        reviewer=reviewer,
        # A decision must be saved even if the clock was changed meanwhile.
        age_s=min(max(age_s, 0.0), LONGEST_WAIT.total_seconds()) if math.isfinite(age_s) else 0.0,
        false_alarm_rate=None if rate is None else float(rate),
        given_to=str(item.get("given_to") or "") if verdict else "",
        seen=None if item.get("seen") is None else str(item["seen"]),
    )


def _to_note(index: ReviewIndex, item: Mapping[str, Any], *, reviewer: str) -> Note:
    places = list(index.find_places([crop for crop in [str(item.get("crop", ""))] if is_whole(crop)]).values())
    if not places:
        raise ValueError("this run has no such crop")
    row = index.rows(places).iloc[0]
    return Note(
        note_id=str(item["id"]),
        photo_id=row["photo_id"],
        crop_id=row["crop_id"],
        note=str(item.get("note") or "").strip()[:LONGEST_NOTE],
        reviewer=reviewer,
        run=index.run.run_id,
    )


# The queue


def read_page(request: Request, body: bytes) -> dict[str, Any]:
    """Some rows of a queue from an offset."""
    project = open_project()
    query = dict(request.query_params)
    run_id = request.path_params["run_id"]
    find_run(project, run_id)
    start, n = int(query.get("from", 0)), int(query.get("n", 60))
    if start < 0 or not 0 <= n <= MOST_ROWS:
        raise Refused("from and n are out of range")
    crop_ids = read_selected(project, query["selection"]) if "selection" in query else None
    filters = from_query(query, crop_ids=crop_ids)
    index = project.review_index(run_id)
    view = index.open_view(filters)
    rows = index.rows(view.places[start : start + n], false_alarm_rate=filters.false_alarm_rate)
    return {
        "rows": list_rows(index, rows),
        "total": len(view.places),
        "selected": view.n_selected,
        "decided": view.n_decided,
    }


def read_selected(project: Project, selection_id: str) -> tuple[str, ...]:
    """The crops of a named selection, in its order."""
    return _read_selected(project.path, selection_id)


@lru_cache(maxsize=8)
def _read_selected(project_path: Any, selection_id: str) -> tuple[str, ...]:
    try:
        return tuple(read_selection(project_path, selection_id).crop_ids())
    except AnomalureError as error:
        raise NotThere from error


# One crop


def show_crop(request: Request, body: bytes) -> dict[str, Any]:
    """A crop with the photos and crops of its event."""
    index, place = _find_crop(request)
    return {"crop": list_rows(index, index.rows([place]))[0], "event": list_event(index, place)}


def show_alike(request: Request, body: bytes) -> dict[str, Any]:
    """The crops to compare a crop with."""
    index, place = _find_crop(request)
    project = open_project()
    trained = TrainedOn(project, index.bundle)
    known = _normal.setdefault(index, NormalCrops(index, find_examples=trained.find))
    alike = known.find(place)
    ours = iter(list_rows(index, index.rows([at for at in alike.places if at >= 0])))
    crops = [
        next(ours) if at >= 0 else to_example(trained.describe(crop_id))
        for crop_id, at in zip(alike.crop_ids, alike.places, strict=True)
    ]
    row = index.rows([place]).iloc[0]
    return {"crops": crops, "words": say_alike(row, n=len(crops), are_normal=alike.are_normal)}


_normal: WeakKeyDictionary[ReviewIndex, NormalCrops] = WeakKeyDictionary()


def show_heat(request: Request, body: bytes) -> dict[str, Any]:
    """Where a crop is odd: by its patches, an autoencoder's errors, or a heat-map model; else null, and perhaps why."""
    index, place = _find_crop(request)
    row = index.catalogue.take(np.array([place])).iloc[0]
    heat = index.run.find_heat_map(str(row["crop_id"]), shard=int(row["shard"]))
    if heat:
        return to_heat(heat)
    project = open_project()
    rebuilt = show_reconstruction(project, index.run, str(row["crop_id"]))
    if rebuilt["heat"]:
        return rebuilt
    if row["kind"] != CropKind.FRAME:
        parts = show_odd_parts(project, index.run, crop_id=str(row["crop_id"]), species=str(row["species"]))
        return parts if parts["heat"] or not rebuilt["words"] else rebuilt
    placed = show_odd_place(project, index.run.run_id, str(row["photo_id"]))
    return placed if placed["heat"] or placed["words"] else rebuilt


def show_history(request: Request, body: bytes) -> dict[str, Any]:
    """Every verdict ever given on a crop, newest first."""
    index, place = _find_crop(request)
    row = index.rows([place]).iloc[0].to_dict()
    store = open_project().store
    with store.reading():
        verdicts, notes = store.verdicts_of_photo(row["photo_id"]), store.notes(photo_id=row["photo_id"])
    return {"history": list_history(verdicts, row, notes=notes[notes["crop_id"] == row["crop_id"]])}


def _find_crop(request: Request) -> tuple[ReviewIndex, int]:
    project = open_project()
    run_id, crop_id = request.path_params["run_id"], request.path_params["crop_id"]
    find_run(project, run_id)
    if project.crop_path(crop_id) is None:
        raise NotThere
    index = project.review_index(run_id)
    place = index.find_places([crop_id]).get(crop_id)
    if place is None:
        raise NotThere
    return index, place


ROUTES = [
    SCRIPTS.route,
    Route("/api/verdicts", answer_with(save_verdicts, missing=NO_SUCH_CROP), methods=["POST"]),
    Route("/api/runs/{run_id}/queue", answer_with(read_page, missing=NO_SUCH_CROP)),
    Route("/api/runs/{run_id}/crops/{crop_id}", answer_with(show_crop, missing=NO_SUCH_CROP)),
    Route("/api/runs/{run_id}/crops/{crop_id}/history", answer_with(show_history, missing=NO_SUCH_CROP)),
    Route("/api/runs/{run_id}/crops/{crop_id}/alike", answer_with(show_alike, missing=NO_SUCH_CROP)),
    Route("/api/runs/{run_id}/crops/{crop_id}/heat", answer_with(show_heat, missing=NO_SUCH_CROP)),
]
