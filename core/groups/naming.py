"""Names, splits and merges groups, undoes that, and does it again.

An action and the verdicts that follow from it are kept both or neither.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any
from uuid import uuid4

import numpy as np

from core.errors import AnomalureError
from core.groups.actions import GroupAction, Kind, check_name, find_action, keep_action, read_numbered
from core.groups.partition import Group, Partition, Pinned, find_undone, identify_group, list_active, pin_groups
from core.groups.tree import GroupTree
from core.records import Decision, Verdict, name_key
from core.review.index import ReviewIndex
from core.runs.folder import RunFolder
from core.study.decisions import FACTS, GivenDecision, make_verdicts
from core.study.project import Project

TRIES = 20
"""How often an action is worked out anew because somebody else acted on the same groups meanwhile."""


@dataclass(frozen=True)
class Given:
    """What an action did.

    ``n_given`` crops got a verdict, ``n_kept`` kept the one that a person gave on the crop itself, and of
    ``n_taken_back`` the group's verdict was taken back. ``kind`` is the action's; of an undo ``undid`` is that of the
    action that was undone, else empty.
    """

    action_id: str
    n_given: int
    n_kept: int
    n_taken_back: int = 0
    kind: str = ""
    undid: str = ""


def read_actions(project: Project, run: RunFolder | str, version: str) -> list[GroupAction]:
    """The actions on one version of a run's tree, oldest first."""
    return read_numbered(project.store, run=_run_id(run), tree=version)[0]


def find_given(project: Project, action_id: str) -> Given | None:
    """What the action of that id did, if it is kept; None if it is not."""
    action = find_action(project.store, action_id)
    return None if action is None else _to_given(project, action)


def give_name(
    project: Project,
    run: RunFolder | str,
    tree: GroupTree,
    group: Group,
    *,
    meaning: str,
    species: str = "",
    reviewer: str = "",
    action_id: str = "",
) -> Given:
    """Name a group: each of its crops gets that verdict, unless a person gave one on the crop itself.

    Args:
        project: The study.
        run: The run that the tree is of.
        tree: The run's tree.
        group: From ``replay``; may have a name already, which the new one replaces.
        meaning: What its crops are, of ``Meaning``.
        species: Their name, 1 to 200 characters for a usual species; may be empty for something odd, and is empty for
            nothing and people.
        reviewer: Who names it.
        action_id: 32 hex digits; the same again changes nothing and gives the same answer. Empty: a new one.

    Raises:
        AnomalureError: If the name is not valid, the group is not of this tree or was changed meanwhile, or the
            database cannot be written; then nothing is kept.
    """
    what, name = check_name(meaning, species)
    name = project.review_index(run).spell_species(name) if name else ""

    def plan(before: Partition, _: Sequence[GroupAction]) -> dict[str, Any]:
        _check_group(tree, before, group)
        return {"leaves": group.leaves, "meaning": what, "species": name}

    return _act(project, run, tree, Kind.NAME, plan, reviewer=reviewer, action_id=action_id)


def split_group(
    project: Project, run: RunFolder | str, tree: GroupTree, group: Group, *, reviewer: str = "", action_id: str = ""
) -> Given:
    """Split a group into its parts in the tree; if it has a name, the name and its verdicts are taken back.

    Raises:
        AnomalureError: As ``give_name``, or if its crops are all alike.
    """

    def plan(before: Partition, _: Sequence[GroupAction]) -> dict[str, Any]:
        _check_group(tree, before, group)
        if len(tree.split(group.leaves)) < 2:
            raise AnomalureError("The crops of this group look all alike: it cannot be split. Take crops out instead.")
        return {"leaves": group.leaves}

    return _act(project, run, tree, Kind.SPLIT, plan, reviewer=reviewer, action_id=action_id)


