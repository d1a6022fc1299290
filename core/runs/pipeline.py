"""The pipeline of a run, from photos to ranked crops. It works by shards, so that it can be cancelled and resumed."""

import os
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import FolderGone
from core.photos.crop_pictures import save_crop_picture
from core.photos.deployments import DeploymentNamer
from core.photos.events import group_events
from core.photos.pixel_budget import MEGA
from core.photos.reading import measure_photo
from core.photos.reduction import ChooseShrink, reduce_to_longest
from core.photos.source import PhotoSource
from core.records import Failure, Found, LoadedPhoto, Photo
from core.runs.batches import (
    CutCrops,
    cut_photo,
    detect_each,
    embed_crops,
    join_crops,
    list_crops,
    map_frames,
    read_one,
)
from core.runs.folder import Phase, RunCounts, RunFolder, ShardTables
from core.runs.parts import Detector, Encoder, FrameMapper, Scorer
from core.settings.run import RunSettings
from core.work.meter import Meter

# Batches of large photos are smaller, since a decoded pixel takes 3 bytes and three batches are in memory at once.
BATCH_MEGAPIXELS = 64.0
BYTES_PER_PIXEL = 3
MOST_READERS = 4


def run_pipeline(
    run: RunFolder,
    meter: Meter,
    *,
    detector: Detector,
    encoder: Encoder,
    scorer: Scorer,
    namer: DeploymentNamer,
    settings: RunSettings,
    crops_dir: Path,
    mapper: FrameMapper | None = None,
) -> RunCounts:
    """Do what is left of a run: the missing shards, then events, then the scores of all crops.

    Args:
        run: A new or interrupted run; finished shards are not done again. The caller must have the lock of its folder.
        meter: Gets the progress, and stops the run if somebody cancels it.
        detector: Finds animals; photos in which it finds none become whole frames.
        encoder: Must be the encoder of the finished shards.
        scorer: Scores all crops at the end, since a first look needs all of them.
        namer: Names each file's deployment.
        settings: The settings of the run.
        crops_dir: The folder for the small pictures, named by crop id.
        mapper: Makes the heat maps of whole frames; None if there are none.

    Returns:
        The counts of all files, including those of shards that an earlier process finished.

    Raises:
        AnomalureError: If the detector or encoder is broken, or the folder of photos is gone.
        Cancelled: If somebody cancelled the run; its finished shards are kept.
    """
    before, total = run.counts(), len(run.file_names)
    source, left = open_source(run)
    n_again = max(before.photos + sum(map(len, left.values())) - total, 0)  # counted before, and read again
    meter.begin(Phase.PHOTOS, done=before.photos - n_again, total=total, failures=before.failures - n_again)
    # All shards use the same threads, since each new thread may reserve memory that is never freed.
    with PipelineThreads() as threads:
        seen = run.seen_hashes()
        for shard, tables in _run_shards(
            source,
            left,
            detector=detector,
            encoder=encoder,
            namer=namer,
            settings=settings,
            crops_dir=crops_dir,
            mapper=mapper,
            seen=seen,
            meter=meter,
            threads=threads,
        ):
            if not run.is_done(shard):
                run.write_shard(shard, tables)
            elif tables.n_photos or not run.is_whole(shard):
                run.extend_shard(shard, tables)
    return finish_run(run, meter, scorer=scorer, settings=settings)


def finish_run(run: RunFolder, meter: Meter, *, scorer: Scorer, settings: RunSettings) -> RunCounts:
    """Do what needs all shards: the events, and the scores of all crops. It replaces earlier ones."""
    total = run.n_files
    meter.begin(Phase.EVENTS, done=total, total=total)
    run.write_events(_find_events(run, gap_s=settings.event_gap_s))
    meter.begin(Phase.SCORES, done=total, total=total)
    for shard, scores in zip(run.done_shards(), scorer.score(run.embedded_shards()), strict=True):
        meter.check()
        run.write_scores(shard, scores)
    return run.counts()


def open_source(run: RunFolder) -> tuple[PhotoSource | None, dict[int, list[str]]]:
    """The folder of photos, and the files that are left to be read by their shard: missing shards, and failed reads.

    Failed reads of finished shards are left out if the folder is gone: everything else can be finished without it.

    Raises:
        FolderGone: If the folder is gone, or has none of the photos of the missing shards.
    """
    missing = {shard: run.shard_files(shard) for shard in range(run.n_shards) if not run.is_done(shard)}
    again = {shard: files for shard in run.done_shards() if (files := run.unread_files(shard))}
    if not missing and not again:
        return None, {}
    try:
        source = PhotoSource(Path(run.info.folder), run.file_names)
    except FolderGone:
        if missing:
            raise
        return None, {}
    source.check_photos([name for files in missing.values() for name in files])
    return source, {**missing, **again}


