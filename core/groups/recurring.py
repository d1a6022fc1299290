"""Finds boxes that recur at the same place of a camera and look alike there: a stump, a branch, a stone.

A box that comes again and again at one place may also be an animal that likes to sit there, or one that stands before
the stump. So the place alone is not enough. The pictures must be alike from event to event, and pictures of two kinds
at one place, as of a stump by day and by night or of a stump and a raccoon, are groups of their own.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

LEAST_BOXES, LEAST_EVENTS = 10, 5
"""A place needs so many boxes that look alike, from so many events."""
LEAST_ALIKE, LEAST_ALIKE_EVENTS = 5, 3
"""A group at a place needs so many: by day and by night, or with and without an animal."""
LEAST_KNOWN, LEAST_KNOWN_EVENTS = 3, 2
"""So many are enough at a place that somebody named in an earlier run."""
NEIGHBOURS = 3
"""A picture is kept if so many pictures of other events at its place are like it."""
SEED_OVERLAP = 0.8
"""Boxes that overlap by so much begin a place."""
PLACE_OVERLAP = 0.7
"""Boxes that overlap the middle box of a place by so much belong to it."""
MOST_AREA = 0.3
"""A larger share of the photo is no place but the photo: an animal that fills it is always there."""
ALIKE = 0.42
"""Two pictures are alike if they are nearer than this share of what pictures of two places are apart."""
MOST_COMPARED = 1_500
"""Of more boxes at a place, a seeded sample says what its pictures look like."""
PAIRS = 4_000
SEED = 0
_SHIFTS = 3
_ROWS_AT_ONCE = 4_096


@dataclass(frozen=True)
class Place:
    """A rectangle of a camera's photos, in shares of their width and height: left, top, width, height."""

    camera: str
    box: tuple[float, float, float, float]

    def is_at(self, other: "Place") -> bool:
        """Whether both are the same place of the same camera."""
        from core.groups.overlapping import measure_overlap  # with numba: the dashboard would start later

        if self.camera != other.camera:
            return False
        return bool(measure_overlap(np.array(self.box), np.array([other.box]))[0] >= PLACE_OVERLAP)


@dataclass(frozen=True)
class Recurring:
    """Boxes at one place that look alike.

    Attributes:
        rows: Which boxes, ascending.
        place: Where they are; several groups may be at the same place.
        n_events: From how many events they are.
    """

    rows: np.ndarray
    place: Place
    n_events: int


def find_recurring(
    cameras: Sequence[str] | np.ndarray,
    boxes: np.ndarray,
    events: Sequence[str] | np.ndarray,
    points: np.ndarray,
    *,
    known: Sequence[Place] = (),
) -> list[Recurring]:
    """Find the boxes that recur.

    Args:
        cameras: The camera of each box, shape ``(n,)``.
        boxes: Left, top, width and height in shares of the photo's width and height, so that photos of several sizes
            fit together; shape ``(n, 4)``. A box that is not finite or empty recurs nowhere.
        events: The event of each box, shape ``(n,)``.
        points: What each box looks like, shape ``(n, d)``, such as ``models.groups.features`` gives; a distance is how
            unlike two are.
        known: Places where fewer boxes are enough.

    Returns:
        The groups, no box in two of them, ordered by camera, place and size; places with many boxes first.

    Raises:
        ValueError: If the lengths differ.
    """
    boxes, points = np.asarray(boxes, dtype=np.float64).reshape(-1, 4), np.asarray(points)
    n = len(boxes)
    if not len(cameras) == len(events) == len(points) == n:
        raise ValueError(f"got {len(cameras)} cameras, {n} boxes, {len(events)} events and {len(points)} points")
    camera_of, names = pd.factorize(np.asarray(cameras, dtype=object), sort=True)
    event_of = pd.factorize(np.asarray(events, dtype=object))[0]
    with np.errstate(invalid="ignore"):
        is_usable = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
        is_usable &= boxes[:, 2] * boxes[:, 3] <= MOST_AREA
    usable = np.flatnonzero(is_usable)
    limit = ALIKE * _measure_chance(camera_of[usable], boxes[usable], points[usable])
    if limit == 0:
        return []  # there is only one place, or the encoder tells nothing apart
    from core.groups.overlapping import count_overlapping

    counts = np.zeros(n, dtype=np.int64)
    counts[usable] = count_overlapping(camera_of[usable], boxes[usable], least=SEED_OVERLAP)
    by_camera = usable[np.argsort(camera_of[usable], kind="stable")]
    found: list[Recurring] = []
    for own in np.split(by_camera, np.flatnonzero(np.diff(camera_of[by_camera])) + 1) if len(by_camera) else ():
        camera = str(names[camera_of[own[0]]])
        remembered = [place for place in known if place.camera == camera]
        for box, rows, is_known in _list_places(own, boxes, counts, remembered):
            found += _part_by_look(rows, points, event_of, limit, place=Place(camera, box), is_known=is_known)
    return found


