"""A run accounts for every file, survives broken photos, cancels and kills, and never does a shard twice."""

import re
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from core.errors import AnomalureError, FolderGone, PhotoFileUnreadable
from core.photos import source
from core.photos.deployments import DeploymentNamer
from core.photos.reading import find_photos, read_photo
from core.runs import pipeline
from core.runs.batches import detect_each
from core.runs.catalogue import keep_catalogue, open_catalogue
from core.runs.folder import Phase, RunFolder, RunInfo
from core.runs.pipeline import run_pipeline
from core.settings.run import RunSettings
from core.work.doing import do_work
from core.work.meter import Cancelled
from tests.fakes.parts import BrightnessScorer, BrightSideDetector, MeanColourEncoder, QuarterMapper

SETTINGS = RunSettings(shard_photos=4, batch_photos=2)


@pytest.fixture
def season(tmp_path, write_jpeg) -> Path:
    """Twelve files of two cameras: five with a bright left half, five dark ones, a copy and a broken one."""
    folder = tmp_path / "season"
    for number in range(10):
        pixels = np.zeros((24, 32, 3), dtype=np.uint8) + 10 * number
        if number % 2:
            pixels[:, :16] += 100
        name = f"camera-{number % 3}/IMG_{number:04d}.JPG"
        write_jpeg(folder / name, pixels=pixels, taken_at=f"2024:05:03 06:{number // 3:02d}:00")
    shutil.copy(folder / "camera-0/IMG_0000.JPG", folder / "camera-2/copy.jpg")
    (folder / "camera-1/broken.jpg").write_bytes(b"no picture at all")
    return folder


def start_run(season: Path, path: Path, settings: RunSettings = SETTINGS) -> RunFolder:
    info = RunInfo(run_id=path.name, name=path.name, folder=str(season), settings=settings.to_values())
    return RunFolder.create(path, info, find_photos(season).file_names)


MAPPER = QuarterMapper("camera-0")


def work(run: RunFolder, detector=None, **changes):
    parts = {
        "detector": detector or BrightSideDetector(),
        "encoder": MeanColourEncoder(),
        "scorer": BrightnessScorer(),
        "namer": DeploymentNamer(Path(run.info.folder)),
        "settings": RunSettings.from_values(run.info.settings),
        "crops_dir": run.path.parent / "crops",
    }
    return do_work(
        run, lambda meter: run_pipeline(run, meter, **{**parts, **changes}), finish=lambda: keep_catalogue(run)
    )


def read_all(run: RunFolder) -> dict[str, pd.DataFrame]:
    tables = {name: run.read_table(name) for name in ("photos", "detections", "crops", "failures", "events", "scores")}
    embeddings = [vectors for _, vectors in run.embedded_shards()]
    maps = run.read_table("heat_maps")
    return {**tables, "embeddings": pd.DataFrame(np.concatenate(embeddings)), "heat_maps": maps}


def test_every_file_is_accounted_for(season, tmp_path):
    run = start_run(season, tmp_path / "run")

    counts = work(run)

    assert counts.photos == 12
    assert (counts.with_crops, counts.whole_frames, counts.duplicates, counts.failures) == (5, 5, 1, 1)
    assert len(run.read_table("scores")) == counts.crops == 10
    assert run.read_progress().phase == Phase.DONE


def test_the_broken_photo_is_listed_with_a_reason(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run)

    failures = run.read_table("failures")

    assert failures["file_name"].tolist() == ["camera-1/broken.jpg"]
    assert failures["stage"].tolist() == ["read"]
    assert failures["reason"].str.len().min() > 10


def test_the_same_photo_twice_is_judged_once_and_named(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run)

    copies = run.read_table("photos").dropna(subset="duplicate_of")

    assert copies[["file_name", "duplicate_of"]].values.tolist() == [["camera-2/copy.jpg", "camera-0/IMG_0000.JPG"]]


def test_each_crop_has_a_small_picture(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run)

    ids = run.read_table("crops")["crop_id"]

    assert all((tmp_path / "crops" / crop_id[:2] / f"{crop_id}.jpg").stat().st_size > 100 for crop_id in ids)


