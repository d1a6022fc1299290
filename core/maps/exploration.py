"""Projections and trees of clusters of a run for the Explore page, kept in the run's folder."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.disk.files import read_whole, write_stream
from core.disk.json import parse_values
from core.disk.parquet import read_parquet
from core.errors import AnomalureError
from core.maps.pictures import Picture, read_picture
from core.maps.projection import Projection, ProjectionKind, check_n_crops, prepare_embeddings
from core.maps.tsne import choose_presets
from core.runs.folder import RunFolder
from core.work.repeated import RepeatedWork

if TYPE_CHECKING:
    from core.maps.clusters import ClusterTree

PRESETS_JOB = "presets"


class Exploration:
    """The projections and trees of one run. Making the object reads and computes nothing."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    # The crops

    @cached_property
    def n_crops(self) -> int:
        """How many crops there are, without reading them."""
        with _reading(self.run):
            return sum(pq.read_metadata(path).num_rows for path in self.run.tables("embeddings"))

    @cached_property
    def crop_ids(self) -> list[str]:
        """The crops in the order of every picture and every tree."""
        ids: list[str] = []
        with _reading(self.run):
            for path in self.run.tables("embeddings"):
                ids.extend(read_parquet(path, columns=["crop_id"]).column("crop_id").to_pylist())
        return ids

    @cached_property
    def folder(self) -> Path:
        """The folder of all these files. A resumed run gets another folder, because it has other crops."""
        return self.run.path / "explore" / f"{len(self.run.done_shards())}-{self.n_crops}"

    def check(self, projection: Projection | None = None) -> None:
        """Refuse crops that cannot be laid out.

        Raises:
            AnomalureError: If the run has no embeddings, fewer than 3 crops, or too few for this projection.
        """
        if not self.run.tables("embeddings"):
            raise AnomalureError(
                f"Run {self.run.run_id} has no embeddings yet, so there is nothing to lay out. Wait until its first "
                "photos are done, or resume it."
            )
        check_n_crops(self.n_crops)
        if projection is not None:
            projection.check(self.n_crops)

    # Maps

    def presets(self) -> list[Projection]:
        """The t-SNEs at the preset perplexities that are possible for so many crops, by rising perplexity."""
        return [Projection(perplexity=float(preset)) for preset in choose_presets(self.n_crops)]

    def has(self, projection: Projection) -> bool:
        """Whether the projection is finished."""
        return self.picture_path(projection).is_file()

    def points(self, projection: Projection) -> np.ndarray | None:
        """The finished projection, shape ``(n, 2)``, float32, in the order of ``crop_ids``; None if it is not there."""
        found = read_picture(self.picture_path(projection), projection)
        return None if found is None or len(found.points) != self.n_crops else found.points

    def picture(self, projection: Projection) -> Picture | None:
        """The finished projection, else the latest unfinished picture of it, else None."""
        for path in (self.picture_path(projection), self.draft_path(projection)):
            found = read_picture(path, projection)
            if found is not None and len(found.points) == self.n_crops:
                return found
            with suppress(OSError):
                path.unlink(missing_ok=True)  # a damaged one is computed again
        return None

    def nearest(self, projection: Projection) -> Picture | None:
        """What can be shown at once: the projection, or the finished t-SNE with the nearest perplexity."""
        found = self.picture(projection)
        if found is not None or projection.kind is not ProjectionKind.TSNE:
            return found
        names = [path.name.removeprefix("tsne-").removesuffix(".npz") for path in self.folder.glob("tsne-*.npz")]
        ready = [Projection(perplexity=float(name)) for name in names if not name.endswith("draft")]
        ready.sort(key=lambda other: abs(np.log(other.perplexity / projection.perplexity)))
        pictures = (self.picture(other) for other in ready if other != projection)
        return next((found for found in pictures if found is not None), None)

    def picture_path(self, projection: Projection) -> Path:
        """The file of a finished projection."""
        return self.folder / f"{projection.key}.npz"

    def draft_path(self, projection: Projection) -> Path:
        """The file of the latest unfinished picture."""
        return self.folder / f"{projection.key}.draft.npz"

    # Work

    def work(self, job: str) -> RepeatedWork:
        """The folder of a computation: ``job_of`` a projection, or ``tree_job``."""
        return RepeatedWork(self.folder / job)

    def job_of(self, projection: Projection) -> str:
        """The name of the computation that makes this projection: its key, or that of all presets together."""
        return PRESETS_JOB if projection in self.presets() else projection.key

    def tree_job(self, min_samples: int) -> str:
        """The name of the computation that makes the tree of the embeddings."""
        return f"tree-embeddings-{min_samples}"

    # Clusters

    def tree(
        self, projection: Projection | None, *, min_samples: int, on_share: Callable[[float], None] | None = None
    ) -> "ClusterTree":
        """The tree of clusters of a finished projection, or of the embeddings (None); kept once it is built.

        ``on_share`` gets the share of the work that is done, 0 to 1.

        Raises:
            AnomalureError: If the projection is not finished, or the crops cannot be grouped.
        """
        from core.maps.clusters import (
            ClusterTree,
            build_tree,
        )  # takes a second to import, which a projection does not need

        path = self._tree_path(projection, min_samples)
        if path.is_file():
            with suppress(AnomalureError):
                tree = ClusterTree.load(path)
                if (tree.n_points, tree.min_samples) == (self.n_crops, min_samples):
                    return tree
            with suppress(OSError):
                path.unlink(missing_ok=True)  # a damaged one is made anew
        points = self.prepared() if projection is None else self.points(projection)
        if points is None:
            assert projection is not None
            raise AnomalureError(f"{projection.label} is not computed yet. Wait until it is ready.")
        tree = build_tree(points, min_samples=min_samples, on_share=on_share)
        with suppress(OSError):  # a project that may only be read: it is built again the next time
            tree.save(path)
        return tree

    def has_tree(self, *, min_samples: int) -> bool:
        """Whether the tree of the embeddings is there."""
        return self._tree_path(None, min_samples).is_file()

    def _tree_path(self, projection: Projection | None, min_samples: int) -> Path:
        return self.folder / f"tree-{'embeddings' if projection is None else projection.key}-{min_samples}.npz"

    # Embeddings

    def prepared(self) -> np.ndarray:
        """The embeddings on a common scale in at most 50 components, shape ``(n, d)``, float32; kept once computed.

        Raises:
            AnomalureError: If they cannot be compared.
        """
        self.check()
        path = self.folder / "prepared.npy"
        with suppress(OSError, ValueError, EOFError, TypeError):
            kept = np.load(path, allow_pickle=False)
            if kept.ndim == 2 and len(kept) == self.n_crops and kept.dtype == np.float32 and np.isfinite(kept).all():
                return kept
        with _reading(self.run):
            rows = np.concatenate([rows for _, rows in self.run.embedded_shards()])
        features, sections = _read_sections(self.run, width=rows.shape[1])
        prepared = prepare_embeddings(rows[:, features], sections=sections)
        with suppress(OSError):  # a project that may only be read
            self.folder.mkdir(parents=True, exist_ok=True)
            write_stream(path, lambda file: np.save(file, prepared), durable=True)
        return prepared


