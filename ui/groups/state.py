"""What the Groups page shows at a moment, as JSON values: groups, counts, and what can be undone or done again."""

from typing import Any

from core.groups.actions import GroupAction
from core.groups.naming import find_redoable
from core.groups.partition import list_active
from core.records import name_key
from models.guesses.names import NO_ANIMAL
from ui.groups.opened import OpenGroups

KIND_WORDS = {"split": "Split a group", "merge": "Joined groups", "take_out": "Took a crop out"}
MEANING_WORDS = {"species": "Usual", "odd": "Odd", "nothing": "Nothing there", "people": "People"}


def build_state(opened: OpenGroups, k: int, *, reviewer: str) -> dict[str, Any]:
    """Everything that the page draws, with ``k`` groups where nobody has done anything yet."""
    opened.refresh()  # before reading: it waits for a lock whose holder may wait for the database
    with opened.project.store.reading():  # opening the database takes longer than everything else
        return _build(opened, k, reviewer=reviewer)


def _build(opened: OpenGroups, k: int, *, reviewer: str) -> dict[str, Any]:
    actions = opened.actions()
    groups = opened.groups(k, actions)
    named = [group for group in groups if group.meaning]
    holding = list_active(actions)
    mine = [one for one in holding if name_key(one.reviewer) == name_key(reviewer)]
    by_id = {one.action_id: one for one in actions}
    undo = find_redoable(actions, reviewer=reviewer)
    return {
        "seen": opened.sign(actions),
        "tree": opened.tree.version,
        "k": k,
        "suggested": opened.clamp(None),
        "most": opened.most,
        "groups": opened.cards(groups),
        "named": len(named),
        "crops": len(opened.tree.crop_ids),
        "cropsNamed": sum(len(group.rows) for group in named),
        "cropsOut": len(opened.tree.crop_ids) - sum(len(group.rows) for group in groups),
        "decisions": len(holding),
        "undo": say_action(mine[-1]) if mine else "",
        "redo": say_action(by_id[undo.undoes]) if undo is not None else "",
        "names": opened.names(),
        "noAnimal": NO_ANIMAL,
    }


def say_action(action: GroupAction) -> str:
    """An action in a few words, for the button that undoes it or does it again."""
    if action.kind == "name":
        return f"{MEANING_WORDS.get(action.meaning, action.meaning)}{f': {action.species}' if action.species else ''}"
    return KIND_WORDS.get(action.kind, action.kind)
