"""The groups of a run in memory: its tree and the facts of its crops, read once; what people did is read each time."""

import threading
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import Any

from cachetools import LRUCache

from core.errors import AnomalureError
from core.groups.actions import GroupAction
from core.groups.naming import read_actions
from core.groups.partition import Group, replay
from core.groups.tree import GroupTree, find_tree, open_tree
from core.records import NOTHING, PERSON
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.groups.facts import CropFacts

TREES_KEPT = 4
CARDS_KEPT = 2_000
LEAST_MOST = 100
"""The slider goes at least this far, if there are so many crops."""


@dataclass
class OpenGroups:
    """The tree of a run with the facts of its crops."""

    project: Project
    run: RunFolder
    tree: GroupTree

    def __post_init__(self) -> None:
        self._cards: LRUCache[tuple[str, bytes], dict[str, Any]] = LRUCache(CARDS_KEPT)
        self._lock = threading.Lock()

    @cached_property
    def facts(self) -> CropFacts:
        """Of all crops."""
        return CropFacts(self.project.review_index(self.run), self.tree)

    @property
    def most(self) -> int:
        """The largest number of groups to choose."""
        n_leaves = len(self.tree.children) + 1
        return min(n_leaves, max(LEAST_MOST, 3 * self.tree.suggested))

    def clamp(self, k: int | None) -> int:
        """A number of groups that can be shown; the suggested one without any."""
        return max(1, min(self.most, k or self.tree.suggested))

    def actions(self) -> list[GroupAction]:
        """Everything that people did to these groups, oldest first."""
        return list(read_actions(self.project, self.run, self.tree.version))

    @staticmethod
    def sign(actions: list[GroupAction]) -> str:
        """A text that differs when somebody has done something more."""
        return f"{len(actions)}-{actions[-1].action_id}" if actions else "0"

    def groups(self, k: int, actions: list[GroupAction] | None = None) -> list[Group]:
        """The groups now: those that were named, joined or split, and for the rest ``k`` groups of the tree."""
        return replay(self.tree, self.actions() if actions is None else actions, k=k)

    def card(self, group: Group) -> dict[str, Any]:
        """A group as JSON values."""
        key = (group.group_id, blake2b(group.rows.tobytes(), digest_size=8).digest())
        with self._lock:
            facts = self._cards.get(key)
        if facts is None:
            facts = self.facts.describe(group.rows)
            with self._lock:
                self._cards[key] = facts
        return {
            **facts,
            "id": group.group_id,
            "meaning": group.meaning,
            "species": group.species,
            "reviewer": group.reviewer,
            "source": group.source,
            "guesses": [],
        }

    def names(self) -> list[str]:
        """The names for the type-ahead: those that people gave, then the other species of the run."""
        index = self.project.review_index(self.run)
        given = set(index.named_species()) - {NOTHING, PERSON, ""}
        others = set(index.names("species")) - given - {NOTHING, PERSON, ""}
        return [*sorted(given, key=str.casefold), *sorted(others, key=str.casefold)]


_opened: LRUCache[tuple[str, int], OpenGroups] = LRUCache(TREES_KEPT)
_opening = threading.Lock()


def open_groups(project: Project, run: RunFolder) -> OpenGroups | None:
    """The groups of a run; None if they were not made yet, or are of other crops than the run has now."""
    try:
        changed_at = find_tree(run).stat().st_mtime_ns
    except OSError:
        return None
    with _opening:
        found = _opened.get((run.version, changed_at))
        if found is None:
            try:
                tree = open_tree(run)
            except AnomalureError:
                return None
            found = _opened[(run.version, changed_at)] = OpenGroups(project, run, tree)
        return found