@contextmanager
def _reading(run: RunFolder) -> Iterator[None]:
    """Explain damaged or deleted files in a sentence."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        first = str(error).partition(". Detail")[0]
        raise AnomalureError(
            f"The embeddings of run {run.run_id} cannot be read ({first}). Put its files back, or run the pipeline on "
            "these photos again."
        ) from error


def _read_sections(run: RunFolder, *, width: int) -> tuple[np.ndarray, Sequence[int] | None]:
    """The columns of an embedding that say how a crop looks, and the length of each joined encoder's part of them.

    Both are according to the run's bundle; without one, all columns and None: one part. An autoencoder's errors
    (``error_columns``) say how little a crop fits, not how it looks.
    """
    features = np.arange(width)
    if not run.info.bundle:
        return features, None
    manifest = run.path.parent.parent / "bundles" / run.info.bundle / "bundle.json"
    try:
        values = parse_values(read_whole(manifest))
        sections = [int(length) for length in values["sections"]]
        errors = {int(column) for column in values.get("error_columns", ())}
    except (OSError, ValueError, KeyError, TypeError):
        return features, None
    if sum(sections) != width or min(sections) <= 0:
        return features, None
    of_section = np.repeat(np.arange(len(sections)), sections)[~np.isin(features, list(errors))]
    kept = [int(n) for n in np.bincount(of_section, minlength=len(sections)) if n]
    return (features[~np.isin(features, list(errors))], kept) if kept else (features, sections)
