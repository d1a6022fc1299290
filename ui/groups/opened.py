"""The groups of a run in memory: its tree and the facts of its crops, read once; what people did is read each time."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from core.errors import AnomalureError, NewerVersion
from core.groups.actions import GroupAction, Meaning
from core.groups.naming import read_actions
from core.groups.partition import Group, replay
from core.groups.recurring import Place
from core.groups.remembered import NamedPlace, find_named, read_named_places
from core.groups.tree import GroupTree, find_tree, open_tree
from core.records import NOTHING, PERSON
from core.runs.folder import RunFolder
from core.runs.guesses import LEAST_SHOWN
from core.species import is_thing_name
from core.store.guesses import shows_guesses
from core.study.project import Project
from models.guesses.of_run import find_index_names, guess_group_of
from ui.groups.facts import CropFacts

if TYPE_CHECKING:
    from models.groups.likeness import Likeness

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
        self._likeness: Likeness | None = None
        self._named_places: list[NamedPlace] = []
        self._is_looking = False
        self.refresh()

    def refresh(self) -> None:
        """Take the verdicts that are new into the index. Not within ``store.reading()``."""
        self.index = self.project.review_index(self.run)

    def look_for_names(self) -> None:
        """Compare the crops with the named groups of other runs, in the background; the cards then come with names."""
        with self._lock:
            if self._likeness is not None or self._is_looking:
                return
            self._is_looking = True
        threading.Thread(target=self.compare, daemon=True).start()

    def compare(self) -> None:
        """Compare them now, and return when it is done."""
        from models.groups.likeness import compare_with_named  # imports scikit-learn, which takes a second

        try:
            self._named_places = read_named_places(self.project, self.run) if self.tree.recurring else []
            self._likeness = compare_with_named(self.project, self.run, self.facts.crop_ids)
        except (AnomalureError, OSError, ValueError):
            pass  # a help, without which the page works
        finally:
            self._is_looking = False

    @cached_property
    def facts(self) -> CropFacts:
        """Of all crops."""
        return CropFacts(self.index, self.tree)

    @property
    def most(self) -> int:
        """The largest number of groups to choose."""
        return max(1, min(self.tree.n_free_leaves, max(LEAST_MOST, 3 * self.tree.suggested)))

    def clamp(self, k: int | None) -> int:
        """A number of groups that can be shown; the suggested one without any."""
        return max(1, min(self.most, k or self.tree.suggested))

    def actions(self) -> list[GroupAction]:
        """Everything that people did to these groups, oldest first."""
        return list(read_actions(self.project, self.run, self.tree.version))

    def sign(self, actions: list[GroupAction]) -> str:
        """A text that differs when somebody has done something more, or names of other runs were found."""
        found = bool(self._named_places or (self._likeness and self._likeness.names))
        return f"{len(actions)}-{actions[-1].action_id if actions else ''}-{int(found)}"

    def groups(self, k: int, actions: list[GroupAction] | None = None) -> list[Group]:
        """The groups now: those that were named, joined or split, and for the rest ``k`` groups of the tree."""
        return replay(self.tree, self.actions() if actions is None else actions, k=k)

    def cards(self, groups: list[Group]) -> list[dict[str, Any]]:
        """The groups as JSON values, with likely names unless the project has turned them off."""
        nothing = [group.recurs.place for group in groups if group.recurs and group.meaning == Meaning.NOTHING]
        cards = [self._card(group, nothing) for group in groups]
        return cards if shows_guesses(self.project.store) else [{**card, "guesses": []} for card in cards]

    def _card(self, group: Group, nothing: Sequence[Place]) -> dict[str, Any]:
        key = (group.group_id, blake2b(group.rows.tobytes(), digest_size=8).digest())
        with self._lock:
            facts = self._cards.get(key)
        if facts is None:
            guesses, guessed_by = self._guess(group)
            facts = {**self.facts.describe(group.rows), "guesses": guesses, "guessedBy": guessed_by}
            with self._lock:
                self._cards[key] = facts
        like = None if group.meaning else self._suggest(group, nothing)
        meaning, species = like or (group.meaning, group.species)
        return {
            **facts,
            "id": group.group_id,
            "meaning": meaning,
            "species": species,
            "reviewer": group.reviewer,
            "source": "suggested" if like else group.source,
            "place": {"camera": group.recurs.place.camera, "events": group.recurs.n_events} if group.recurs else None,
        }

    def _suggest(self, group: Group, nothing: Sequence[Place]) -> tuple[str, str] | None:
        """A name to be confirmed: by look, then of the same place in another run, then nothing as at this place."""
        like = self._likeness.suggest(group.rows) if self._likeness else None
        if like is not None or group.recurs is None:
            return like
        place = group.recurs.place
        named = find_named(self._named_places, place)
        if named is not None:
            return named.meaning, named.species
        return (Meaning.NOTHING, "") if any(place.is_at(other) for other in nothing) else None

    def _guess(self, group: Group) -> tuple[list[tuple[str, float]], str]:
        """The likely names of a group with their shares, the most likely first, and the classifier that says so."""
        index = self.index
        if index.guesses is None:
            return [], ""
        own = find_index_names(index)
        found, by = guess_group_of(index.guesses, self.facts.places[group.rows])
        return [(own.get(name, name), round(share, 3)) for name, share in found if share >= LEAST_SHOWN], by

    def names(self) -> list[str]:
        """The names for the type-ahead: those that people gave, then the other species of the run.

        In a first look these are the detector's classes, of which many are no animals.
        """
        index = self.index
        given = set(index.named_species()) - {NOTHING, PERSON, ""}
        others = set(index.names("species")) - given - {NOTHING, PERSON, ""}
        if not self.run.info.bundle:
            others = {name for name in others if not is_thing_name(name)}
        return [*sorted(given, key=str.casefold), *sorted(others, key=str.casefold)]


_opened: LRUCache[tuple[str, int], OpenGroups] = LRUCache(TREES_KEPT)
_opening = threading.Lock()


def open_groups(project: Project, run: RunFolder) -> OpenGroups | None:
    """The groups of a run; None if they are still to be made, or are of other crops than the run has now."""
    try:
        changed_at = find_tree(run).stat().st_mtime_ns
    except OSError:
        return None
    with _opening:
        found = _opened.get((run.version, changed_at))
        if found is None:
            try:
                tree = open_tree(run)
            except NewerVersion:
                raise  # made anew, it would take the place of groups that people have named
            except AnomalureError:
                return None
            if not tree.crops_version and not read_actions(project, run, tree.version):
                return None  # of an earlier version, and nobody has named anything: they are made anew
            found = _opened[(run.version, changed_at)] = OpenGroups(project, run, tree)
        return found
