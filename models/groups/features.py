"""The main directions of a run's embeddings: what crops are grouped by."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import AnomalureError
from core.groups.making import make_tree
from core.groups.recurring import Place
from core.groups.tree import GroupTree, fingerprint_run
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from models.encoders.sections import CLASSES, DETECTOR, ERRORS, list_sections, weigh_sections
from models.encoders.spec import EncoderSpec
from models.groups.recurring import find_recurring_crops
from models.judging.normaliser import Normaliser

DIRECTIONS = 64
FITTED_ROWS = 8_000
"""With more crops, the directions are fitted to a seeded sample, so that memory is bounded."""
SEED = 0
READING_SHARE = 0.3


def group_run(
    run: RunFolder,
    *,
    known: Sequence[Place] = (),
    apart: bool = True,
    on_share: Callable[[float], None] = lambda share: None,
) -> GroupTree:
    """The tree of a run's crops.

    Leaves are numbered in the order of the run's shards, so that they do not depend on the scores.

    Args:
        run: The run.
        known: Places of cameras that were named in earlier runs.
        apart: Whether crops that recur at one place of a camera are groups of their own.
        on_share: Gets the share of the work that is done, 0 to 1.

    Raises:
        AnomalureError: If the run has no crops, or they cannot be read.
    """
    version = fingerprint_run(run)
    try:
        ids, points = reduce_run(run, on_share=lambda share: on_share(READING_SHARE * share))
    except (OSError, pa.ArrowException) as error:
        raise AnomalureError(f"The embeddings of run {run.run_id} cannot be read: {error}") from error
    tree = make_tree(
        ids,
        points,
        version=version,
        recurring=find_recurring_crops(run, ids, points, known=known) if apart else (),
        on_share=lambda share: on_share(READING_SHARE + (1 - READING_SHARE) * share),
    )
    place = {crop_id: i for i, crop_id in enumerate(read_catalogue(run, ["crop_id"])["crop_id"])}
    return tree.take(np.argsort([place.get(crop_id, len(place)) for crop_id in ids], kind="stable"))


def reduce_run(
    run: RunFolder, *, on_share: Callable[[float], None] = lambda share: None
) -> tuple[list[str], np.ndarray]:
    """The ids of a run's crops in the order of its shards, and their main directions, shape ``(n, q)``, q <= 64.

    Raises:
        AnomalureError: If the run has no crops.
    """
    n = count_rows(run)
    if n == 0:
        raise AnomalureError(
            f"Run {run.run_id} has no crops yet, so there is nothing to group. Wait until its first photos are done, "
            "or resume it."
        )
    columns, sections, weights = choose_sections(run)
    directions = Directions.fit(read_rows(run, draw_rows(run, FITTED_ROWS))[:, columns], sections, weights)
    ids: list[str] = []
    points = np.empty((n, directions.width), dtype=np.float32)
    for crops, rows in run.embedded_shards():
        points[len(ids) : len(ids) + len(crops)] = directions.transform(rows[:, columns])
        ids.extend(crops["crop_id"].tolist())
        on_share(len(ids) / n)
    return ids, points


@dataclass(frozen=True)
class Directions:
    """The main directions of embeddings, in which crops are grouped.

    Rows are normalised as for a bundle and projected, but not brought to length 1 again: a crop that differs little
    from the mean of all is near the middle, which was measured to name more crops right.
    """

    normaliser: Normaliser
    directions: np.ndarray  # (q, d), orthonormal

    @classmethod
    def fit(cls, rows: np.ndarray, sections: Sequence[int] = (), weights: Sequence[float] = ()) -> "Directions":
        """Find them.

        Args:
            rows: Raw embeddings, shape ``(n, sum(sections))``, n >= 1.
            sections: Length of each joined part; empty: one part.
            weights: Weight of each section; empty: all the same.
        """
        finite = rows[np.isfinite(rows).all(axis=1)]
        if len(finite) == 0:
            finite = np.zeros((1, rows.shape[1]), dtype=np.float32)
        count = min(DIRECTIONS, *finite.shape)
        fitted = Normaliser.fit(finite, sections=sections or (rows.shape[1],), weights=weights, components=count)
        assert fitted.directions_ is not None  # as components are asked for
        return cls(replace(fitted, directions_=None), fitted.directions_)

    @property
    def width(self) -> int:
        """How many there are, at most 64."""
        return len(self.directions)

    def transform(self, rows: np.ndarray) -> np.ndarray:
        """Where rows lie along each direction, float32, shape ``(n, width)``; a broken row is zero.

        Raises:
            ValueError: If the shape does not fit.
        """
        return self.normaliser.transform(rows) @ self.directions.T


def choose_columns(
    names: Sequence[str], sections: Sequence[int], weights: Sequence[float]
) -> tuple[np.ndarray, tuple[int, ...], tuple[float, ...]]:
    """The columns of an embedding that crops are grouped by, with their sections and weights.

    The features of a detector are left out if there are others: they say more about place and size than about the
    animal, and were measured to name fewer crops right. Class scores count in full, although less in a bundle.

    Args:
        names: What each section is, ``models.encoders.sections``; empty: not known.
        sections: Length of each section.
        weights: Weight of each; empty: all the same.
    """
    starts = np.cumsum([0, *sections])
    if len(names) != len(sections) or set(names) <= {DETECTOR}:
        return np.arange(starts[-1]), tuple(sections), tuple(weights)
    kept = [i for i, name in enumerate(names) if name not in (DETECTOR, ERRORS)]
    columns = np.concatenate([np.arange(starts[i], starts[i + 1]) for i in kept])
    if not weights:
        return columns, tuple(sections[i] for i in kept), ()
    return columns, tuple(sections[i] for i in kept), tuple(1.0 if names[i] == CLASSES else weights[i] for i in kept)


def choose_sections(run: RunFolder) -> tuple[np.ndarray | slice, tuple[int, ...], tuple[float, ...]]:
    """The columns of a run's embeddings that its crops are grouped by, with their sections and weights."""
    sections = tuple(run.info.sections)
    if not sections:
        return slice(None), (), ()
    specs = tuple(EncoderSpec.from_values(spec) for spec in run.info.encoders)
    return choose_columns([one.name for one in list_sections(specs)], sections, weigh_sections(specs, sections))


def count_rows(run: RunFolder) -> int:
    """How many embeddings a run has, without reading them."""
    return sum(pq.read_metadata(path).num_rows for path in run.tables("embeddings"))


def draw_rows(run: RunFolder, most: int) -> np.ndarray:
    """At most so many of a run's crops, a seeded sample, as ``read_rows`` takes it."""
    return np.sort(np.random.default_rng(SEED).permutation(count_rows(run))[:most])


def read_rows(run: RunFolder, chosen: np.ndarray) -> np.ndarray:
    """The embeddings of these crops, ascending, counted over all shards."""
    parts, start = [], 0
    for _, rows in run.embedded_shards():
        parts.append(rows[chosen[(chosen >= start) & (chosen < start + len(rows))] - start])
        start += len(rows)
    return np.concatenate(parts)