def merge_groups(
    project: Project,
    run: RunFolder | str,
    tree: GroupTree,
    groups: Sequence[Group],
    *,
    reviewer: str = "",
    action_id: str = "",
) -> Given:
    """Make one group of several. If those that are named have one name, all crops get it, and else none.

    Raises:
        AnomalureError: As ``give_name``, or if there are fewer than two groups.
    """

    def plan(before: Partition, _: Sequence[GroupAction]) -> dict[str, Any]:
        leaves = frozenset().union(*(group.leaves for group in groups))
        if len({group.group_id for group in groups}) < 2 or len(leaves) < sum(len(group.leaves) for group in groups):
            raise AnomalureError("Choose two or more different groups to merge.")
        for group in groups:
            _check_group(tree, before, group)
        return {"leaves": tuple(sorted(leaves))}

    return _act(project, run, tree, Kind.MERGE, plan, reviewer=reviewer, action_id=action_id)


def take_out(
    project: Project,
    run: RunFolder | str,
    tree: GroupTree,
    crop_ids: Iterable[str],
    *,
    reviewer: str = "",
    action_id: str = "",
) -> Given:
    """Take crops out of their groups: they are in none then, and the verdicts that their groups gave are taken back.

    Raises:
        AnomalureError: If one is not in the tree, all are out already, or the database cannot be written.
    """
    wanted = tuple(dict.fromkeys(str(crop_id) for crop_id in crop_ids))

    def plan(before: Partition, _: Sequence[GroupAction]) -> dict[str, Any]:
        strangers = sorted(set(wanted) - set(tree.crop_ids))
        if strangers:
            raise AnomalureError(f"There is no crop {strangers[0][:80]!r} in the groups of this run.")
        new = tuple(crop_id for crop_id in wanted if crop_id not in before.taken_out)
        if not new:
            raise AnomalureError("These crops are in no group any more." if wanted else "Choose a crop to take out.")
        return {"crop_ids": new}

    return _act(project, run, tree, Kind.TAKE_OUT, plan, reviewer=reviewer, action_id=action_id)


def undo(project: Project, run: RunFolder | str, tree: GroupTree, *, reviewer: str = "", action_id: str = "") -> Given:
    """Undo the reviewer's newest action on these groups that is not undone yet; as often as there are any.

    The groups are then as without it. Crops whose verdict it gave get that of the group that they are in now, or none;
    what a person said of a crop itself stays.

    Raises:
        AnomalureError: If there is none, or the database cannot be written.
    """

    def plan(_: Partition, actions: Sequence[GroupAction]) -> dict[str, Any]:
        own = [one for one in list_active(actions) if name_key(one.reviewer) == name_key(reviewer)]
        if not own:
            raise AnomalureError("There is nothing of yours to undo in these groups.")
        return {"undoes": own[-1].action_id}

    return _act(project, run, tree, Kind.UNDO, plan, reviewer=reviewer, action_id=action_id)


def redo(project: Project, run: RunFolder | str, tree: GroupTree, *, reviewer: str = "", action_id: str = "") -> Given:
    """Do again what the reviewer's newest undo took back; as often as there are any.

    Raises:
        AnomalureError: If there is none, or the database cannot be written.
    """

    def plan(_: Partition, actions: Sequence[GroupAction]) -> dict[str, Any]:
        found = find_redoable(actions, reviewer=reviewer)
        if found is None:
            raise AnomalureError("There is nothing of yours to do again in these groups.")
        return {"undoes": found.action_id}

    return _act(project, run, tree, Kind.UNDO, plan, reviewer=reviewer, action_id=action_id)


def find_redoable(actions: Sequence[GroupAction], *, reviewer: str) -> GroupAction | None:
    """The reviewer's undo that a redo would take back; None if there is none, or something else was done since."""
    undone, kinds = find_undone(actions), {one.action_id: one.kind for one in actions}
    for one in reversed(actions):
        if name_key(one.reviewer) != name_key(reviewer):
            continue
        if one.kind is not Kind.UNDO:
            return None
        if one.action_id not in undone and kinds.get(one.undoes) is not Kind.UNDO:
            return one
    return None


