"""The routes of the Groups page: its scripts, the groups at any number of them, and what a person does to a group.

An action is about a group that was shown: it names the tree, the number of groups and the group. If somebody else
changed that group meanwhile, the action is refused with a sentence, so that nobody names what they did not see. Knows
no Streamlit.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.routing import Route

from core.disk.json import parse_values
from core.errors import AnomalureError, NotNow
from core.groups import naming
from core.groups.naming import Given
from core.groups.partition import Group
from core.records import name_key
from core.study.decisions import VERDICT_ID
from core.study.project import Project
from ui.entry.signing_in import WHO
from ui.groups.opened import OpenGroups, open_groups
from ui.groups.state import MEANING_WORDS, build_state
from ui.server.answering import NotThere, Refused, answer_with, find_run, refuse_gone
from ui.server.reviewer_pass import PassInvalid, read_pass
from ui.shared.project_place import open_project
from ui.shared.scripts import UI, Scripts

MOST_ACTIONS = 100
MOST_CROPS = 500
CHANGED = "Somebody changed this group meanwhile, so nothing was done to it. Look at it again."
NO_SUCH_GROUPS = "There are no such groups."
BORROWED = (
    "addresses.js",
    "keys.js",
    "mounting.js",
    "state/kept.js",
    "state/outbox.js",
    "state/sending.js",
    "view/elements.js",
    "view/name_field.js",
    "view/who.js",
)
SCRIPTS = Scripts(
    Path(__file__).resolve().parent / "browser",
    address="/groups-scripts",
    borrowed=[UI / "board" / "browser" / name for name in BORROWED],
)


def show_groups(request: Request, body: bytes) -> dict[str, Any]:
    """The groups now, ``?k=`` of them where nobody has done anything; ``same`` if nothing is newer than ``?seen=``."""
    opened = _open(request.path_params["run_id"])
    query = request.query_params
    k = opened.clamp(int(query["k"]) if "k" in query else None)
    if "seen" in query and query["seen"] == opened.sign(opened.actions()):
        return {"same": True}
    return build_state(opened, k, reviewer=query.get("reviewer", ""))


def show_crops(request: Request, body: bytes) -> dict[str, Any]:
    """Some of the crops of one group from an offset, the most typical first."""
    opened = _open(request.path_params["run_id"])
    query = request.query_params
    start, n = int(query.get("from", 0)), int(query.get("n", 100))
    if start < 0 or not 0 <= n <= MOST_CROPS:
        raise Refused("from and n are out of range")
    groups = {group.group_id: group for group in opened.groups(opened.clamp(int(query.get("k", 0))))}
    group = groups.get(request.path_params["group_id"])
    if group is None:
        raise NotThere
    rows = opened.facts.sort_group(group)
    return {"crops": opened.facts.list_crops(rows[start : start + n]), "total": len(rows)}


def save_actions(request: Request, body: bytes) -> dict[str, Any]:
    """Do what a person asked for, in its order: ``saved`` is on the disk, ``refused`` is not done, ``held`` not by
    whoever sends it now, with the reason. The page gives up nothing but what is refused by its id."""
    try:
        values = parse_values(body)
        items = values["actions"]
        if not isinstance(items, list) or len(items) > MOST_ACTIONS:
            raise Refused("actions must be a list")
    except (ValueError, KeyError, TypeError) as error:
        raise Refused("it must have actions") from error
    if not all(isinstance(item, dict) and VERDICT_ID.fullmatch(str(item.get("id", ""))) for item in items):
        raise Refused("an action needs an id")
    project = open_project()
    run_id = request.path_params["run_id"]
    if gone := refuse_gone(project, run_id):
        return {"saved": {}, "refused": {item["id"]: gone for item in items}, "held": {}, "state": None}
    opened = _open(run_id)
    saved: dict[str, dict[str, int]] = {}
    refused: dict[str, str] = {}
    held: dict[str, str] = {}
    reviewer = ""
    for item in items:
        try:
            reviewer = read_pass(project, item.get("pass"), who=request.scope.get(WHO))
            given = _do(project, opened, item, reviewer=reviewer)
            saved[item["id"]] = {"given": given.n_given, "kept": given.n_kept}
        except PassInvalid as error:
            held[item["id"]] = str(error)
        except (ValueError, TypeError, KeyError) as error:
            refused[item["id"]] = f"This cannot be understood: {error}."
        except NotNow:
            raise  # the page sends it again
        except AnomalureError as error:
            refused[item["id"]] = str(error)
    k = opened.clamp(int(values.get("k") or 0))
    return {"saved": saved, "refused": refused, "held": held, "state": build_state(opened, k, reviewer=reviewer)}


def _do(project: Project, opened: OpenGroups, item: Mapping[str, Any], *, reviewer: str) -> Given:
    run, tree, action_id = opened.run, opened.tree, str(item["id"])
    given = naming.find_given(project, action_id)
    if given is not None:
        return given  # it was sent before, and the answer was lost
    kind = item.get("kind")
    if kind == "undo":
        return naming.undo(project, run, tree, reviewer=reviewer, action_id=action_id)
    if kind == "redo":
        return naming.redo(project, run, tree, reviewer=reviewer, action_id=action_id)
    if item.get("tree") != tree.version:
        raise AnomalureError("The groups of this run were made anew, so nothing was done. Look at them again.")
    groups = {group.group_id: group for group in opened.groups(opened.clamp(int(item.get("k", 0))))}
    if kind == "take_out":
        crops = [str(crop) for crop in item["crops"]]
        if len(crops) > MOST_CROPS or any(opened.facts.find_row(crop) is None for crop in crops):
            raise AnomalureError("This run has no such crop.")
        return naming.take_out(project, run, tree, crops, reviewer=reviewer, action_id=action_id)
    chosen = [_find(groups, group_id) for group_id in item["groups"]]
    for group in chosen:
        _refuse_unseen(group, item.get("saw"), reviewer=reviewer)
    if kind == "merge":
        if len(chosen) < 2:
            raise ValueError("two groups are joined")
        return naming.merge_groups(project, run, tree, chosen, reviewer=reviewer, action_id=action_id)
    (group,) = chosen
    if kind == "split":
        return naming.split_group(project, run, tree, group, reviewer=reviewer, action_id=action_id)
    if kind != "name":
        raise ValueError(f"{kind} is no action")
    return naming.give_name(
        project,
        run,
        tree,
        group,
        meaning=str(item.get("meaning")),
        species=str(item.get("species") or ""),
        reviewer=reviewer,
        action_id=action_id,
    )


def _find(groups: Mapping[str, Group], group_id: object) -> Group:
    group = groups.get(str(group_id))
    if group is None:
        raise AnomalureError(CHANGED)
    return group


def _refuse_unseen(group: Group, saw: object, *, reviewer: str) -> None:
    """Refuse what would take back another person's name of a group that the page did not show yet."""
    if not isinstance(saw, dict) or not group.meaning or group.source or name_key(group.reviewer) == name_key(reviewer):
        return  # decisions that wait in a browser since an earlier version do not say what was seen
    seen = saw.get(group.group_id)
    if seen != [group.meaning, group.species, group.reviewer]:
        raise AnomalureError(
            f"Changed meanwhile by {group.reviewer or 'somebody'}: {group.species or MEANING_WORDS[group.meaning]}. "
            "Do it again if you disagree."
        )


def _open(run_id: str) -> OpenGroups:
    project = open_project()
    opened = open_groups(project, find_run(project, run_id))
    if opened is None:
        raise NotNow("The groups of this run are being made. What you did is kept and is saved then.")
    return opened


GROUP_ROUTES = [
    SCRIPTS.route,
    Route("/api/runs/{run_id}/groups", answer_with(show_groups, missing=NO_SUCH_GROUPS)),
    Route("/api/runs/{run_id}/groups/actions", answer_with(save_actions, missing=NO_SUCH_GROUPS), methods=["POST"]),
    Route("/api/runs/{run_id}/groups/{group_id}/crops", answer_with(show_crops, missing=NO_SUCH_GROUPS)),
]
