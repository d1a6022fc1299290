"""What is computed of a run for looking around in it: projections and trees of clusters, kept beside its shards."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.disk.files import read_whole, replace_file, temporary_beside, write_whole
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.maps.exploration_work import Cancelled, Report, WorkState, WorkStatus, read_progress
from core.maps.projection import (
    Projection,
    ProjectionKind,
    check_n_crops,
    prepare_embeddings,
    project_pca,
    project_umap,
)
from core.maps.tsne import FIRST_RUNG, RUNG_STEPS, WARM_STEPS, TsneNeighbours, align_points, choose_ladder, refine_tsne
from core.runs.folder import RunFolder
from core.work.progress import Phase, Progress, is_alive

if TYPE_CHECKING:
    from core.maps.clusters import ClusterTree

LADDER_JOB = "ladder"
LOOK_WORDS = "Grouping the crops by their look"
# A picture on the way is written at most this often: fast enough to watch, without keeping the disk busy.
PICTURE_EVERY_S = 1.0
# Farther from its start, a t-SNE of a few steps stays worse than one from the beginning (bench/explore.py).
FARTHEST_WARM_START = 2.5
USUAL_MIN_SAMPLES = 10
NEIGHBOURS_PATIENCE_S = 3_600.0


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A run's crops on the plane, in the order of ``Exploration.crop_ids``.

    Attributes:
        projection: What it shows.
        points: Shape ``(n, 2)``, float32.
        iteration: Of ``iterations``; both 0 where there are no steps.
        kl: Divergence of a t-SNE, lower is better; NaN for the others.
        is_final: Whether it is finished; if not, a later one will follow.
    """

    projection: Projection
    points: np.ndarray
    iteration: int = 0
    iterations: int = 0
    kl: float = float("nan")
    is_final: bool = True