def _act(
    project: Project,
    run: RunFolder | str,
    tree: GroupTree,
    kind: Kind,
    plan: Callable[[Partition, Sequence[GroupAction]], dict[str, Any]],
    *,
    reviewer: str,
    action_id: str,
) -> Given:
    """Plan an action on the groups as they are now, and keep it; anew if others acted on them meanwhile."""
    action_id = action_id or uuid4().hex
    store, run_id = project.store, _run_id(run)
    for _ in range(TRIES):
        with store.reading():
            kept = find_action(store, action_id)
            actions, last = read_numbered(store, run=run_id, tree=tree.version)
        if kept is not None:
            return _to_given(project, kept)
        before = pin_groups(tree, actions)
        action = GroupAction(
            action_id=action_id, kind=kind, run=run_id, tree=tree.version, reviewer=reviewer, **plan(before, actions)
        )
        after = pin_groups(tree, [*actions, action])
        undone = next((one for one in actions if one.action_id == action.undoes), None)
        action, verdicts = _make_verdicts(project, run, tree, action, before=before, after=after, undone=undone)
        if keep_action(store, action, verdicts, after=last):
            return _to_given(project, action)
    raise AnomalureError("Others are naming groups of this run at the same moment. Nothing was changed. Try again.")


def _make_verdicts(
    project: Project,
    run: RunFolder | str,
    tree: GroupTree,
    action: GroupAction,
    *,
    before: Partition,
    after: Partition,
    undone: GroupAction | None,
) -> tuple[GroupAction, list[Verdict]]:
    """The verdicts that make the crops what their groups are after an action, and the action with its counts.

    Only crops whose group gives them another verdict than before are touched, and of a group that is named now all.
    """
    index = project.review_index(run)
    names, was = after.find_names(tree), before.find_names(tree)
    rows = _find_changed(tree, action, before, after, was=was, names=names)
    crop_ids = [str(tree.crop_ids[row]) for row in rows]
    places = index.find_places(crop_ids)
    if len(places) < len(crop_ids):
        raise AnomalureError("These groups are of other crops than the run has now. Make the groups again.")
    held = _read_held(index, list(places.values()))
    restored = {}
    if undone is not None and undone.replaced:
        table = project.store.find_verdicts(list(undone.replaced.values()))
        by_number = {row["sequence"]: row for row in table.to_dict("records")}
        restored = {crop_id: by_number[number] for crop_id, number in undone.replaced.items() if number in by_number}
    decided: list[GivenDecision] = []
    replaced: dict[str, int] = {}
    n_given = n_kept = n_taken_back = 0
    is_name = action.kind is Kind.NAME
    reviewer = "" if action.kind is Kind.UNDO else action.reviewer
    for row, crop_id in zip(rows, crop_ids, strict=True):
        now = after.pinned[names[row]] if names[row] >= 0 else None
        old = before.pinned[was[row]] if was[row] >= 0 else None
        holding = held.get(places[crop_id])
        if holding is not None and not holding["given_to"]:
            n_kept += 1
            continue
        ours = holding is not None and old is not None and holding["given_to"] == old.given_to
        earlier = restored.get(crop_id) if now is None else None
        if (
            now is not None
            and not is_name
            and (_says(holding, now, of_reviewer=undone is not None) or (holding is None and old is not None))
        ):
            continue  # it is so already, or somebody took the verdict of this crop back
        if now is None and not ours:
            continue
        if ours and not is_name:
            decided.append(_take_back(action, crop_id))
        if now is not None:
            verdict, species = now.decision
            decided.append(_give(action, crop_id, verdict, species, reviewer or now.reviewer, now.given_to))
            n_given += 1
            if holding is not None and not ours:
                replaced[crop_id] = int(holding["sequence"])
        elif earlier is not None:
            verdict = Decision(earlier["verdict"])
            decided.append(
                _give(action, crop_id, verdict, earlier["species"], earlier["reviewer"], earlier["given_to"])
            )
            n_given += 1
        else:
            n_taken_back += 1
    shown = list(dict.fromkeys(one.crop_id for one in decided))
    facts = index.rows([places[crop_id] for crop_id in shown])[FACTS].to_dict("records")
    by_crop = dict(zip(shown, facts, strict=True))
    verdicts = make_verdicts((by_crop[one.crop_id], one) for one in decided)
    return replace(action, n_given=n_given, n_kept=n_kept, n_taken_back=n_taken_back, replaced=replaced), verdicts


