"""Which named groups of earlier runs the crops of a run look like, so that a group comes with its name."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import AnomalureError
from core.groups.naming import read_actions
from core.groups.partition import pin_groups
from core.groups.tree import open_tree
from core.runs.folder import RunFolder
from core.study.project import Project
from models.groups.features import Directions, choose_sections, draw_rows, read_rows

Name = tuple[str, str]
"""A meaning and a species, as a person gave them to a group."""

MOST_RUNS = 5
MOST_OF_A_NAME = 200
"""Crops of each name that others are compared with: a seeded sample."""
MOST_FITTED = 4_000
USUAL_SHARE = 0.9
"""A crop is like a name if it is as near to a crop of that name as this share of them are to each other."""
AGREED_SHARE, NEAR_SHARE = 0.8, 0.5
"""A group is suggested the name that is nearest to this share of its crops, if it is near to this share of them."""
SEED = 0
_ROWS_AT_ONCE = 2_048


@dataclass(frozen=True)
class Likeness:
    """For each crop the name that it is most like.

    ``codes``, shape ``(n,)``, int, are rows of ``names``, -1 for none; ``near``, bool, says which are like that name.
    """

    names: tuple[Name, ...]
    codes: np.ndarray
    near: np.ndarray

    def suggest(self, rows: np.ndarray) -> Name | None:
        """The name that most of these crops are like; None if they do not agree."""
        found = self.codes[rows]
        counts = np.bincount(found[found >= 0], minlength=len(self.names))
        if not len(counts) or counts.max() < AGREED_SHARE * len(rows):
            return None
        best = int(np.argmax(counts))
        if np.count_nonzero(self.near[rows] & (found == best)) < NEAR_SHARE * len(rows):
            return None
        return self.names[best]


def compare_with_named(project: Project, run: RunFolder, crop_ids: Sequence[str]) -> Likeness:
    """Compare crops of a run with the named groups of the newest other runs that have the same encoder.

    Args:
        project: The study.
        run: The run.
        crop_ids: All of its crops; the order of the result.
    """
    names: list[Name] = []
    parts, codes = [], []
    for other in _list_others(project, run):
        for name, rows in _read_named(project, other):
            if name not in names:
                names.append(name)
            parts.append(rows)
            codes.append(np.full(len(rows), names.index(name)))
    if not parts:
        return Likeness((), np.full(len(crop_ids), -1), np.zeros(len(crop_ids), dtype=bool))
    columns, sections, weights = choose_sections(run)
    known = np.concatenate(parts)[:, columns]
    given = np.concatenate(codes)
    place = {crop_id: row for row, crop_id in enumerate(crop_ids)}
    sample = draw_rows(run, MOST_FITTED)
    directions = Directions.fit(np.concatenate([known, read_rows(run, sample)[:, columns]]), sections, weights)
    points = directions.transform(known)
    limits = measure_limits(points, given, n_names=len(names))
    found, near = np.full(len(crop_ids), -1), np.zeros(len(crop_ids), dtype=bool)
    for crops, rows in run.embedded_shards():
        alike = find_alike(directions.transform(rows[:, columns]), points, given, limits)
        for crop_id, code, is_near in zip(crops["crop_id"], *alike, strict=True):
            if crop_id in place:
                found[place[crop_id]], near[place[crop_id]] = code, is_near
    return Likeness(tuple(names), found, near)


def measure_limits(points: np.ndarray, given: np.ndarray, *, n_names: int) -> np.ndarray:
    """How near a crop must be to a crop of each name, shape ``(n_names,)``; 0 where there is one crop only.

    Args:
        points: Of the crops with a name, shape ``(m, q)``.
        given: The name of each, shape ``(m,)``, 0 to ``n_names - 1``.
        n_names: How many names there are.
    """
    limits = np.zeros(n_names)
    for code in range(n_names):
        own = points[given == code]
        if len(own) < 2:
            continue
        apart = _measure_squares(own, own)
        np.fill_diagonal(apart, np.inf)
        limits[code] = np.sqrt(np.quantile(apart.min(axis=1), USUAL_SHARE))
    return limits


def find_alike(
    points: np.ndarray, known: np.ndarray, given: np.ndarray, limits: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The name of the nearest known crop, int, and whether it is within the limit of its name, both ``(n,)``."""
    codes, near = np.empty(len(points), dtype=int), np.empty(len(points), dtype=bool)
    for start in range(0, len(points), _ROWS_AT_ONCE):
        apart = _measure_squares(points[start : start + _ROWS_AT_ONCE], known)
        nearest = apart.argmin(axis=1)
        code = given[nearest]
        codes[start : start + _ROWS_AT_ONCE] = code
        near[start : start + _ROWS_AT_ONCE] = np.sqrt(apart[np.arange(len(apart)), nearest]) <= limits[code]
    return codes, near


def _measure_squares(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    squares = (left**2).sum(axis=1)[:, None] - 2 * (left @ right.T) + (right**2).sum(axis=1)
    return np.maximum(squares, 0)


def _list_others(project: Project, run: RunFolder) -> list[RunFolder]:
    same = [
        one
        for one in project.runs()
        if not one.problem
        and one.run_id != run.run_id
        and list(one.info.encoders) == list(run.info.encoders)
        and one.info.sections == run.info.sections
    ]
    return same[:MOST_RUNS]


def _read_named(project: Project, run: RunFolder) -> list[tuple[Name, np.ndarray]]:
    """The names of a run's groups, each with the embeddings of some of its crops."""
    try:
        tree = open_tree(run)
    except AnomalureError:
        return []
    partition = pin_groups(tree, read_actions(project, run, tree.version))
    name_of_row = partition.find_names(tree)
    if not (name_of_row >= 0).any():
        return []
    rows_of: dict[Name, list[np.ndarray]] = {}
    for number, one in enumerate(partition.pinned):
        if one.meaning:
            rows_of.setdefault((one.meaning, one.species), []).append(np.flatnonzero(name_of_row == number))
    draws = np.random.default_rng(SEED)
    chosen = {
        name: draws.permutation(np.concatenate(rows))[:MOST_OF_A_NAME] for name, rows in rows_of.items() if len(rows)
    }
    wanted = {str(tree.crop_ids[row]): name for name, rows in chosen.items() for row in rows}
    found: dict[Name, list[np.ndarray]] = {}
    for crops, vectors in run.embedded_shards():
        for crop_id, vector in zip(crops["crop_id"], vectors, strict=True):
            if crop_id in wanted:
                found.setdefault(wanted[crop_id], []).append(vector)
    return [(name, np.stack(vectors)) for name, vectors in found.items()]
