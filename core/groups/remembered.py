"""Places of a camera that somebody named in an earlier run, so that what recurs there later comes with that name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.errors import AnomalureError
from core.groups.naming import read_actions
from core.groups.partition import pin_groups
from core.groups.recurring import Place
from core.groups.tree import open_tree, read_places
from core.runs.folder import RunFolder
from core.study.project import Project

MOST_RUNS = 20
"""The newest other runs are asked."""


@dataclass(frozen=True)
class NamedPlace:
    """A place, and the meaning and the species that a person gave to what recurs there."""

    place: Place
    meaning: str
    species: str


def read_named_places(project: Project, run: RunFolder) -> list[NamedPlace]:
    """The places that were named in the newest other runs, the newest first."""
    others = [one for one in project.runs() if not one.problem and one.run_id != run.run_id]
    return [named for other in others[:MOST_RUNS] for named in _read_of_run(project, other)]


def find_named(named: Sequence[NamedPlace], place: Place) -> NamedPlace | None:
    """The newest name of a place; None if it has none."""
    return next((one for one in named if one.place.is_at(place)), None)


def _read_of_run(project: Project, run: RunFolder) -> Iterator[NamedPlace]:
    version, places = read_places(run)
    actions = read_actions(project, run, version) if places else []
    if not actions:
        return
    try:
        tree = open_tree(run)
    except AnomalureError:
        return
    for one in pin_groups(tree, actions).pinned:
        at = tree.find_place(one.leaves) if one.meaning else None
        if at is not None:
            yield NamedPlace(at.place, one.meaning, one.species)
