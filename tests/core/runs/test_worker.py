"""Workers that do a run together end with the rows of one process, whatever becomes of them on the way."""

import random
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.disk.files import write_whole
from core.disk.json import to_json
from core.errors import AnomalureError, FolderGone, WrongUsage
from core.photos.deployments import DeploymentNamer
from core.photos.reading import find_photos
from core.records import Found
from core.runs.folder import RunFolder, RunInfo, Status
from core.runs.pipeline import ShardParts, finish_run, run_pipeline
from core.runs.settling import settle_shards
from core.runs.worker import MOST_TRIES, Share, do_share
from core.settings.run import RunSettings
from core.work.claims import holding, read_claim, take_claim
from core.work.doing import do_work
from core.work.meter import Cancelled
from tests.fakes.parts import BrightnessScorer, BrightSideDetector, MeanColourEncoder, QuarterMapper

SETTINGS = RunSettings(shard_photos=3, batch_photos=2, max_detections=1)
IN_ORDER = ("detections", "crops", "heat_maps", "failures", "scores")


class DoubleDetector(BrightSideDetector):
    """As its parent, and one box of each photo with an animal is over the limit."""

    def _detect_one(self, photo):
        found = super()._detect_one(photo)
        return Found(found.detections, n_over_limit=1) if found.detections else found


@pytest.fixture
def season(tmp_path, write_jpeg) -> Path:
    """Sixteen files of three cameras, four of them copies of photos of other shards, and one broken."""
    folder = tmp_path / "season"
    for number in range(11):
        pixels = np.zeros((24, 32, 3), dtype=np.uint8) + 10 * number
        if number % 2:
            pixels[:, :16] += 100
        write_jpeg(
            folder / f"camera-{number % 3}/IMG_{number:04d}.JPG",
            pixels=pixels,
            taken_at=f"2024:05:03 06:{number // 3:02d}:00",
        )
    for first, copy in (("0/IMG_0003", "1/copy-a"), ("0/IMG_0003", "2/copy-b"), ("0/IMG_0003", "2/copy-c")):
        shutil.copy(folder / f"camera-{first}.JPG", folder / f"camera-{copy}.jpg")
    shutil.copy(folder / "camera-1/IMG_0001.JPG", folder / "camera-2/last.jpg")
    (folder / "camera-1/broken.jpg").write_bytes(b"no picture at all")
    return folder


def start_run(season: Path, path: Path, *, divided: bool = True) -> RunFolder:
    info = RunInfo(run_id=path.name, name=path.name, folder=str(season), settings=SETTINGS.to_values())
    run = RunFolder.create(path, info, find_photos(season).file_names)
    if divided:
        run.written.make()
    return run


def open_parts(run: RunFolder, detector=None) -> ShardParts:
    return ShardParts(
        detector=detector or DoubleDetector(),
        encoder=MeanColourEncoder(),
        namer=DeploymentNamer(Path(run.info.folder)),
        settings=SETTINGS,
        crops_dir=run.path.parent / "crops",
        mapper=QuarterMapper("camera-0"),
    )


def work(run: RunFolder, order, worker="1/1", detector=None):
    return do_share(run, order, worker=worker, open_parts=lambda: open_parts(run, detector))


def finish(run: RunFolder) -> None:
    def do(meter):
        settle_shards(run)
        finish_run(run, meter, scorer=BrightnessScorer(), settings=SETTINGS)

    do_work(run, do)


def do_in_one_process(season: Path, path: Path) -> RunFolder:
    run = start_run(season, path, divided=False)
    parts = open_parts(run)
    do_work(
        run,
        lambda meter: run_pipeline(
            run,
            meter,
            detector=parts.detector,
            encoder=parts.encoder,
            scorer=BrightnessScorer(),
            namer=parts.namer,
            settings=SETTINGS,
            crops_dir=parts.crops_dir,
            mapper=parts.mapper,
        ),
    )
    return run


