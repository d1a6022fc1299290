"""One of the workers that do a run together: it claims shards by their number and does them, until none is left."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import AnomalureError, FolderGone, WrongUsage
from core.photos.source import PhotoSource
from core.runs.folder import RunFolder
from core.runs.pipeline import PipelineThreads, ShardParts, do_shard
from core.work.claims import Claim, ClaimKeeper, take_claim
from core.work.meter import Cancelled, Meter
from core.work.progress import Progress

MOST_TRIES = 3
"""A shard during which so many workers went silent is not tried again by itself: it may need too much memory."""
MOST_FAILURES_IN_A_ROW = 3
"""After so many a worker ends, because then not the shards are to blame."""


@dataclass(frozen=True)
class Share:
    """Worker ``number`` of ``of``, from 1. It begins with every ``of``-th shard, then does what others have not begun.

    Raises:
        WrongUsage: If there is no such worker.
    """

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise WrongUsage(f"--shards takes i/n with i from 1 to n, such as 2/50; got {self.number}/{self.of}.")

    @classmethod
    def read(cls, text: str) -> "Share":
        """From ``2/50``."""
        match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text)
        if match is None:
            raise WrongUsage(f"--shards takes i/n, such as 2/50 for the second of 50 workers; got {text!r}.")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def order(self, n_shards: int) -> list[int]:
        """All shards: first its own, then those of others from the end, where they come last."""
        own = range(self.number - 1, n_shards, self.of)
        return [*own, *(shard for shard in reversed(range(n_shards)) if shard % self.of != self.number - 1)]


@dataclass
class ShareResult:
    """What a worker did: its shards, those that it could not do, and those that others were at when it ended."""

    done: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    left: list[int] = field(default_factory=list)
    photos: int = 0


class ShardMeter(Meter):
    """The meter of a worker. The progress of the run is what lies in its folder, so a worker writes none of its own."""

    def tell(self, progress: Progress) -> None:
        """Keep this progress, and show it in the terminal."""
        self._last = progress
        self._on_progress(progress)


def is_there(run: RunFolder, shard: int) -> bool:
    """Whether somebody has done the shard."""
    return run.is_done(shard) or run.written.has(shard) or run.is_done(shard)


def do_share(
    run: RunFolder,
    order: Sequence[int],
    *,
    worker: str,
    open_parts: Callable[[], ShardParts],
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> ShareResult:
    """Do shards of a run, each as a whole, until every shard is done or another living worker has it.

    A shard that fails is noted with a sentence, and the next one is done. Workers that begin later try it again.

    Args:
        run: A run of several workers.
        order: The shards in the order in which they are tried.
        worker: What this worker is called.
        open_parts: Loads the models; called once, and only if there is something to do.
        on_progress: Gets this worker's progress.

    Raises:
        AnomalureError: If the photos are gone, or several shards in a row fail.
        Cancelled: If somebody cancelled the run.
    """
    began_at = time.time()
    result = ShareResult()
    files_of = {shard: run.shard_files(shard) for shard in set(order) & set(run.list_left())}
    if not files_of:
        return result
    meter = ShardMeter(run, on_progress)
    meter.check()
    source = PhotoSource(Path(run.info.folder), [name for files in files_of.values() for name in files])
    source.check_photos([name for files in files_of.values() for name in files])
    parts = open_parts()
    in_a_row = 0
    meter.tell(Progress(total=sum(map(len, files_of.values()))))
    with PipelineThreads() as threads:
        for shard, claim in _claim_each(run, [shard for shard in order if shard in files_of], worker, began_at):
            with ClaimKeeper(run.written.claim_path(shard), claim):
                if is_there(run, shard):
                    continue
                if claim.tries > MOST_TRIES:
                    message = (
                        f"{MOST_TRIES} workers ended without a word while they did this shard. The system may have "
                        "ended them because the memory was full: give workers more of it, or do the photos of this "
                        "shard in a run of their own."
                    )
                    run.written.write_failure(shard, message, worker=worker)
                    result.failed.append(shard)
                    continue
                began = time.time()
                try:
                    tables = do_shard(source, shard, files_of[shard], parts=parts, meter=meter, threads=threads)
                    run.written.write(shard, files_of[shard], tables, worker=worker, began_at=began)
                except Cancelled:
                    raise
                except Exception as error:
                    message = str(error) if isinstance(error, AnomalureError) else f"{type(error).__name__}: {error}"
                    run.written.write_failure(shard, message, worker=worker)
                    result.failed.append(shard)
                    in_a_row += 1
                    if isinstance(error, FolderGone) or in_a_row >= MOST_FAILURES_IN_A_ROW:
                        raise
                    continue
                in_a_row = 0
                result.done.append(shard)
                result.photos += len(files_of[shard])
    result.left = [shard for shard in run.list_left() if shard not in result.failed]
    return result


def _claim_each(run: RunFolder, order: Sequence[int], worker: str, began_at: float) -> Iterator[tuple[int, Claim]]:
    """Shards that are left, each claimed. Those of others come up again, since their workers may have ended."""
    left, tried = list(order), True
    while left and tried:
        tried = False
        for shard in list(left):
            if is_there(run, shard):
                left.remove(shard)
                continue
            failure = run.written.read_failure(shard)
            if failure is not None and failure.at >= began_at:
                left.remove(shard)
                continue
            claim = take_claim(run.written.claim_path(shard), worker)
            if claim is not None:
                left.remove(shard)
                tried = True
                yield shard, claim