@dataclass(frozen=True, kw_only=True)
class ShardParts:
    """What looks through the photos of a shard; the fields are those of ``run_pipeline``."""

    detector: Detector
    encoder: Encoder
    namer: DeploymentNamer
    settings: RunSettings
    crops_dir: Path
    mapper: FrameMapper | None = None


def do_shard(
    source: PhotoSource,
    shard: int,
    files: Sequence[str],
    *,
    parts: ShardParts,
    meter: Meter,
    threads: "PipelineThreads",
) -> ShardTables:
    """The tables of one shard by itself: copies of photos of other shards are looked through like any photo.

    Raises:
        AnomalureError: If the detector or encoder is broken, or the folder of photos is gone.
        Cancelled: If somebody cancelled the run.
    """
    ((_, tables),) = _run_shards(
        source,
        {shard: files},
        detector=parts.detector,
        encoder=parts.encoder,
        namer=parts.namer,
        settings=parts.settings,
        crops_dir=parts.crops_dir,
        mapper=parts.mapper,
        seen={},
        meter=meter,
        threads=threads,
    )
    return tables


class PipelineThreads:
    """The threads of a run: some decode photos, one puts them into batches, one runs the detector."""

    def __init__(self) -> None:
        self.n_readers = min(os.cpu_count() or 1, MOST_READERS)
        self.readers = ThreadPoolExecutor(self.n_readers)
        self.reading = ThreadPoolExecutor(1)
        self.detecting = ThreadPoolExecutor(1)

    def __enter__(self) -> "PipelineThreads":
        return self

    def __exit__(self, *error: object) -> None:
        for pool in (self.detecting, self.reading, self.readers):
            pool.shutdown(cancel_futures=True)


def _run_shards(
    source: PhotoSource | None,
    shards: Mapping[int, Sequence[str]],
    *,
    detector: Detector,
    encoder: Encoder,
    namer: DeploymentNamer,
    settings: RunSettings,
    crops_dir: Path,
    mapper: FrameMapper | None,
    seen: dict[str, str],
    meter: Meter,
    threads: "PipelineThreads",
) -> Iterator[tuple[int, ShardTables]]:
    """Each shard with its tables. While a shard is finished, the next one's photos are read and go to the detector."""
    if source is None:
        return
    tables = _start_tables(encoder)
    reduce = reduce_to_longest(detector.image_px)
    batches = _read_ahead(source, shards, namer=namer, settings=settings, choose_shrink=reduce, threads=threads)
    for looked in _detect_ahead(batches, detector=detector, seen=seen, threads=threads):
        meter.check()
        for photo, first in looked.duplicates:
            tables.add_duplicate(photo, duplicate_of=first)
        for failure in looked.failures:
            tables.add_failure(failure)
        cut, unreadable = _cut_photos(looked.found, encoder=encoder, settings=settings, threads=threads)
        for failure in unreadable:
            tables.add_failure(failure)
        _add_photos(cut, tables, encoder=encoder, crops_dir=crops_dir, mapper=mapper)
        if looked.ends_shard is not None:
            yield looked.ends_shard, tables
            tables = _start_tables(encoder)
        last = meter.last
        meter(last.done + looked.n_files, failures=last.failures + len(looked.failures) + len(unreadable))


def _start_tables(encoder: Encoder) -> ShardTables:
    tables = ShardTables()
    tables.add_embeddings([], np.empty((0, sum(encoder.sections)), dtype=np.float32))
    return tables


@dataclass(frozen=True, slots=True)
class _Batch:
    """Files that were read. If they are the last of a shard, ``ends_shard`` is its number, else None."""

    items: list[LoadedPhoto | Failure]
    ends_shard: int | None


def _read_ahead(
    source: PhotoSource,
    shards: Mapping[int, Sequence[str]],
    *,
    namer: DeploymentNamer,
    settings: RunSettings,
    choose_shrink: ChooseShrink,
    threads: "PipelineThreads",
) -> Iterator[_Batch]:
    """Batches of photos, each within one shard. The next is read while the models work on the last."""

    def measure(name: str) -> float:
        return measure_photo(source.folder, name, choose_shrink=choose_shrink)

    def read(name: str) -> LoadedPhoto | Failure:
        return read_one(source, name, namer=namer, settings=settings, choose_shrink=choose_shrink)

    def read_batch(files: Sequence[str], start: int) -> list[LoadedPhoto | Failure]:
        batch: list[LoadedPhoto | Failure] = []
        room = BATCH_MEGAPIXELS
        while len(batch) < settings.batch_photos:
            at = start + len(batch)
            some = files[at : min(at + threads.n_readers, start + settings.batch_photos)]
            fitting: list[str] = []
            left = room
            for name, size in zip(some, threads.readers.map(measure, some), strict=True):
                left -= size
                if left < 0 and (batch or fitting):  # the first photo of a batch is taken however large it is
                    break
                fitting.append(name)
            if not fitting:
                break
            read_now = list(threads.readers.map(read, fitting))
            batch += read_now
            # A damaged photo is decoded larger than its header lets expect.
            room -= sum(_count_megapixels(item) for item in read_now)
        return batch

    waiting = deque(shards.items())
    upcoming = threads.reading.submit(read_batch, waiting[0][1], 0) if waiting else None
    at = 0
    while upcoming is not None:
        items = upcoming.result()
        at += len(items)
        ends_shard = None
        if at == len(waiting[0][1]):
            ends_shard, _ = waiting.popleft()
            at = 0
        upcoming = threads.reading.submit(read_batch, waiting[0][1], at) if waiting else None
        yield _Batch(items, ends_shard)