def assert_same(run: RunFolder, whole: RunFolder) -> None:
    """Every table has the same rows in the same order; in a shard's photos, copies may stand elsewhere."""
    assert run.done_shards() == whole.done_shards()
    assert run.counts() == whole.counts()
    for name in IN_ORDER:
        pd.testing.assert_frame_equal(run.read_table(name), whole.read_table(name))
    for name in ("photos", "events"):
        by = "file_name" if name == "photos" else "photo_id"
        ours, theirs = (one.read_table(name).sort_values(by, ignore_index=True) for one in (run, whole))
        pd.testing.assert_frame_equal(ours, theirs)
    for (crops, vectors), (other_crops, others) in zip(run.embedded_shards(), whole.embedded_shards(), strict=True):
        pd.testing.assert_frame_equal(crops, other_crops)
        np.testing.assert_array_equal(vectors, others)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_shards_in_any_order_and_twice_give_the_rows_of_one_process(season, tmp_path, seed):
    whole = do_in_one_process(season, tmp_path / "whole")
    run = start_run(season, tmp_path / "run")
    order = list(range(run.n_shards))
    random.Random(seed).shuffle(order)

    work(run, order[:2], worker="1/3")
    first = {shard: (run.written.place(shard) / "crops.parquet").read_bytes() for shard in order[:2]}
    work(run, order, worker="2/3")
    again = work(run, order, worker="1/3")  # started twice
    assert all((run.written.place(i) / "crops.parquet").read_bytes() == content for i, content in first.items())
    finish(run)

    assert again.done == again.left == []
    assert len(whole.read_table("photos").dropna(subset="duplicate_of")) == 4
    assert_same(run, whole)


def test_two_workers_at_the_same_time_do_no_shard_twice(season, tmp_path):
    whole = do_in_one_process(season, tmp_path / "whole")
    run = start_run(season, tmp_path / "run")
    detectors = [DoubleDetector(), DoubleDetector()]
    results = [None, None]

    def do(nth: int) -> None:
        share = Share(nth + 1, 2)
        order = share.order(run.n_shards)
        results[nth] = work(RunFolder(run.path), order, worker=str(share), detector=detectors[nth])

    threads = [threading.Thread(target=do, args=(nth,)) for nth in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results[0].done + results[1].done) == list(range(run.n_shards))
    finish(run)
    assert_same(run, whole)
    assert [one.shard for one in run.written.list_worked()] == list(range(run.n_shards))


def test_a_worker_that_comes_late_changes_nothing(season, tmp_path):
    whole = do_in_one_process(season, tmp_path / "whole")
    run = start_run(season, tmp_path / "run")
    late = RunFolder(run.path)
    tables = {}
    from core.photos.source import PhotoSource
    from core.runs.pipeline import PipelineThreads, do_shard
    from core.runs.worker import ShardMeter

    with PipelineThreads() as threads:  # it has done its shard, fell asleep, and writes when all is over
        source = PhotoSource(season, late.file_names)
        tables = do_shard(
            source, 4, late.shard_files(4), parts=open_parts(late), meter=ShardMeter(late), threads=threads
        )
    work(run, range(run.n_shards))
    finish(run)

    late.written.write(4, late.shard_files(4), tables, worker="late", began_at=0)

    assert_same(run, whole)
    assert run.status is Status.DONE
    finish(run)  # the finish again, by hand, takes away what came late
    assert_same(run, whole)
    assert run.written.list_there() == []


def test_a_finish_that_was_killed_half_way_is_done_again(season, tmp_path, monkeypatch):
    whole = do_in_one_process(season, tmp_path / "whole")
    run = start_run(season, tmp_path / "run")
    work(run, range(run.n_shards))

    class Killed(BaseException):
        pass

    for after in (3, 11, 17):  # in the middle of shards, with and without copies
        written = []

        def count_down(temporary, path, written=written, after=after):
            written.append(path)
            if len(written) > after:
                raise Killed
            temporary.replace(path)

        with monkeypatch.context() as patch:
            patch.setattr("core.runs.settling.replace_file", count_down)
            patch.setattr("core.runs.folder.replace_file", count_down)
            with pytest.raises(Killed):
                settle_shards(RunFolder(run.path))
    finish(run)

    assert_same(run, whole)


