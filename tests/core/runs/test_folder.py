"""A run on disk: what counts, what became of each file, who works on it, and what a damaged folder says."""

import json
import multiprocessing
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.disk.files import temporary_beside, write_whole
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.records import Box, Crop, CropKind, Detection, Failure, Photo, name_crops
from core.runs.folder import SCHEMAS, Phase, Progress, RunCounts, RunFolder, RunInfo, ShardTables, Status
from core.runs.shards import choose_shard_photos
from core.work.progress import sign_progress

INFO = RunInfo(run_id="season", name="Season", folder="/photos/käfer", bundle="first", settings={"shard_photos": 3})
NAMES = ["a.jpg", "b.jpg", "copy.jpg", "broken.jpg", "ä/c.jpg"]
BOX = Box(1.5, 2.0, 30.0, 20.0)


@pytest.fixture
def run(tmp_path) -> RunFolder:
    return RunFolder.create(tmp_path / "season", INFO, NAMES)


def make_photo(name: str, **changes) -> Photo:
    photo = Photo(f"{NAMES.index(name):032x}", name, "north", 100, 80, 1234, datetime(2026, 5, 1, 12, 0, 0, 250))
    return replace(photo, **changes)


def add_photo(shard: ShardTables, name: str, *, boxes: int = 1, value: float = 1.0, n_over_limit: int = 0) -> list[str]:
    """A photo with so many boxes, or as a whole frame; returns its crops' ids."""
    photo = make_photo(name)
    places: list[Box | None] = [replace(BOX, x=float(i)) for i in range(boxes)] or [None]
    ids = name_crops(photo.photo_id, places)
    crops = [
        Crop(crop_id, photo.photo_id, CropKind.DETECTION if box else CropKind.FRAME, box or Box(0, 0, 100, 80))
        for crop_id, box in zip(ids, places, strict=True)
    ]
    detections = [Detection(box, "animal", 0.5) for box in places if box]
    shard.add_photo(photo, detections=detections, crops=crops, n_over_limit=n_over_limit)
    shard.add_embeddings(ids, np.full((len(ids), 4), value))
    return ids


def first_shard() -> ShardTables:
    shard = ShardTables()
    add_photo(shard, "a.jpg", boxes=2, n_over_limit=7)
    add_photo(shard, "b.jpg", boxes=0)
    shard.add_duplicate(make_photo("copy.jpg", photo_id=make_photo("a.jpg").photo_id), duplicate_of="a.jpg")
    return shard


def second_shard() -> ShardTables:
    shard = ShardTables()
    shard.add_failure(Failure("broken.jpg", "read", "It is empty."))
    add_photo(shard, "ä/c.jpg", value=2.5)
    return shard


def score(crops: pd.DataFrame, **changes) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "crop_id": crops["crop_id"],
            "species": "fox",
            "score": 1.0,
            "p_value": 0.5,
            "flagged": False,
            "judged_by": "species model",
            "judged_against": "fox",
            **changes,
        }
    )


# What a run is


def test_a_run_is_found_again_as_it_was_made(run):
    again = RunFolder.open(run.path)
    assert again.info == INFO
    assert again.file_names == NAMES
    assert (again.n_shards, again.shard_files(0), again.shard_files(1)) == (2, NAMES[:3], NAMES[3:])
    assert again.done_shards() == []
    assert again.counts() == RunCounts()


def test_a_run_over_no_photos_has_no_shards(tmp_path):
    run = RunFolder.create(tmp_path / "none", INFO, [])
    assert run.n_shards == 0
    with pytest.raises(IndexError):
        run.shard_files(0)


def test_a_run_is_not_made_over_another(run):
    with pytest.raises(FileExistsError):
        RunFolder.create(run.path, INFO, ["other.jpg"])
    assert RunFolder.open(run.path).file_names == NAMES


def test_a_run_whose_folder_was_renamed_goes_by_its_new_name(run):
    moved = run.path.rename(run.path.with_name("renamed"))
    assert RunFolder.open(moved).info.run_id == RunFolder.open(moved).run_id == "renamed"


# Shards


def test_every_file_is_accounted_for(run):
    run.write_shard(0, first_shard())
    run.write_shard(1, second_shard())
    counts = RunFolder.open(run.path).counts()
    assert counts == RunCounts(
        photos=5, duplicates=1, with_crops=2, whole_frames=1, failures=1, detections=3, crops=4, boxes_over_limit=7
    )
    assert counts.photos == counts.with_crops + counts.whole_frames + counts.duplicates + counts.failures