def _find_changed(
    tree: GroupTree, action: GroupAction, before: Partition, after: Partition, *, was: np.ndarray, names: np.ndarray
) -> np.ndarray:
    """The rows of the crops whose group says another thing after an action, ascending; of a name all of its group."""
    if action.kind is Kind.NAME:
        rows = tree.crops_in(action.leaves)
        return rows[names[rows] >= 0]
    said = {one: i for i, one in enumerate(dict.fromkeys(map(_to_saying, (*before.pinned, *after.pinned))))}
    numbers = [np.array([*(said[_to_saying(one)] for one in part.pinned), -1]) for part in (before, after)]
    return np.flatnonzero(numbers[0][was] != numbers[1][names])  # -1, in no named group, takes the last one


def _to_saying(one: Pinned) -> tuple[str, str, str, str]:
    return one.meaning, one.species, one.given_to, one.reviewer


def _read_held(index: ReviewIndex, places: Sequence[int]) -> dict[int, dict[str, Any]]:
    """The verdicts that hold, by the row of their crop."""
    columns = ["place", "sequence", "verdict", "verdict_species", "reviewer", "given_to"]
    wanted = set(places)
    return {row["place"]: row for row in index.read_decided().select(columns).to_pylist() if row["place"] in wanted}


def _says(holding: dict[str, Any] | None, group: Pinned, *, of_reviewer: bool) -> bool:
    """Whether the verdict that holds is what the group says, and ``of_reviewer`` who says it."""
    if holding is None or holding["given_to"] != group.given_to:
        return False
    if of_reviewer and holding["reviewer"] != group.reviewer:
        return False
    verdict, species = group.decision
    return bool(holding["verdict"] == str(verdict) and holding["verdict_species"] == species)


def _give(
    action: GroupAction, crop_id: str, verdict: Decision, species: str, reviewer: str, given_to: str
) -> GivenDecision:
    return GivenDecision(
        decision_id=_name_verdict(action, crop_id, "given"),
        crop_id=crop_id,
        verdict=verdict,
        species=species,
        reviewer=reviewer,
        given_to=given_to,
    )


def _take_back(action: GroupAction, crop_id: str) -> GivenDecision:
    return GivenDecision(
        decision_id=_name_verdict(action, crop_id, "taken back"),
        crop_id=crop_id,
        verdict=None,
        reviewer=action.reviewer,
    )


def _name_verdict(action: GroupAction, crop_id: str, what: str) -> str:
    return blake2b(f"{action.action_id}:{crop_id}:{what}".encode(), digest_size=16).hexdigest()


def _check_group(tree: GroupTree, partition: Partition, group: Group) -> None:
    """Refuse a group that is not of this tree, has no crops left, or was changed since it was shown."""
    if group.group_id != identify_group(tree, group.leaves):
        raise AnomalureError("This group is of groups that were made anew meanwhile. Reload the page.")
    leaves = frozenset(group.leaves)
    if any(one.leaves & leaves and one.leaves != leaves for one in partition.pinned):
        raise AnomalureError("Somebody has changed this group meanwhile. Reload the page, and look at it again.")
    if not len(group.rows):
        raise AnomalureError("All crops were taken out of this group.")


def _to_given(project: Project, action: GroupAction) -> Given:
    undone = find_action(project.store, action.undoes) if action.undoes else None
    return Given(
        action.action_id,
        action.n_given,
        action.n_kept,
        action.n_taken_back,
        str(action.kind),
        "" if undone is None else str(undone.kind),
    )


def _run_id(run: RunFolder | str) -> str:
    return run if isinstance(run, str) else run.run_id