def _count_megapixels(item: LoadedPhoto | Failure) -> float:
    """What a photo takes in memory, with the file if that is kept, as so many megapixels."""
    if isinstance(item, Failure):
        return 0.0
    return (item.pixels.nbytes + len(item.content)) / BYTES_PER_PIXEL / MEGA


@dataclass(frozen=True, slots=True)
class _Looked:
    """A batch after the detector."""

    n_files: int
    ends_shard: int | None
    duplicates: list[tuple[Photo, str]]
    failures: list[Failure]
    found: list[tuple[LoadedPhoto, Found]]


def _detect_ahead(
    batches: Iterator[_Batch], *, detector: Detector, seen: dict[str, str], threads: "PipelineThreads"
) -> Iterator[_Looked]:
    """Batches after the detector, which works on the next while the last is cut and embedded."""
    upcoming: Future[_Looked] | None = None
    for batch in batches:
        following = threads.detecting.submit(_look, batch, detector=detector, seen=seen)
        if upcoming is not None:
            yield upcoming.result()
        upcoming = following
    if upcoming is not None:
        yield upcoming.result()


def _look(batch: _Batch, *, detector: Detector, seen: dict[str, str]) -> _Looked:
    failures = [item for item in batch.items if isinstance(item, Failure)]
    looked = _Looked(len(batch.items), batch.ends_shard, [], failures, [])
    new = []
    for photo in (item for item in batch.items if isinstance(item, LoadedPhoto)):
        first = seen.setdefault(photo.photo.photo_id, photo.photo.file_name)
        if first == photo.photo.file_name:
            new.append(photo)
        else:
            looked.duplicates.append((photo.photo, first))
    for photo, result in zip(new, detect_each(detector, new), strict=True):
        if isinstance(result, Failure):
            looked.failures.append(result)
            del seen[photo.photo.photo_id]  # a copy of the file may still be readable
        else:
            looked.found.append((photo, result))
    return looked


@dataclass(frozen=True, slots=True)
class _CutPhoto:
    """A photo with its detections and its crops; the pixels of the photo itself are no longer needed."""

    photo: Photo
    found: Found
    cut: CutCrops


def _cut_photos(
    found: Sequence[tuple[LoadedPhoto, Found]], *, encoder: Encoder, settings: RunSettings, threads: "PipelineThreads"
) -> tuple[list[_CutPhoto], list[Failure]]:
    """The photos of a batch with their crops, several at a time, since some photos are decoded again for that."""

    def cut(one: tuple[LoadedPhoto, Found]) -> CutCrops | Failure:
        return cut_photo(one[0], list_crops(*one), input_px=encoder.input_px, settings=settings)

    done: list[_CutPhoto] = []
    failures: list[Failure] = []
    for (photo, result), of_photo in zip(found, threads.readers.map(cut, found), strict=True):
        if isinstance(of_photo, Failure):
            failures.append(of_photo)
        else:
            done.append(_CutPhoto(photo.photo, result, of_photo))
    return done, failures


def _add_photos(
    photos: Sequence[_CutPhoto], tables: ShardTables, *, encoder: Encoder, crops_dir: Path, mapper: FrameMapper | None
) -> None:
    cut = join_crops([one.cut for one in photos], input_px=encoder.input_px)
    for crop, jpeg in zip(cut.crops, cut.jpegs, strict=True):
        save_crop_picture(crops_dir, crop.crop_id, jpeg)
    tables.add_embeddings([crop.crop_id for crop in cut.crops], embed_crops(encoder, cut.pixels))
    if mapper is not None:
        tables.add_heat_maps(map_frames(mapper, cut, {one.photo.photo_id: one.photo.deployment for one in photos}))
    for one in photos:
        tables.add_photo(
            one.photo, detections=one.found.detections, crops=one.cut.crops, n_over_limit=one.found.n_over_limit
        )


def _find_events(run: RunFolder, *, gap_s: float) -> pd.DataFrame:
    photos = run.read_table("photos", ["photo_id", "deployment", "captured_at", "duplicate_of"])
    photos = photos[photos["duplicate_of"].isna()]
    events = group_events(photos["deployment"], photos["captured_at"], gap_s=gap_s)
    return pd.DataFrame({"photo_id": photos["photo_id"], "event_id": events})