def test_a_run_that_was_cut_short_ends_with_the_same_rows_and_does_nothing_twice(season, tmp_path):
    whole = start_run(season, tmp_path / "whole")
    work(whole, mapper=MAPPER)
    cut = start_run(season, tmp_path / "cut")

    class Killed(BaseException):
        pass

    class KilledInTheMiddle(BrightSideDetector):
        def detect(self, photos):
            if cut.is_done(1):
                raise Killed
            return super().detect(photos)

    with pytest.raises(Killed):
        work(cut, detector=KilledInTheMiddle(), mapper=MAPPER)
    assert not cut.is_done(2)
    second_attempt = BrightSideDetector()
    work(cut, detector=second_attempt, mapper=MAPPER)

    for name, table in read_all(whole).items():
        pd.testing.assert_frame_equal(table, read_all(cut)[name])
    judged = set(cut.file_names[8:]) & set(second_attempt.seen)
    assert judged == set(second_attempt.seen), "finished shards were done again"


def test_a_cancelled_run_stops_and_keeps_its_finished_shards(season, tmp_path):
    run = start_run(season, tmp_path / "run")

    class Impatient(BrightSideDetector):
        def detect(self, photos):
            if run.is_done(0):
                run.request_cancel()
            return super().detect(photos)

    with pytest.raises(Cancelled):
        work(run, detector=Impatient())

    assert run.is_done(0)
    assert not run.is_done(2)
    assert work(run).photos == 12


def test_two_processes_cannot_work_on_one_run(season, tmp_path):
    run = start_run(season, tmp_path / "run")

    with run.working(), pytest.raises(AnomalureError, match="being worked on"):
        work(RunFolder.open(run.path))


def test_a_photo_on_which_the_detector_fails_is_a_failure_and_the_others_go_on(season, tmp_path):
    class Fussy(BrightSideDetector):
        def _detect_one(self, photo):
            if photo.photo.file_name.endswith("IMG_0004.JPG"):
                raise RuntimeError("too odd for me")
            return super()._detect_one(photo)

    counts = work(run := start_run(season, tmp_path / "run"), detector=Fussy())

    failures = run.read_table("failures").set_index("file_name")
    assert counts.failures == 2
    assert failures.loc["camera-1/IMG_0004.JPG", "stage"] == "detect"
    assert "too odd for me" in failures.loc["camera-1/IMG_0004.JPG", "reason"]


def test_a_detector_that_fails_on_everything_ends_the_run_with_a_sentence(season, tmp_path):
    class Broken(BrightSideDetector):
        def _detect_one(self, photo):
            raise RuntimeError("wrong shape")

    with pytest.raises(AnomalureError, match=r"failed on every photo of a batch: wrong shape"):
        work(start_run(season, tmp_path / "run"), detector=Broken())


def test_no_photos_need_no_detector():
    assert detect_each(None, []) == []


def test_an_encoder_that_gives_nonsense_ends_the_run_with_a_sentence(season, tmp_path):
    class Nonsense(MeanColourEncoder):
        def embed(self, crops):
            return super().embed(crops) * np.nan

    with pytest.raises(AnomalureError, match="not finite"):
        work(start_run(season, tmp_path / "run"), encoder=Nonsense())


def test_photos_of_one_camera_close_in_time_are_one_event(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run)

    judged = run.read_table("photos").query("duplicate_of.isna()")
    rows = judged.merge(run.read_table("events"), on="photo_id")

    assert rows.groupby("deployment")["event_id"].nunique().to_dict() == {f"camera-{n}": 1 for n in range(3)}


@pytest.mark.parametrize("batch", [1, 3, 32])
def test_the_batch_size_does_not_change_the_rows(season, tmp_path, batch):
    settings = RunSettings(shard_photos=4, batch_photos=batch)
    one = start_run(season, tmp_path / "one")
    other = start_run(season, tmp_path / "other", settings)
    work(one)
    work(other)

    pd.testing.assert_frame_equal(one.read_table("scores"), other.read_table("scores"))


