"""The groups of a run as people see them now: the tree, cut, with what has been named, split, merged or taken out."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import numpy as np

from core.groups.actions import GroupAction, Kind, decide
from core.groups.tree import AtPlace, GroupTree
from core.records import Decision


@dataclass(frozen=True)
class Group:
    """Crops that look alike.

    Attributes:
        group_id: 20 hex digits, of the tree's version and the leaves.
        leaves: Sorted.
        rows: The row indices of its crops in the tree, ascending, without those that were taken out.
        meaning: What it was named as (``Meaning``); empty if it is not named yet.
        species: Its name; may be empty.
        reviewer: Who named it.
        named_at: When, in UTC; None if it is not named.
        source: Empty, or ``suggested`` if the name comes from an earlier run and is to be confirmed.
        recurs: The place of a camera at which its crops recur; None if they do not.
    """

    group_id: str
    leaves: tuple[int, ...]
    rows: np.ndarray = field(compare=False)
    meaning: str = ""
    species: str = ""
    reviewer: str = ""
    named_at: datetime | None = None
    source: str = ""
    recurs: AtPlace | None = None


@dataclass(frozen=True)
class Pinned:
    """A group that somebody named, split or merged, so that another number of groups does not change it.

    ``given_to`` is the id that the group had when it was named: the verdicts of its crops have it.
    """

    leaves: frozenset[int]
    meaning: str = ""
    species: str = ""
    reviewer: str = ""
    named_at: datetime | None = None
    given_to: str = ""

    @property
    def decision(self) -> tuple[Decision, str]:
        """The verdict and the species of its crops, if it is named."""
        return decide(self.meaning, self.species)

    def without(self, leaves: frozenset[int]) -> "Pinned":
        """The same group with fewer leaves."""
        return replace(self, leaves=self.leaves - leaves)


@dataclass(frozen=True)
class Partition:
    """What people's actions have made of a tree, whatever number of groups it is cut into.

    ``pinned`` do not overlap. ``taken_out`` are ids of crops that are in no group.
    """

    pinned: tuple[Pinned, ...] = ()
    taken_out: frozenset[str] = frozenset()

    def find_names(self, tree: GroupTree) -> np.ndarray:
        """For each crop the index of the named group in ``pinned`` that it is in, or -1, shape ``(n,)``, int."""
        of_leaf = np.full(tree.n_leaves, -1, dtype=int)
        for i, one in enumerate(self.pinned):
            if one.meaning:
                of_leaf[list(one.leaves)] = i
        names = of_leaf[tree.leaf_of]
        names[self.find_taken_out(tree)] = -1
        return names

    def find_taken_out(self, tree: GroupTree) -> np.ndarray:
        """Which crops were taken out, shape ``(n,)``, bool."""
        if not self.taken_out:
            return np.zeros(len(tree.crop_ids), dtype=bool)
        return np.fromiter((crop_id in self.taken_out for crop_id in tree.crop_ids), bool, len(tree.crop_ids))


def identify_group(tree: GroupTree, leaves: Iterable[int]) -> str:
    """The id of a group: the same for the same leaves of the same tree."""
    listed = ",".join(str(leaf) for leaf in sorted(leaves))
    return hashlib.blake2b(f"{tree.version}:{listed}".encode(), digest_size=10).hexdigest()


def list_active(actions: Sequence[GroupAction]) -> list[GroupAction]:
    """The actions that were not undone, oldest first, without the undoing ones."""
    undone = find_undone(actions)
    return [one for one in actions if one.kind is not Kind.UNDO and one.action_id not in undone]


def find_undone(actions: Sequence[GroupAction]) -> set[str]:
    """The ids of the actions that are undone, from actions that are oldest first. An undo that is undone is void."""
    undone: set[str] = set()
    for one in reversed(actions):
        if one.kind is Kind.UNDO and one.action_id not in undone:
            undone.add(one.undoes)
    return undone


def pin_groups(tree: GroupTree, actions: Sequence[GroupAction]) -> Partition:
    """Follow the actions on a tree, oldest first. The later one counts where two overlap.

    A name or a merge makes one group of its leaves, and a split the parts of them. Splitting a group takes its name
    away. A merged group has the name of its parts if those that are named have the same one, and else none.
    """
    pinned: list[Pinned] = []
    taken_out: set[str] = set()
    for action in list_active(actions):
        if action.kind is Kind.TAKE_OUT:
            taken_out.update(action.crop_ids)
            continue
        leaves = frozenset(action.leaves)
        touched = [one for one in pinned if one.leaves & leaves]
        pinned = [left for one in pinned if (left := one.without(leaves)).leaves]
        if action.kind is Kind.NAME:
            pinned.append(
                Pinned(
                    leaves,
                    str(action.meaning),
                    action.species,
                    action.reviewer,
                    action.at,
                    identify_group(tree, leaves),
                )
            )
        elif action.kind is Kind.SPLIT:
            pinned += [Pinned(frozenset(part)) for part in tree.split(action.leaves)]
        else:
            named = {(one.meaning, one.species): one for one in touched if one.meaning}
            (name,) = named.values() if len(named) == 1 else (Pinned(leaves),)
            pinned.append(replace(name, leaves=leaves))
    return Partition(tuple(pinned), frozenset(taken_out))


def replay(tree: GroupTree, actions: Sequence[GroupAction], *, k: int) -> list[Group]:
    """The groups of a tree after people's actions.

    Args:
        tree: Of the run.
        actions: On this version of the tree, oldest first, from ``core.groups.naming.read_actions``.
        k: The number of groups that the tree is cut into, >= 1. Groups that were named, split or merged stay as they
            are, and leave the others what remains.

    Returns:
        The groups that have crops: first those without a name, then the named ones, each from small to large. Of those
        without a name, crops that recur at one place come first.

    Raises:
        ValueError: If ``k`` is under 1.
    """
    partition = pin_groups(tree, actions)
    held = frozenset().union(*(one.leaves for one in partition.pinned))
    base = [frozenset(tree.leaves_of(node)) - held for node in tree.cut(k)]
    groups = [*partition.pinned, *(Pinned(leaves) for leaves in base if leaves)]
    of_leaf = np.full(tree.n_leaves, -1, dtype=int)
    for i, one in enumerate(groups):
        of_leaf[list(one.leaves)] = i
    of_row = of_leaf[tree.leaf_of]
    of_row[partition.find_taken_out(tree)] = len(groups)  # last, and in no group
    by_group = np.argsort(of_row, kind="stable")
    ends = np.cumsum(np.bincount(of_row, minlength=len(groups) + 1))
    shown = [
        Group(
            group_id=identify_group(tree, one.leaves),
            leaves=tuple(sorted(one.leaves)),
            rows=by_group[ends[i] - n : ends[i]],
            meaning=one.meaning,
            species=one.species,
            reviewer=one.reviewer,
            named_at=one.named_at,
            recurs=tree.find_place(one.leaves),
        )
        for i, one in enumerate(groups)
        if (n := int(ends[i] - (ends[i - 1] if i else 0)))
    ]
    return sorted(shown, key=_order)


def _order(group: Group) -> tuple[bool, bool, int, tuple[int, ...]]:
    return bool(group.meaning), not group.meaning and group.recurs is None, len(group.rows), group.leaves