def _list_places(
    rows: np.ndarray, boxes: np.ndarray, counts: np.ndarray, known: Sequence[Place]
) -> list[tuple[tuple[float, float, float, float], np.ndarray, bool]]:
    """The places of one camera: their middle box, their rows, and whether they are known."""
    from core.groups.overlapping import measure_overlap

    middles = boxes[rows, 0] + boxes[rows, 2] / 2
    order = np.argsort(middles, kind="stable")
    rows, middles = rows[order], middles[order]
    is_free = np.ones(len(rows), dtype=bool)

    def find(box: np.ndarray, least: float) -> np.ndarray:
        """The free rows that overlap a box, as numbers within ``rows``."""
        reach = box[2] * (1 - least) / (2 * least)
        middle = box[0] + box[2] / 2
        near = np.arange(*np.searchsorted(middles, [middle - reach, np.nextafter(middle + reach, np.inf)]))
        near = near[is_free[near]]
        return np.asarray(near[measure_overlap(box, boxes[rows[near]]) >= least])

    places = []
    for place in known:
        there = find(np.array(place.box), PLACE_OVERLAP)
        if len(there) >= LEAST_KNOWN:
            places.append((_to_box(np.median(boxes[rows[there]], axis=0)), rows[there], True))
            is_free[there] = False
    seeds = np.flatnonzero(counts[rows] >= LEAST_BOXES - 1)
    for seed in seeds[np.lexsort((rows[seeds], -counts[rows[seeds]]))].tolist():
        if not is_free[seed]:
            continue
        box = boxes[rows[seed]]
        for _ in range(_SHIFTS):
            near = find(box, SEED_OVERLAP)
            if len(near) < LEAST_BOXES:
                break
            box = np.median(boxes[rows[near]], axis=0)
        there = find(box, PLACE_OVERLAP)
        if len(there) >= LEAST_BOXES:
            places.append((_to_box(box), rows[there], False))
            is_free[there] = False
    return places


def _part_by_look(
    rows: np.ndarray, points: np.ndarray, events: np.ndarray, limit: float, *, place: Place, is_known: bool
) -> list[Recurring]:
    """The groups of the boxes at one place that look alike from event to event; none if it is no recurring place."""
    draws = np.random.default_rng(SEED)
    sample = rows if len(rows) <= MOST_COMPARED else np.sort(draws.choice(rows, MOST_COMPARED, replace=False))
    looks = points[sample].astype(np.float32)
    is_alike = _is_alike(looks, events[sample], looks, events[sample], limit)  # (s, s)
    is_core = is_alike.sum(axis=1) >= NEIGHBOURS
    if not is_core.any():
        return []
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    looks, core = looks[is_core], sample[is_core]
    kinds = connected_components(csr_array(is_alike[np.ix_(is_core, is_core)]), directed=False)[1]
    kind_of = np.full(len(rows), -1)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = rows[start : start + _ROWS_AT_ONCE]
        near = _is_alike(points[part].astype(np.float32), events[part], looks, events[core], limit)
        votes = near.astype(np.float32) @ np.eye(kinds.max() + 1, dtype=np.float32)[kinds]  # (part, kinds)
        kind_of[start : start + len(part)] = np.where(votes.max(axis=1) >= NEIGHBOURS, votes.argmax(axis=1), -1)
    least, least_events = (LEAST_KNOWN, LEAST_KNOWN_EVENTS) if is_known else (LEAST_ALIKE, LEAST_ALIKE_EVENTS)
    groups = []
    for kind in range(kinds.max() + 1):
        own = rows[kind_of == kind]
        n_events = len(np.unique(events[own]))
        if len(own) >= least and n_events >= least_events:
            groups.append(Recurring(np.sort(own), place, n_events))
    if not is_known:
        together = np.concatenate([np.empty(0, dtype=np.int64), *(one.rows for one in groups)])
        if len(together) < LEAST_BOXES or len(np.unique(events[together])) < LEAST_EVENTS:
            return []
    return sorted(groups, key=lambda one: (-len(one.rows), int(one.rows[0])))


def _is_alike(
    looks: np.ndarray, events: np.ndarray, others: np.ndarray, other_events: np.ndarray, limit: float
) -> np.ndarray:
    """Which pairs look alike and are of different events, shape ``(n, m)``, bool."""
    apart = (looks**2).sum(axis=1)[:, None] - 2 * (looks @ others.T) + (others**2).sum(axis=1)
    return np.asarray((apart <= limit**2) & (events[:, None] != other_events))


def _measure_chance(cameras: np.ndarray, boxes: np.ndarray, points: np.ndarray) -> float:
    """How far apart pictures of two places are: the median of seeded pairs, 0 without any.

    Pairs of one place do not count, or a stump that has most of the boxes would be measured by itself.
    """
    if len(points) < 2:
        return 0.0
    first, second = np.random.default_rng(SEED).integers(0, len(points), (2, PAIRS))
    sides = np.minimum(boxes[first, :2] + boxes[first, 2:], boxes[second, :2] + boxes[second, 2:])
    is_apart = (sides <= np.maximum(boxes[first, :2], boxes[second, :2])).any(axis=1)
    is_apart |= cameras[first] != cameras[second]
    if not is_apart.any():
        return 0.0
    pairs = points[first[is_apart]].astype(np.float32) - points[second[is_apart]].astype(np.float32)
    return float(np.median(np.linalg.norm(pairs, axis=1)))


def _to_box(box: np.ndarray) -> tuple[float, float, float, float]:
    left, top, width, height = (round(float(value), 5) for value in box)
    return left, top, width, height