def test_whole_frames_of_cameras_that_the_mapper_knows_have_a_heat_map(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run, mapper=MAPPER)

    crops = pd.concat([crops for crops, _ in run.embedded_shards()])
    mapped = crops[crops["patch_distance"].notna()]
    shards = {crop_id: shard for shard, (some, _) in enumerate(run.embedded_shards()) for crop_id in some["crop_id"]}

    frames = crops[crops["kind"] == "frame"]
    assert set(mapped["crop_id"]) == set(frames.loc[frames["deployment"] == "camera-0", "crop_id"])
    assert len(mapped) == 2
    for row in mapped.itertuples():
        heat = run.find_heat_map(row.crop_id, shard=shards[row.crop_id])
        assert (heat.bank_id, heat.limit, heat.distances.shape) == ("bank", 0.5, (2, 2))
        assert heat.distances.dtype == np.float16
        assert row.patch_distance == heat.distances.max()
    assert run.find_heat_map("made up", shard=0) is None


def test_a_run_without_a_mapper_keeps_no_maps_and_is_read_as_before(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    work(run)

    assert run.tables("heat_maps") == []
    assert all("patch_distance" not in crops for crops, _ in run.embedded_shards())
    assert run.find_heat_map(run.read_table("crops")["crop_id"][0], shard=0) is None


def test_a_batch_holds_no_more_megapixels_than_it_may_and_a_larger_photo_alone(
    season, tmp_path, write_jpeg, monkeypatch
):
    write_jpeg(season / "camera-0" / "IMG_0004.JPG", size=(640, 480))
    monkeypatch.setattr(pipeline, "BATCH_MEGAPIXELS", 2 * 24 * 32 / 1e6)
    monkeypatch.setattr(pipeline, "MOST_READERS", 4)
    batches = []

    class Watching(BrightSideDetector):
        image_px = 640

        def detect(self, photos):
            batches.append([photo.pixels.size // 3 for photo in photos])
            return super().detect(photos)

    work(start_run(season, tmp_path / "run", RunSettings(shard_photos=20, batch_photos=8)), detector=Watching())

    assert [640 * 480] in batches
    assert all(sum(batch) <= 2 * 24 * 32 for batch in batches if batch != [640 * 480])
    assert max(map(len, batches)) == 2


# A disk that goes away


class PulledOut(BrightSideDetector):
    """Takes the card out when the first shard is done and the second is being read, in one of several ways."""

    def __init__(self, run: RunFolder, pull) -> None:
        super().__init__()
        self.run, self.pull, self.is_out = run, pull, False

    def detect(self, photos):
        later = set(self.run.shard_files(1))
        if not self.is_out and any(photo.photo.file_name in later for photo in photos):
            until = time.monotonic() + 30
            while not self.run.is_done(0):
                assert time.monotonic() < until
                time.sleep(0.01)
            self.is_out = True
            self.pull()
        return super().detect(photos)


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_card_that_is_pulled_out_stops_the_run_which_then_resumes_as_if_nothing_had_been(season, tmp_path, left):
    whole = start_run(season, tmp_path / "whole")
    work(whole)
    run = start_run(season, tmp_path / "run")
    away = tmp_path / "away"

    with pytest.raises(FolderGone, match="Connect its disk or network drive again, then resume"):
        work(run, detector=PulledOut(run, lambda: season.rename(away)))
    assert run.is_done(0)
    assert not run.is_done(2)
    assert run.read_progress().phase is Phase.FAILED
    assert run.can_resume

    if left == "an empty folder":
        season.mkdir()
    with pytest.raises(FolderGone, match=r"it is not there|none of the \d photos that are left is in it"):
        work(run)
    if left == "an empty folder":
        season.rmdir()
    away.rename(season)
    work(run)

    for name, table in read_all(whole).items():
        pd.testing.assert_frame_equal(table, read_all(run)[name])


def test_the_disk_of_one_camera_that_goes_away_stops_the_run(season, tmp_path, monkeypatch):
    run = start_run(season, tmp_path / "run")
    find_disk = source._find_disk
    monkeypatch.setattr(source, "_find_disk", lambda folder: find_disk(folder) and 7 * (folder.name == "camera-2") + 1)

    with pytest.raises(FolderGone, match="camera-2 cannot be read"):
        work(run, detector=PulledOut(run, lambda: (season / "camera-2").rename(tmp_path / "away")))


def test_photos_that_could_not_be_read_are_tried_again_and_take_their_place(season, tmp_path):
    mapper = QuarterMapper("camera-1")
    whole = start_run(season, tmp_path / "whole")
    work(whole, mapper=mapper)
    run = start_run(season, tmp_path / "run")
    (season / "camera-1").rename(tmp_path / "away")
    assert work(run, mapper=mapper).failures == 4
    (tmp_path / "away").rename(season / "camera-1")

    again = BrightSideDetector()
    work(run, detector=again, mapper=mapper)

    assert run.counts() == whole.counts()
    assert sorted(again.seen) == [f"camera-1/IMG_{number:04d}.JPG" for number in (1, 4, 7)]
    of_whole = read_all(whole)
    for name, table in read_all(run).items():
        order = list(table)[:2]
        expected = of_whole[name].sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(expected, table.sort_values(order, ignore_index=True))


def test_a_run_whose_photos_are_all_done_is_scored_without_its_disk(season, tmp_path):
    run = start_run(season, tmp_path / "run")
    first = work(run)
    season.rename(tmp_path / "away")

    assert work(run) == first
    assert run.read_progress().phase is Phase.DONE


def test_a_network_that_is_away_for_a_moment_costs_no_photo(season, tmp_path, monkeypatch):
    run = start_run(season, tmp_path / "run")
    failed = []

    def flicker(folder, file_name, **how):
        if file_name.endswith("4.JPG") and not failed:
            failed.append(file_name)
            raise PhotoFileUnreadable("The file cannot be read: Input/output error.")
        return read_photo(folder, file_name, **how)

    monkeypatch.setattr(source, "read_photo", flicker)

    assert (work(run).failures, len(failed)) == (1, 1)


@pytest.mark.parametrize("name", ["photos-00001", "crops-00000", "scores-00001", "events"])
def test_a_damaged_table_is_made_anew_as_its_sentence_says(season, tmp_path, name):
    run = start_run(season, tmp_path / "run")
    work(run)
    good = read_all(run)
    for kept in run.path.glob("catalogue-*"):
        kept.unlink()
    (run.path / f"{name}.parquet").write_bytes(b"PAR1 cut short")

    with pytest.raises(AnomalureError, match="resume the run") as said, open_catalogue(run):
        pass
    told = re.search(r"delete (\S+\.json) and", str(said.value))
    if name.startswith(("photos", "crops")):
        assert told[1] == str(run.path / f"done-{name[-5:]}.json")
        Path(told[1]).unlink()
    else:
        assert told is None
    again = RunFolder(run.path)
    work(again)

    for table, rows in read_all(again).items():
        pd.testing.assert_frame_equal(rows, good[table])


def test_a_run_that_grows_ends_with_the_rows_of_one_that_had_all_photos_from_the_start(season, tmp_path):
    whole = start_run(season, tmp_path / "whole")
    work(whole, mapper=MAPPER)
    names = whole.file_names
    info = RunInfo(run_id="grown", name="grown", folder=str(season), settings=SETTINGS.to_values())
    RunFolder.create(tmp_path / "grown", info, names[:3])
    seen: list[str] = []

    for n_files in (3, 5, 5, 11, 12):  # within a shard, across shards, and nothing new
        grown = RunFolder(tmp_path / "grown")
        grown.grow(names[:n_files])
        detector = BrightSideDetector()
        counts = work(grown, detector=detector, mapper=MAPPER)
        seen += detector.seen
        assert counts.photos == n_files
        assert grown.read_progress().done == n_files

    assert len(seen) == len(set(seen))  # no photo is looked through twice
    for name, table in read_all(whole).items():
        other = read_all(grown)[name]
        if name in ("embeddings", "heat_maps"):
            assert len(table) == len(other)
            continue
        by = list(table.columns)
        pd.testing.assert_frame_equal(
            table.sort_values(by, ignore_index=True), other.sort_values(by, ignore_index=True), check_like=True
        )


def test_photos_that_came_into_a_run_and_cannot_be_read_are_failures_of_it(season, tmp_path):
    info = RunInfo(run_id="grown", name="grown", folder=str(season), settings=SETTINGS.to_values())
    run = RunFolder.create(tmp_path / "grown", info, ["camera-0/IMG_0000.JPG"])
    work(run)

    run.grow(["camera-1/broken.jpg"])
    counts = work(run)

    assert (counts.photos, counts.failures) == (2, 1)