def test_tables_come_back_as_they_went_in(run):
    run.write_shard(0, first_shard())
    photos = run.read_table("photos")
    assert photos["file_name"].tolist() == NAMES[:3]
    assert photos["captured_at"].tolist() == [datetime(2026, 5, 1, 12, 0, 0, 250)] * 3
    assert photos["duplicate_of"].isna().tolist() == [True, True, False]
    crops = run.read_table("crops")
    assert crops["kind"].tolist() == ["detection", "detection", "frame"]
    assert crops.loc[0, ["x", "y", "width", "height"]].tolist() == [0.0, 2.0, 30.0, 20.0]
    assert run.read_table("detections")["confidence"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("name", ["photos", "detections", "crops", "failures"])
def test_a_table_without_rows_has_the_types_of_the_others(run, name):
    shard = ShardTables()
    for file_name in NAMES[:3]:
        shard.add_failure(Failure(file_name, "read", "It is empty."))
    run.write_shard(0, shard)
    run.write_shard(1, second_shard())
    for path in run.tables(name):
        assert pq.read_schema(path).equals(SCHEMAS[name])


def test_a_shard_counts_only_when_it_is_done(run):
    run.write_shard(1, second_shard())
    assert [run.is_done(0), run.is_done(1)] == [False, True]
    run.write_shard(0, first_shard())
    (run.path / "done-00000.json").unlink()  # as if killed just before the end

    again = RunFolder.open(run.path)

    assert again.done_shards() == [1]
    assert again.tables("photos") == [run.path / "photos-00001.parquet"]
    assert again.counts().photos == 2
    assert set(again.seen_hashes().values()) == {"ä/c.jpg"}
    again.write_shard(0, first_shard())
    assert again.counts().photos == 5


def test_a_shard_that_cannot_be_written_leaves_nothing_behind(run, monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runs.folder.pq.write_table", fail)
    before = sorted(os.listdir(run.path))
    with pytest.raises(OSError, match="No space left"):
        run.write_shard(0, first_shard())
    assert sorted(os.listdir(run.path)) == before


def test_copies_are_told_from_the_first_of_their_content(run):
    run.write_shard(0, first_shard())
    assert run.seen_hashes() == {make_photo("a.jpg").photo_id: "a.jpg", make_photo("b.jpg").photo_id: "b.jpg"}


def lose_a_file(shard: dict) -> None:
    shard["photos"] = shard["photos"].slice(0, 2)


def count_a_file_twice(shard: dict) -> None:
    shard["photos"] = pa.concat_tables([shard["photos"], shard["photos"].slice(2)])


def crop_nothing(shard: dict) -> None:
    shard["crops"] = shard["crops"].slice(0, 2)
    shard["embeddings"] = shard["embeddings"].slice(0, 2)


def lose_an_embedding(shard: dict) -> None:
    shard["embeddings"] = shard["embeddings"].slice(1)


def lose_a_table(shard: dict) -> None:
    del shard["detections"]


def lose_a_column(shard: dict) -> None:
    shard["photos"] = shard["photos"].drop_columns(["note"])


def change_a_type(shard: dict) -> None:
    shard["detections"] = shard["detections"].to_pandas().assign(confidence="high")


def mix_frame_and_detection(shard: dict) -> None:
    shard["crops"] = shard["crops"].to_pandas().assign(kind=["detection", "frame", "frame"])


@pytest.mark.parametrize(
    "spoil",
    [
        lose_a_file,
        count_a_file_twice,
        crop_nothing,
        lose_an_embedding,
        lose_a_table,
        lose_a_column,
        change_a_type,
        mix_frame_and_detection,
    ],
)
def test_a_shard_that_does_not_add_up_is_refused(run, spoil):
    tables = first_shard().tables()
    spoil(tables)
    with pytest.raises((ValueError, pa.ArrowException)):
        run.write_shard(0, tables)
    assert not run.is_done(0)


@pytest.mark.parametrize("embeddings", [np.zeros((1, 4)), np.zeros(3), np.full((2, 4), np.nan)])
def test_embeddings_of_another_shape_or_without_numbers_are_refused(embeddings):
    shard = ShardTables()
    photo = make_photo("a.jpg")
    ids = name_crops(photo.photo_id, [BOX, replace(BOX, x=9.0)])
    shard.add_photo(photo, detections=[], crops=[Crop(i, photo.photo_id, CropKind.DETECTION, BOX) for i in ids])
    with pytest.raises(ValueError, match="embedding"):  # noqa: PT012 - it may be told at either step
        shard.add_embeddings(ids, embeddings)
        shard.tables()


def test_embeddings_come_back_with_their_crops_whatever_the_order_in_which_they_came(run):
    shard = ShardTables()
    photos = [make_photo(name) for name in NAMES[:3]]
    ids = [name_crops(photo.photo_id, [BOX])[0] for photo in photos]
    for photo, crop_id in zip(photos, ids, strict=True):
        shard.add_photo(photo, detections=[], crops=[Crop(crop_id, photo.photo_id, CropKind.DETECTION, BOX)])
    shard.add_embeddings([ids[2], ids[0]], np.array([[2.0, 2.5], [0.0, 0.5]]))
    shard.add_embeddings([ids[1]], np.array([[1.0, -1.5]]))
    run.write_shard(0, shard)

    ((crops, vectors),) = run.embedded_shards()

    assert crops["crop_id"].tolist() == ids
    assert crops["deployment"].tolist() == ["north"] * 3
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, [[0.0, 0.5], [1.0, -1.5], [2.0, 2.5]])


def test_embeddings_can_be_gone_through_twice_and_a_shard_without_crops_is_an_empty_one(run):
    shard = ShardTables()
    shard.add_embeddings([], np.empty((0, 4)))
    for file_name in NAMES[:3]:
        shard.add_failure(Failure(file_name, "read", "It is empty."))
    run.write_shard(0, shard)
    run.write_shard(1, second_shard())

    shards = run.embedded_shards()

    for _ in range(2):
        assert [vectors.shape for _, vectors in shards] == [(0, 4), (1, 4)]


def test_embeddings_too_large_for_half_precision_stay_finite(run):
    shard = ShardTables()
    add_photo(shard, "a.jpg", value=1e9)
    vectors = pa.concat_tables([shard.tables()["embeddings"]]).column("embedding").combine_chunks().flatten()
    assert np.isfinite(vectors.to_numpy(zero_copy_only=False)).all()


# Scores and events


def test_scores_are_written_shard_by_shard_and_over_earlier_ones(run):
    run.write_shard(0, first_shard())
    run.write_shard(1, second_shard())
    for value in (1.0, 2.0):
        run.write_all_scores(score(crops, score=value) for crops, _ in run.embedded_shards())
    scores = run.read_table("scores")
    assert scores["score"].tolist() == [2.0] * 4
    assert scores["crop_id"].tolist() == run.read_table("crops")["crop_id"].tolist()


@pytest.mark.parametrize("changes", [{"score": np.nan}, {"p_value": np.nan}, {"score": np.inf}, {"score": None}])
def test_scores_that_are_no_numbers_are_refused(run, changes):
    run.write_shard(0, first_shard())
    with pytest.raises(ValueError, match="finite score"):
        run.write_scores(0, score(run.read_table("crops"), **changes))


def test_events_may_be_unknown(run):
    run.write_events(pd.DataFrame({"photo_id": ["a", "b"], "event_id": ["event-1", None]}))
    assert run.read_table("events")["event_id"].isna().tolist() == [False, True]


def test_a_table_that_a_run_does_not_have_is_refused(run):
    with pytest.raises(ValueError, match="no table 'animals'"):
        run.tables("animals")


# Progress


def test_progress_comes_back_with_who_wrote_it(run):
    run.write_progress(Progress(phase=Phase.PHOTOS, done=3, total=5, photos_per_s=1.5, seconds_left=1.3, failures=1))
    progress = RunFolder.open(run.path).read_progress()
    assert (progress.phase, progress.done, progress.seconds_left, progress.pid) == (Phase.PHOTOS, 3, 1.3, os.getpid())
    assert abs(progress.heartbeat_at - time.time()) < 60


@pytest.mark.parametrize("phase", [Phase.DONE, Phase.FAILED, Phase.CANCELLED])
def test_a_run_that_ended_says_how(run, phase):
    run.write_progress(Progress(phase=phase))
    assert run.status == phase.value


def test_a_run_whose_process_lives_is_running(run):
    run.write_progress(Progress(phase=Phase.PHOTOS))
    assert run.status is Status.RUNNING


def put_progress(run: RunFolder, **changes) -> None:
    progress = sign_progress(Progress(phase=Phase.PHOTOS))
    values = {name: getattr(progress, name) for name in Progress.__dataclass_fields__}
    write_whole(run.path / "progress.json", json.dumps({**values, **changes}).encode())


def test_a_run_whose_process_is_gone_was_interrupted(run):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(timeout=60)
    put_progress(run, pid=gone.pid)
    assert run.status is Status.INTERRUPTED


def test_another_process_with_the_same_number_is_not_taken_for_the_runs(run):
    put_progress(run, process_started_at=psutil.Process().create_time() - 1000)
    assert run.status is Status.INTERRUPTED


@pytest.mark.parametrize(("age_s", "status"), [(5, Status.RUNNING), (600, Status.INTERRUPTED)])
def test_a_run_on_another_computer_lives_while_it_is_heard_of(run, age_s, status):
    put_progress(run, host="another-computer", heartbeat_at=time.time() - age_s)
    assert run.status is status


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"{}", b'{"phase": "dancing"}', b"\xff\xfe", b"null"])
def test_a_damaged_progress_file_is_no_progress(run, content):
    (run.path / "progress.json").write_bytes(content)
    assert run.read_progress() is None
    assert run.status is Status.INTERRUPTED