def test_what_a_dead_worker_had_claimed_is_done_by_the_next(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    claim = take_claim(run.written.claim_path(2), "dead")
    dead = replace(claim, host="node-that-burned", heartbeat_at=time.time() - 1_000)
    write_whole(run.written.claim_path(2), to_json(dead))
    write_whole(run.written.claim_path(3), to_json(replace(claim, host="node-that-lives")))

    result = work(run, range(run.n_shards))

    assert result.left == [3]
    assert 2 in result.done
    assert not run.written.claim_path(2).exists()
    assert run.status is Status.RUNNING  # as long as the other computer's worker is heard of


def test_a_shard_that_ends_every_worker_is_named_and_left(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    claim = take_claim(run.written.claim_path(1), "dead")
    dead = replace(claim, host="node-1", heartbeat_at=0.0, tries=MOST_TRIES)
    write_whole(run.written.claim_path(1), to_json(dead))

    result = work(run, range(run.n_shards))

    assert result.failed == [1]
    assert "memory" in run.written.list_failures()[0].message
    with pytest.raises(AnomalureError, match=r"Shards 1 of run run are not done \(1 of 6\)"):
        settle_shards(run)

    assert work(run, range(run.n_shards)).done == [1]  # a worker that is started by hand tries again
    assert run.written.list_failures() == []


class BrokenOn(DoubleDetector):
    """Breaks at one photo, as if a library did."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name_of_bad = name

    def detect(self, photos):
        if any(photo.photo.file_name == self.name_of_bad for photo in photos):
            raise AnomalureError("The detector is broken.")
        return super().detect(photos)


def test_a_shard_that_fails_is_noted_with_its_sentence_and_the_others_are_done(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    bad = run.shard_files(1)[0]

    result = work(run, range(run.n_shards), detector=BrokenOn(bad))

    assert result.failed == [1]
    assert len(result.done) == run.n_shards - 1
    assert [(one.shard, one.message) for one in run.written.list_failures()] == [(1, "The detector is broken.")]
    assert run.list_left() == [1]


def test_photos_that_are_gone_end_the_worker_before_it_writes_any_failure_for_a_photo(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    season.rename(tmp_path / "away")

    with pytest.raises(FolderGone):
        work(run, range(run.n_shards))

    assert run.counts().photos == 0


def test_a_cancelled_run_stops_its_workers(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    run.request_cancel()

    with pytest.raises(Cancelled):
        work(run, range(run.n_shards))

    assert run.written.list_there() == []


def test_one_process_leads_at_a_time(season, tmp_path):
    run = start_run(season, tmp_path / "run")

    with run.leading():
        write_whole(run.written.finish_path, to_json(replace(read_claim(run.written.finish_path), host="login-node")))
        with pytest.raises(AnomalureError, match="on login-node"), RunFolder(run.path).locked():
            pass


def test_a_claim_is_given_back_only_by_who_has_it(tmp_path):
    path = tmp_path / "00001.claim"
    with holding(path, "slow"):
        other = replace(read_claim(path), token="taken over")
        write_whole(path, to_json(other))

    assert read_claim(path) == other


@pytest.mark.parametrize("text", ["", "0/2", "3/2", "1", "1/0", "a/b", "-1/2", "1/2/3"])
def test_a_share_that_is_none_says_how_it_is_written(text):
    with pytest.raises(WrongUsage, match=r"--shards takes i/n"):
        Share.read(text)


def test_each_worker_begins_with_its_own_shards_and_knows_all():
    orders = [Share(i, 3).order(8) for i in (1, 2, 3)]

    assert [order[: len(range(i, 8, 3))] for i, order in enumerate(orders)] == [[0, 3, 6], [1, 4, 7], [2, 5]]
    assert all(sorted(order) == list(range(8)) for order in orders)
