"""Scenes as a sparse table: which classes each photo or event has, and where and when it was."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from scipy import sparse

SEVERAL_WORDS = "{}, 2 or more"
"""The class of a scene in which there are several animals of a species at once."""


@dataclass(frozen=True, eq=False)
class SceneSet:
    """Scenes and their classes, and the context of each scene as far as it is known.

    Attributes:
        names: Of the photos or events, length n.
        classes: Length k, each once.
        present: Which classes each scene has: boolean, sparse by rows, shape ``(n, k)``.
        cameras: The deployment of each scene, length n; empty where there is none.
        hours: The hour of the day, shape ``(n,)``, float, 0 to under 24; NaN where unknown.
        days: The day of the year, shape ``(n,)``, float, 0 to under 366; NaN where unknown.
        several_of: For a class that says "2 or more" the index of the class of one animal; -1 for all others.
    """

    names: tuple[str, ...]
    classes: tuple[str, ...]
    present: sparse.csr_array
    cameras: tuple[str, ...]
    hours: np.ndarray  # (n,)
    days: np.ndarray  # (n,)
    several_of: np.ndarray  # (k,)

    def __post_init__(self) -> None:
        n, k = len(self.names), len(self.classes)
        if self.present.shape != (n, k):
            raise ValueError(f"present must have shape ({n}, {k}), got {self.present.shape}")
        if not len(self.cameras) == len(self.hours) == len(self.days) == n:
            raise ValueError(f"each of the {n} scenes must have a camera, an hour and a day, even if unknown")
        if len(self.several_of) != k:
            raise ValueError(f"several_of must have one entry for each of the {k} classes, got {len(self.several_of)}")
        if len(set(self.classes)) != k:
            raise ValueError("each class must be named once")

    def __len__(self) -> int:
        """How many scenes there are."""
        return len(self.names)

    def take(self, rows: np.ndarray) -> "SceneSet":
        """The scenes of these rows, in that order."""
        return replace(
            self,
            names=tuple(self.names[i] for i in rows),
            present=self.present[rows],
            cameras=tuple(self.cameras[i] for i in rows),
            hours=self.hours[rows],
            days=self.days[rows],
        )

    def take_slice(self, start: int, stop: int) -> "SceneSet":
        """The scenes from ``start`` to under ``stop``."""
        part = slice(start, stop)
        return replace(
            self,
            names=self.names[part],
            present=self.present[part],
            cameras=self.cameras[part],
            hours=self.hours[part],
            days=self.days[part],
        )

    def with_present(self, present: sparse.csr_array) -> "SceneSet":
        """The same scenes with other classes in them."""
        return replace(self, present=present)

    def align(self, classes: Sequence[str], several_of: np.ndarray) -> tuple["SceneSet", sparse.csr_array]:
        """The scenes in the classes of a model, and what of them the model does not know.

        Args:
            classes: Of the model.
            several_of: Of the model.

        Returns:
            The scenes with the model's classes, and a boolean table of shape ``(n, k)`` in the own classes of the
            scenes: true where a scene has a class that the model does not know.
        """
        index = {name: i for i, name in enumerate(classes)}
        place = np.array([index.get(name, -1) for name in self.classes], dtype=int)
        pairs = self.present.tocoo()
        known = place[pairs.col] >= 0
        aligned = build_present(pairs.row[known], place[pairs.col[known]], shape=(len(self), len(classes)))
        # Several of an unknown species are no second finding.
        is_new = ~known & (self.several_of[pairs.col] < 0)
        unknown = build_present(pairs.row[is_new], pairs.col[is_new], shape=self.present.shape)
        return replace(self, classes=tuple(classes), present=aligned, several_of=several_of), unknown


def build_present(rows: np.ndarray, columns: np.ndarray, *, shape: tuple[int, int]) -> sparse.csr_array:
    """A boolean table that is true at these places; a place may be named more than once."""
    ones = np.ones(len(rows), dtype=bool)
    table = sparse.csr_array(
        (ones, (np.asarray(rows, dtype=np.int32), np.asarray(columns, dtype=np.int32))), shape=shape
    )
    table.sum_duplicates()
    table.sort_indices()
    return table


def list_pairs(present: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of what is present, row by row: two arrays of one length."""
    return np.repeat(np.arange(present.shape[0]), np.diff(present.indptr)), present.indices


def make_scene_set(
    names: Sequence[str],
    members: Sequence[dict[str, int]],
    *,
    cameras: Sequence[str] | None = None,
    times: Sequence[datetime | None] | None = None,
    with_counts: bool = False,
) -> SceneSet:
    """Scenes from the classes of each.

    Args:
        names: Of the scenes, length n.
        members: For each scene its classes, and how many of each were seen at once, >= 1.
        cameras: The deployment of each; None: unknown.
        times: When each began; None: unknown.
        with_counts: Also make a class for several animals at once, where a species comes alone and in numbers.

    >>> scenes = make_scene_set(["a", "b"], [{"deer": 2}, {"deer": 1, "fox": 1}], with_counts=True)
    >>> scenes.classes
    ('deer', 'fox', 'deer, 2 or more')
    >>> scenes.present.toarray().astype(int)
    array([[1, 0, 1],
           [1, 1, 0]])
    """
    found = sorted({name for scene in members for name in scene})
    is_several = (
        {name: {scene[name] > 1 for scene in members if name in scene} for name in found} if with_counts else {}
    )
    in_numbers = [name for name in found if is_several.get(name) == {True, False}]
    classes = [*found, *(SEVERAL_WORDS.format(name) for name in in_numbers)]
    one = {name: i for i, name in enumerate(found)}
    several = {name: len(found) + i for i, name in enumerate(in_numbers)}
    rows, columns = [], []
    for i, scene in enumerate(members):
        places = [one[name] for name in scene]
        places += [several[name] for name, count in scene.items() if count > 1 and name in several]
        columns += places
        rows += [i] * len(places)
    times = [None] * len(names) if times is None else times
    return SceneSet(
        names=tuple(names),
        classes=tuple(classes),
        present=build_present(
            np.array(rows, dtype=int), np.array(columns, dtype=int), shape=(len(names), len(classes))
        ),
        cameras=("",) * len(names) if cameras is None else tuple(cameras),
        hours=np.array([np.nan if at is None else at.hour + at.minute / 60 for at in times], dtype=float),
        days=np.array([np.nan if at is None else at.timetuple().tm_yday - 1 for at in times], dtype=float),
        several_of=np.array([-1] * len(found) + [one[name] for name in in_numbers], dtype=int),
    )
