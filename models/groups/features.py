"""The main directions of a run's embeddings: what crops are grouped by."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import AnomalureError
from core.groups.making import make_tree
from core.groups.tree import GroupTree, fingerprint_run
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from models.encoders.sections import weigh_sections
from models.encoders.spec import EncoderSpec
from models.judging.normaliser import Normaliser

DIRECTIONS = 64
FITTED_ROWS = 8_000
"""With more crops, the directions are fitted to a seeded sample, so that memory is bounded."""
SEED = 0
READING_SHARE = 0.3


def group_run(run: RunFolder, *, on_share: Callable[[float], None] = lambda share: None) -> GroupTree:
    """The tree of a run's crops; ``on_share`` gets the share of the work that is done, 0 to 1.

    Leaves are numbered in the order of the run's shards, so that they do not depend on the scores.

    Raises:
        AnomalureError: If the run has no crops, or they cannot be read.
    """
    version = fingerprint_run(run)
    try:
        ids, points = reduce_run(run, on_share=lambda share: on_share(READING_SHARE * share))
    except (OSError, pa.ArrowException) as error:
        raise AnomalureError(f"The embeddings of run {run.run_id} cannot be read: {error}") from error
    tree = make_tree(
        ids, points, version=version, on_share=lambda share: on_share(READING_SHARE + (1 - READING_SHARE) * share)
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
    n = sum(pq.read_metadata(path).num_rows for path in run.tables("embeddings"))
    if n == 0:
        raise AnomalureError(
            f"Run {run.run_id} has no crops yet, so there is nothing to group. Wait until its first photos are done, "
            "or resume it."
        )
    chosen = np.sort(np.random.default_rng(SEED).permutation(n)[:FITTED_ROWS])
    normaliser = fit_directions(_read_rows(run, chosen), *_find_sections(run))
    ids: list[str] = []
    points = np.empty((n, normaliser.width), dtype=np.float32)
    for crops, rows in run.embedded_shards():
        points[len(ids) : len(ids) + len(crops)] = normaliser.transform(rows)
        ids.extend(crops["crop_id"].tolist())
        on_share(len(ids) / n)
    return ids, points


def fit_directions(rows: np.ndarray, sections: Sequence[int], weights: Sequence[float]) -> Normaliser:
    """A normaliser that reduces rows to their main directions, at most 64.

    Args:
        rows: Raw embeddings, shape ``(n, sum(sections))``, n >= 1.
        sections: Length of each joined part; empty: one part.
        weights: Weight of each section; empty: all the same.
    """
    finite = rows[np.isfinite(rows).all(axis=1)]
    if len(finite) == 0:
        finite = np.zeros((1, rows.shape[1]), dtype=np.float32)
    return Normaliser.fit(
        finite, sections=sections or (rows.shape[1],), weights=weights, components=min(DIRECTIONS, *finite.shape)
    )


def _find_sections(run: RunFolder) -> tuple[tuple[int, ...], tuple[float, ...]]:
    sections = tuple(run.info.sections)
    specs = tuple(EncoderSpec.from_values(spec) for spec in run.info.encoders)
    return sections, weigh_sections(specs, sections)


def _read_rows(run: RunFolder, chosen: np.ndarray) -> np.ndarray:
    """The embeddings of these crops, ascending, counted over all shards."""
    parts, start = [], 0
    for _, rows in run.embedded_shards():
        parts.append(rows[chosen[(chosen >= start) & (chosen < start + len(rows))] - start])
        start += len(rows)
    return np.concatenate(parts)