class Exploration:
    """What is computed of one run. Cheap to make; reads only what it is asked for, and starts no process."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run

    @classmethod
    def of(cls, run: RunFolder) -> "Exploration":
        """The exploration of a run: of its finished shards."""
        return cls(run)

    # The crops

    @cached_property
    def n_crops(self) -> int:
        """How many crops there are, without reading them."""
        with _reading(self.run):
            return sum(pq.read_metadata(path).num_rows for path in self.run.tables("embeddings"))

    @cached_property
    def crop_ids(self) -> list[str]:
        """The crops in the order in which every picture and every tree has them."""
        ids: list[str] = []
        with _reading(self.run):
            for path in self.run.tables("embeddings"):
                ids.extend(pq.read_table(path, columns=["crop_id"]).column("crop_id").to_pylist())
        return ids

    @cached_property
    def folder(self) -> Path:
        """Where it is kept; a run that was resumed has another one, for its crops are others."""
        return self.run.path / "explore" / f"{len(self.run.done_shards())}-{self.n_crops}"

    def check(self, projection: Projection | None = None) -> None:
        """Refuse what cannot be laid out.

        Raises:
            AnomalureError: If the run has no embeddings, fewer than 3 crops, or too few for this projection.
        """
        if not self.run.tables("embeddings"):
            raise AnomalureError(
                f"Run {self.run.run_id} has no embeddings yet, so there is nothing to lay out. Wait "
                "until its first photos are done, or resume it."
            )
        check_n_crops(self.n_crops)
        if projection is not None:
            projection.check(self.n_crops)

    # What is there

    def ladder(self) -> list[Projection]:
        """The t-SNEs that are made ahead, by rising perplexity."""
        return [Projection(perplexity=float(rung)) for rung in choose_ladder(self.n_crops)]

    def has(self, projection: Projection) -> bool:
        """Whether the projection is finished."""
        return self._picture_path(projection).is_file()

    def points(self, projection: Projection) -> np.ndarray | None:
        """The finished projection, shape ``(n, 2)``, float32, in the order of ``crop_ids``; None if it is not there."""
        found = _read_picture(self._picture_path(projection), projection)
        return None if found is None or len(found.points) != self.n_crops else found.points

    def picture(self, projection: Projection) -> Picture | None:
        """The finished projection, else the latest picture on the way to it, else None."""
        for path in (self._picture_path(projection), self._draft_path(projection)):
            found = _read_picture(path, projection)
            if found is not None and len(found.points) == self.n_crops:
                return found
            with suppress(OSError):
                path.unlink(missing_ok=True)  # damaged: it is made again
        return None

    def nearest(self, projection: Projection) -> Picture | None:
        """What can be shown at once: the projection, or the finished t-SNE whose perplexity is nearest to it."""
        found = self.picture(projection)
        if found is not None or projection.kind is not ProjectionKind.TSNE:
            return found
        ready = [other for other in self._finished_tsnes() if other != projection]
        ready.sort(key=lambda other: abs(np.log(other.perplexity / projection.perplexity)))
        return next((found for other in ready if (found := self.picture(other)) is not None), None)

    def _finished_tsnes(self) -> list[Projection]:
        names = [path.name.removeprefix("tsne-").removesuffix(".npz") for path in self.folder.glob("tsne-*.npz")]
        return [Projection(perplexity=float(name)) for name in names if not name.endswith("draft")]

    # How it stands

    def job(self, projection: Projection) -> str:
        """The name of the computation that makes this projection: its key, or that of the whole ladder."""
        return LADDER_JOB if projection in self.ladder() else projection.key

    def state(self, projection: Projection) -> WorkState:
        """How the projection stands now."""
        if self.has(projection):
            return WorkState(status=WorkStatus.READY, share=1.0)
        state = self.job_state(self.job(projection))
        # Done, and yet not there: somebody deleted it, or it could not be read.
        return WorkState(status=WorkStatus.MISSING) if state.status is WorkStatus.READY else state

    def job_state(self, job: str) -> WorkState:
        """How a computation stands: ``ladder``, the key of a projection or ``tree_job``."""
        progress = read_progress(self._progress_path(job))
        if progress is None:
            return WorkState(status=WorkStatus.MISSING)
        share = progress.done / progress.total if progress.total else 0.0
        status = {Phase.DONE: WorkStatus.READY, Phase.CANCELLED: WorkStatus.CANCELLED, Phase.FAILED: WorkStatus.FAILED}
        found = status.get(progress.phase)
        if found is None:
            found = WorkStatus.RUNNING if is_alive(progress) else WorkStatus.INTERRUPTED
            if found is WorkStatus.INTERRUPTED and self._cancel_path(job).is_file():
                found = WorkStatus.CANCELLED  # it was ended before it could say so
        return WorkState(status=found, share=share, seconds_left=progress.seconds_left, message=progress.message)

    def request_cancel(self, job: str) -> None:
        """Ask a computation to stop soon; what it has finished is kept."""
        if self.folder.is_dir():
            write_whole(self._cancel_path(job), b"")

    # Clusters

    def tree(self, projection: Projection | None, *, min_samples: int) -> "ClusterTree":
        """The tree of clusters of a finished projection, or of the embeddings themselves (None); kept once made.

        Raises:
            AnomalureError: If the projection is not there yet, or the crops cannot be grouped.
        """
        from core.maps.clusters import ClusterTree, build_tree  # a second that a projection need not wait for

        path = self._tree_path(projection, min_samples)
        if path.is_file():
            try:
                return ClusterTree.load(path)
            except AnomalureError:
                path.unlink(missing_ok=True)
        points = self.prepared() if projection is None else self.points(projection)
        if points is None:
            assert projection is not None
            raise AnomalureError(f"{projection.label} is not computed yet. Wait until it is ready.")
        tree = build_tree(points, min_samples=min_samples)
        tree.save(path)
        return tree

    def has_tree(self, *, min_samples: int) -> bool:
        """Whether the tree of the embeddings themselves is there."""
        return self._tree_path(None, min_samples).is_file()

    def tree_job(self, min_samples: int) -> str:
        """The name of the computation that makes the tree of the embeddings themselves."""
        return f"tree-embeddings-{min_samples}"

    def compute_tree(self, min_samples: int, *, on_progress: Callable[[Progress], None] | None = None) -> None:
        """Make the tree of the embeddings themselves, unless it is there; of very many crops it takes minutes.

        Raises:
            AnomalureError: If it cannot be made, or another process makes it.
            Cancelled: If somebody asked for it.
        """
        from core.maps.clusters import build_tree

        self.check()
        if self.has_tree(min_samples=min_samples):
            return
        with self._working(self.tree_job(min_samples), on_progress) as report:
            report(0.0, LOOK_WORDS)
            tree = build_tree(
                self.prepared(), min_samples=min_samples, on_share=lambda share: report(share, LOOK_WORDS)
            )
            tree.save(self._tree_path(None, min_samples))

    # Computing: what `cli.py explore` does

    def prepared(self) -> np.ndarray:
        """The embeddings on a common scale in at most 50 components, shape ``(n, d)``, float32; kept once made.

        Raises:
            AnomalureError: If they cannot be compared.
        """
        self.check()
        path = self.folder / "prepared.npy"
        with suppress(OSError, ValueError, EOFError):
            kept = np.load(path, allow_pickle=False)
            if len(kept) == self.n_crops:
                return kept
        with _reading(self.run):
            rows = np.concatenate([rows for _, rows in self.run.embedded_shards()])
        prepared = prepare_embeddings(rows, sections=_read_sections(self.run, width=rows.shape[1]))
        self._write(path, lambda file: np.save(file, prepared))
        return prepared

    def compute(self, projection: Projection, *, on_progress: Callable[[Progress], None] | None = None) -> Picture:
        """Compute a projection in this process, unless it is there.

        Raises:
            AnomalureError: If it cannot be computed, or another process computes it.
            Cancelled: If somebody asked for it.
        """
        self.check(projection)
        found = self.picture(projection)
        if found is not None and found.is_final:
            return found
        if projection in self.ladder() and self.job_state(LADDER_JOB).status is WorkStatus.RUNNING:
            raise AnomalureError(
                f"{projection.label} is being computed already, with the others of the ladder. Wait until it is ready."
            )
        with self._working(projection.key, on_progress) as report:
            return self._compute(projection, report, first=0.0, last=1.0)

    def compute_ladder(self, *, on_progress: Callable[[Progress], None] | None = None) -> list[Projection]:
        """Compute PCA and the t-SNEs of the ladder, the usual perplexity first; what is there already stays.

        Raises:
            AnomalureError: If it cannot be computed, or another process computes it.
            Cancelled: If somebody asked for it.
        """
        self.check()
        pca = Projection(kind=ProjectionKind.PCA)
        rungs = sorted(self.ladder(), key=lambda rung: abs(np.log(rung.perplexity / FIRST_RUNG)))
        with self._working(LADDER_JOB, on_progress) as report:
            self._compute(pca, report, first=0.0, last=0.0)
            for i, rung in enumerate(rungs):
                if not self.has(rung):
                    self._compute(rung, report, first=i / len(rungs), last=(i + 1) / len(rungs))
                self.tree(rung, min_samples=USUAL_MIN_SAMPLES)
        return [pca, *self.ladder()]

    def _compute(self, projection: Projection, report: "Report", *, first: float, last: float) -> Picture:
        report(first, f"Computing {projection.label}")
        if projection.kind is ProjectionKind.PCA:
            picture = Picture(projection=projection, points=self._pca())
        elif projection.kind is ProjectionKind.UMAP:
            points = project_umap(
                self.prepared(), n_neighbors=projection.n_neighbors, min_dist=projection.min_dist, seed=projection.seed
            )
            picture = Picture(projection=projection, points=align_points(points, to=self._pca()))
        else:
            for picture in self._refine(projection, report, first):
                share = first + (last - first) * picture.iteration / picture.iterations
                report(share, f"Computing {projection.label}")
        self._write_picture(self._picture_path(projection), picture)
        self._draft_path(projection).unlink(missing_ok=True)
        return picture

    def _pca(self) -> np.ndarray:
        return project_pca(self.prepared())

    def _refine(self, projection: Projection, report: "Report", share: float) -> Iterator[Picture]:
        def show_neighbours(done: int, total: int) -> None:
            report(share, f"Comparing crops: {done:,} of {total:,}")

        neighbours = self._neighbours(projection.perplexity, show_neighbours)
        start, over, steps = self._start(projection)
        written = 0.0
        for step in refine_tsne(
            neighbours, start, perplexity=projection.perplexity, warm=steps > 0, over=over, steps=steps
        ):
            picture = Picture(
                projection=projection,
                points=step.points,
                iteration=step.iteration,
                iterations=step.iterations,
                kl=step.kl,
                is_final=step.is_final,
            )
            if not step.is_final and time.monotonic() - written > PICTURE_EVERY_S:
                self._write_picture(self._draft_path(projection), picture)
                written = time.monotonic()
            yield picture

    def _start(self, projection: Projection) -> tuple[np.ndarray, np.ndarray, int]:
        """Where a t-SNE starts, what it is laid over, and its steps from a t-SNE; 0 steps: it starts from the PCA.

        From a near t-SNE a few steps are enough for a value off the ladder; a higher rung takes more, so that it is as
        good as from the PCA, yet nothing jumps. A lower one falls to pieces from there, and starts from the PCA.
        """
        near = self.nearest(projection)
        if near is None or not near.is_final:
            return self._pca(), self._pca(), 0
        ratio = projection.perplexity / near.projection.perplexity
        is_rung = projection in self.ladder()
        if max(ratio, 1 / ratio) > FARTHEST_WARM_START or (is_rung and ratio < 1):
            return self._pca(), near.points, 0
        return near.points, near.points, RUNG_STEPS if is_rung else WARM_STEPS

    def _neighbours(self, perplexity: float, on_progress: Callable[[int, int], None]) -> TsneNeighbours:
        path = self.folder / "neighbours.npz"
        with FileLock(self.folder / "neighbours.lock", patience_s=NEIGHBOURS_PATIENCE_S):
            if path.is_file():
                found = TsneNeighbours.load(path)
                if found.largest_perplexity >= perplexity:
                    return found
            largest = max([perplexity, *(rung.perplexity for rung in self.ladder())])
            found = TsneNeighbours.compute(self.prepared(), perplexity=largest, on_progress=on_progress)
            found.save(path)
            return found

    @contextmanager
    def _working(self, job: str, on_progress: Callable[[Progress], None] | None) -> Iterator["Report"]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            try:
                stack.enter_context(FileLock(self.folder / f"{job}.lock"))
            except LockHeld as held:
                raise AnomalureError(
                    f"This is being computed already, by process {held.holder}. Wait until it ends, or cancel it."
                ) from held
            self._cancel_path(job).unlink(missing_ok=True)
            report = Report(self._progress_path(job), self._cancel_path(job), on_progress)
            try:
                yield report
            except Cancelled:
                report.end(Phase.CANCELLED, "Cancelled; what was finished is kept.")
                raise
            except AnomalureError as error:
                report.end(Phase.FAILED, str(error))
                raise
            except BaseException as error:
                report.end(Phase.FAILED, f"Stopped by an error: {error}")
                raise
            else:
                report.end(Phase.DONE, "")
            finally:
                self._cancel_path(job).unlink(missing_ok=True)

    # Files

    def _picture_path(self, projection: Projection) -> Path:
        return self.folder / f"{projection.key}.npz"

    def _draft_path(self, projection: Projection) -> Path:
        return self.folder / f"{projection.key}.draft.npz"

    def _tree_path(self, projection: Projection | None, min_samples: int) -> Path:
        return self.folder / f"tree-{'embeddings' if projection is None else projection.key}-{min_samples}.npz"

    def _progress_path(self, job: str) -> Path:
        return self.folder / f"{job}.progress.json"

    def _cancel_path(self, job: str) -> Path:
        return self.folder / f"{job}.cancel"

    def _write_picture(self, path: Path, picture: Picture) -> None:
        self._write(
            path,
            lambda file: np.savez(
                file,
                points=picture.points,
                iteration=picture.iteration,
                iterations=picture.iterations,
                kl=picture.kl,
                is_final=picture.is_final,
            ),
        )

    def _write(self, path: Path, write: Callable) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_beside(path)
        try:
            with temporary.open("xb") as file:
                write(file)
            replace_file(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def _reading(run: RunFolder) -> Iterator[None]:
    """Files that are damaged, or that somebody deleted, are said in a sentence."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        first = str(error).partition(". Detail")[0]
        raise AnomalureError(
            f"The embeddings of run {run.run_id} cannot be read ({first}). Put its files back, or run "
            "the pipeline on these photos again."
        ) from error


def _read_sections(run: RunFolder, *, width: int) -> Sequence[int] | None:
    """How long each joined encoder's part of an embedding is, as far as the run's bundle says it; None: one part."""
    if not run.info.bundle:
        return None
    manifest = run.path.parent.parent / "bundles" / run.info.bundle / "bundle.json"
    try:
        sections = [int(length) for length in json.loads(read_whole(manifest))["sections"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return sections if sum(sections) == width and min(sections) > 0 else None


def _read_picture(path: Path, projection: Projection) -> Picture | None:
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["points"], dtype=np.float32)
            if points.ndim != 2 or points.shape[1] != 2:
                return None
            return Picture(
                projection=projection,
                points=points,
                iteration=int(file["iteration"]),
                iterations=int(file["iterations"]),
                kl=float(file["kl"]),
                is_final=bool(file["is_final"]),
            )
    except Exception:  # a damaged zip fails in many ways; it is as good as none, and made again
        return None