def test_a_field_of_a_newer_version_does_not_hide_the_progress(run):
    put_progress(run, mood="fine")
    assert run.read_progress().phase is Phase.PHOTOS


# Working on it


def test_two_cannot_work_on_a_run_at_once(run):
    busy = pytest.raises(AnomalureError, match=f"worked on by process {os.getpid()}")
    with run.working(), busy, RunFolder(run.path).working():
        pytest.fail("both had it")
    with run.working():
        pass  # free again


def hold_lock(path: Path, ready) -> None:
    FileLock(path).__enter__()
    ready.set()
    time.sleep(600)


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    holder = spawn.Process(target=hold_lock, args=(tmp_path / "lock", ready))
    holder.start()
    assert ready.wait(timeout=60)
    with pytest.raises(LockHeld) as held, FileLock(tmp_path / "lock"):
        pytest.fail("both had it")
    assert held.value.holder == str(holder.pid)

    holder.kill()
    holder.join(timeout=60)

    with FileLock(tmp_path / "lock", patience_s=30):
        pass


def test_what_a_kill_left_is_swept_away(run):
    left = temporary_beside(run.path / "photos-00000.parquet")
    left.write_bytes(b"half")
    with run.working():
        assert not left.exists()


def test_a_request_to_cancel_is_heard_once(run):
    assert not run.cancel_requested
    run.request_cancel()
    with RunFolder(run.path).working():
        assert RunFolder(run.path).cancel_requested
    assert not run.cancel_requested


def test_a_request_from_before_this_process_was_meant_for_another(run):
    run.request_cancel()
    before = psutil.Process().create_time() - 60
    os.utime(run.path / "cancel", (before, before))
    with run.working():
        assert not run.cancel_requested


# Damaged folders


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "run.json is missing"),
        (b"", "not what Anomalure wrote"),
        (b"[]", "not what Anomalure wrote"),
        (b"{}", "not what Anomalure wrote"),
        (b"\xff\xfe", "not what Anomalure wrote"),
        (b'{"name": "a"', "not what Anomalure wrote"),
        ({"created_at": "yesterday"}, "not what Anomalure wrote"),
        ({"created_at": 7}, "not what Anomalure wrote"),
        ({"folder": 7}, "not what Anomalure wrote"),
        ({"settings": []}, "not what Anomalure wrote"),
        ({"settings": {"shard_photos": 0}}, "shard_photos"),
        ({"settings": {"shard_photos": "many"}}, "shard_photos"),
        ({"surprise": 1}, "a newer version of Anomalure, or .* was changed"),
    ],
)
def test_a_run_that_cannot_be_read_says_why(run, content, said):
    path = run.path / "run.json"
    values = json.loads(path.read_bytes())
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content if isinstance(content, bytes) else json.dumps({**values, **content}).encode())
    with pytest.raises(AnomalureError, match=said):
        RunFolder.open(run.path)
    assert RunFolder(run.path).status is Status.BROKEN


@pytest.mark.parametrize("content", [None, b"", b"no parquet"])
def test_a_run_without_its_list_of_photos_is_broken(run, content):
    path = run.path / "listing.parquet"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    again = RunFolder(run.path)
    assert again.status is Status.BROKEN
    assert "list of photos" in again.problem
    with pytest.raises(AnomalureError, match="list of photos"):
        _ = again.file_names


@pytest.mark.parametrize("content", [b"", b"[]", b'{"animals": 3}'])
def test_a_done_file_that_cannot_be_read_is_named(run, content):
    run.write_shard(0, first_shard())
    (run.path / "done-00000.json").write_bytes(content)
    with pytest.raises(AnomalureError, match=r"done-00000\.json is not what"):
        RunFolder(run.path).counts()


@pytest.mark.parametrize(
    ("n_photos", "most", "batch", "expected"),
    [(64, 256, 16, 16), (60, 256, 16, 16), (450, 256, 16, 64), (5_000, 256, 16, 256), (1, 256, 16, 16), (64, 8, 16, 8)],
)
def test_a_small_run_has_several_shards_so_that_a_cancel_keeps_most_of_it(n_photos, most, batch, expected):
    assert choose_shard_photos(n_photos, most=most, batch_photos=batch) == expected
