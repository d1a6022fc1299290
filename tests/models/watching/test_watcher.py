"""A watch runs what arrives, event by event, tells of each once, and goes on where it was after whatever happens."""

import errno
import shutil
from pathlib import Path

import pytest

from core.errors import AnomalureError
from core.records import Box, Detection, Found
from core.runs import pipeline
from core.runs.folder import RunFolder, Status
from core.study.project import Project
from core.watch.ledger import Ledger
from core.watch.state import read_state
from core.work.folder import WorkFolder
from models.jobs import registry
from models.jobs import watch as watch_job
from models.watching import growing, watcher
from tests.fakes.parts import BrightSideDetector
from tests.fakes.watched import Told, Watching, ask, make_parts, take_photo, watch_once


@pytest.fixture
def project(tmp_path) -> Project:
    return Project(tmp_path / "project")


@pytest.fixture
def box(tmp_path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


def read_run(project: Project, name: str = "inbox") -> RunFolder:
    return project.run(name)


def names_of(run: RunFolder) -> list[str]:
    return sorted(run.read_table("photos", ["file_name"])["file_name"])


def test_what_arrives_becomes_one_run_that_grows_and_each_event_is_told_once(project, box):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")
    with Watching(project, box, told, settings=ask(box).settings.from_values({"event_gap_s": 0.3})) as watching:
        watching.wait_for(lambda: len(told.rows) == 1)
        take_photo(box, "north", 2, at="07:00:00", bright=120)
        take_photo(box, "south", 3, at="07:00:00")
        watching.wait_for(lambda: len(told.rows) == 3)
        assert WorkFolder(project.path / "watches/inbox").status is Status.RUNNING

    assert len({row["id"] for row in told.rows}) == 3
    odd = max(told.rows, key=lambda row: row["score"])
    assert (odd["camera"], odd["first_at"], odd["photos"]) == ("north", "2024-05-03T07:00:00", 1)
    assert odd["path"] == str(box / "north/IMG_0002.JPG")
    run = read_run(project)
    assert run.status is Status.DONE
    assert names_of(run) == ["north/IMG_0001.JPG", "north/IMG_0002.JPG", "south/IMG_0003.JPG"]
    assert len(project.review_queue(run, flagged_only=False).rows) == 3
    assert WorkFolder(project.path / "watches/inbox").status is Status.CANCELLED
    assert "3 photos of 3 events done" in read_state(project.path / "watches/inbox").describe()


def test_once_does_what_is_there_and_the_next_time_only_what_is_new(project, box):
    told, detector = Told(), BrightSideDetector()
    take_photo(box, "north", 1, at="06:00:00")
    take_photo(box, "north", 2, at="06:00:40", bright=120)
    first = watch_once(project, box, told, detector=detector)
    assert (first["photos"], first["events"], len(told.rows)) == (2, 1, 1)
    assert told.rows[0]["photos"] == 2

    shutil.copy(box / "north/IMG_0001.JPG", box / "north/copy.jpg")
    take_photo(box, "north", 3, at="06:01:10")
    second = watch_once(project, box, told, detector=detector)

    assert (second["photos"], second["copies"], second["run"]) == (3, 1, "inbox")
    assert detector.seen == ["north/IMG_0001.JPG", "north/IMG_0002.JPG", "north/IMG_0003.JPG"]
    assert [row["is_late"] for row in told.rows] == [False, True]  # a photo of an event that was told already
    assert told.rows[1]["event_id"] == told.rows[0]["event_id"]


class Killed(BaseException):
    pass


PLACES = [
    (watcher, "do_batch"),
    (pipeline, "group_events"),
    (growing, "keep_catalogue"),
    (RunFolder, "write_shard"),
    (RunFolder, "write_counts"),
    (RunFolder, "write_scores"),
    (RunFolder, "grow"),
    (growing, "write_account"),
    (watcher, "make_digest"),
    (Ledger, "finish_batch"),
    (Ledger, "keep_fact"),
    (Ledger, "begin_batch"),
]


@pytest.mark.parametrize(("where", "name"), PLACES, ids=[name for _, name in PLACES])
def test_a_watch_that_is_killed_anywhere_does_and_tells_nothing_twice(project, box, monkeypatch, where, name):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")
    watch_once(project, box, told)
    take_photo(box, "north", 2, at="07:00:00", bright=120)
    take_photo(box, "south", 3, at="07:00:00")

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(where, name, kill)
        with pytest.raises(Killed):
            watch_once(project, box, told)
    watch_once(project, box, told)

    run = read_run(project)
    assert names_of(run) == ["north/IMG_0001.JPG", "north/IMG_0002.JPG", "south/IMG_0003.JPG"]
    assert run.counts().photos == run.n_files == len(run.read_table("scores")) == 3
    assert sorted(row["event_id"] for row in told.rows) == [
        "north/2024-05-03T06:00:00",
        "north/2024-05-03T07:00:00",
        "south/2024-05-03T07:00:00",
    ]
    assert [run.run_id for run in project.runs()] == ["inbox"]


def test_one_that_is_killed_between_telling_and_noting_it_tells_again_with_the_same_id(project, box, monkeypatch):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")

    def kill(*_, **__):
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "note_sent", kill)
        with pytest.raises(Killed):
            watch_once(project, box, told)
    watch_once(project, box, told)

    assert len(told.rows) == 2
    assert told.rows[0] == told.rows[1]


def test_a_photo_that_the_camera_overwrites_is_done_in_another_run(project, box):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")
    watch_once(project, box, told)
    take_photo(box, "north", 1, at="08:00:00", bright=120)
    take_photo(box, "north", 2, at="09:00:00")

    assert watch_once(project, box, told)["run"] == "inbox-2"

    assert names_of(read_run(project, "inbox")) == ["north/IMG_0001.JPG"]
    assert names_of(read_run(project, "inbox-2")) == ["north/IMG_0001.JPG", "north/IMG_0002.JPG"]
    assert len(told.rows) == 3


def test_a_photo_that_could_not_be_read_is_told_and_done_once_it_is_whole(project, box):
    told = Told()
    path = take_photo(box, "north", 1, at="06:00:00")
    whole = path.read_bytes()
    path.write_bytes(b"no picture")
    watch_once(project, box, told, give_up_s=0.0)
    assert [(row["camera"], row["photos"], row["failed"], row["score"]) for row in told.rows] == [("north", 1, 1, None)]

    path.write_bytes(whole)
    result = watch_once(project, box, told, give_up_s=0.0)

    assert result["run"] == "inbox"
    assert told.rows[1]["failed"] == 0
    assert read_run(project).counts().failures == 0


def test_a_half_written_photo_is_left_for_the_next_time_and_named(project, box):
    path = take_photo(box, "north", 1, at="06:00:00")
    take_photo(box, "south", 2, at="06:00:00")
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])

    result = watch_once(project, box)
    assert (result["photos"], result["arriving"], result["arriving_names"]) == (1, 1, ["north/IMG_0001.JPG"])
    assert watch_job.is_flawed(result)

    path.write_bytes(whole)
    assert watch_once(project, box)["photos"] == 2


def test_a_new_bundle_detector_or_setting_begins_another_run(project, box):
    take_photo(box, "north", 1, at="06:00:00")
    watch_once(project, box)
    take_photo(box, "north", 2, at="07:00:00")

    result = watch_once(project, box, settings=ask(box).settings.from_values({"min_confidence": 0.5}))

    assert result["run"] == "inbox-2"
    assert names_of(read_run(project, "inbox-2")) == ["north/IMG_0002.JPG"]


def test_a_run_that_is_full_or_was_deleted_is_followed_by_another(project, box, monkeypatch):
    take_photo(box, "north", 1, at="06:00:00")
    watch_once(project, box)
    shutil.rmtree(project.runs_dir / "inbox")
    take_photo(box, "north", 2, at="07:00:00")
    assert watch_once(project, box)["photos"] == 2

    monkeypatch.setattr("models.watching.request.FEWEST_PHOTOS", 1)
    take_photo(box, "north", 3, at="08:00:00")
    assert watch_once(project, box, run_photos=1)["run"] == "inbox-2"


def test_a_folder_that_goes_away_is_said_and_waited_for(project, box):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")
    with Watching(project, box, told, settings=ask(box).settings.from_values({"event_gap_s": 0.0})) as watching:
        watching.wait_for(lambda: len(told.rows) == 1)
        box.rename(box.with_name("unplugged"))
        watching.wait_for(lambda: "is not there just now" in watching.said[-1])
        take_photo(box.with_name("unplugged"), "north", 2, at="07:00:00")
        box.with_name("unplugged").rename(box)
        watching.wait_for(lambda: len(told.rows) == 2)

    assert read_state(project.path / "watches/inbox").problem == ""
    assert names_of(read_run(project)) == ["north/IMG_0001.JPG", "north/IMG_0002.JPG"]


def test_a_full_disk_is_said_and_waited_for_and_nothing_is_lost(project, box, monkeypatch):
    told, full = Told(), [True]
    monkeypatch.setattr(watcher, "FIRST_PAUSE_S", 0.05)
    write = RunFolder.write_shard

    def write_shard(run, *given, **more):
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(run, *given, **more)

    monkeypatch.setattr(RunFolder, "write_shard", write_shard)
    take_photo(box, "north", 1, at="06:00:00")
    with Watching(project, box, told, settings=ask(box).settings.from_values({"event_gap_s": 0.0})) as watching:
        watching.wait_for(lambda: any("is full" in said for said in watching.said))
        full[0] = False
        watching.wait_for(lambda: len(told.rows) == 1)

    assert names_of(read_run(project)) == ["north/IMG_0001.JPG"]


def test_photos_that_are_deleted_after_they_were_begun_are_named_and_the_watch_goes_on(project, box, monkeypatch):
    told = Told()
    path = take_photo(box, "north", 1, at="06:00:00")

    def delete(*_, **__):
        path.unlink()
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(watcher, "do_batch", delete)
        with pytest.raises(Killed):
            watch_once(project, box, told)
    take_photo(box, "north", 2, at="07:00:00")
    result = watch_once(project, box, told)

    assert (result["photos"], result["lost"], result["lost_names"]) == (1, 1, ["north/IMG_0001.JPG"])
    assert [row["event_id"] for row in told.rows] == ["north/2024-05-03T07:00:00"]


class PersonDetector(BrightSideDetector):
    """What it finds is a person."""

    def _detect_one(self, photo):
        found = super()._detect_one(photo)
        return Found(tuple(Detection(one.box, "person", one.confidence) for one in found.detections))


class BesideDetector(BrightSideDetector):
    """Finds an animal, and a person beside it."""

    def _detect_one(self, photo):
        found = super()._detect_one(photo).detections
        return Found((*found, Detection(Box(20, 0, 10, 20), "person", 0.8)) if found else ())


def test_people_are_counted_and_never_what_is_shown(project, box):
    told = Told()
    take_photo(box, "path", 1, at="06:00:00", bright=120)
    watch_once(project, box, told, detector=PersonDetector())

    (row,) = told.rows
    assert (row["people"], row["crops"], row["crop_id"], row["path"]) == (1, 0, "", "")


def test_a_photo_of_an_animal_beside_a_person_is_marked_so_that_no_picture_of_it_is_sent(project, box):
    told = Told()
    take_photo(box, "path", 1, at="06:00:00", bright=120)
    watch_once(project, box, told, detector=BesideDetector())

    (row,) = told.rows
    assert (row["people"], row["crops"], row["shows_people"]) == (1, 1, True)


def test_an_empty_folder_is_watched_and_videos_in_it_are_counted(project, box):
    (box / "a.mp4").write_bytes(b"film")
    result = watch_once(project, box)
    assert (result["photos"], result["passed_over"]) == (0, {".mp4": 1})
    assert project.runs() == []


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"folder": "missing"}, "is not there"),
        ({"folder": "file.jpg"}, "is a file"),
        ({"folder": "project/photos"}, "inside each other"),
        ({"folder": ""}, "inside each other"),
        ({"every_s": 0.0}, "--every is a time"),
        ({"patience_s": float("nan")}, "--patience is a time"),
        ({"give_up_s": -1.0}, "--give-up is a time"),
        ({"run_photos": 1}, "--run-photos"),
        ({"dashboard": "javascript:x"}, "begins with http"),
        ({"name": "../away"}, "cannot be the name"),
    ],
)
def test_a_watch_that_cannot_be_is_refused_and_leaves_nothing(project, box, tmp_path, given, says):
    (tmp_path / "file.jpg").touch()
    (project.path / "photos").mkdir()
    given = {**given, "folder": tmp_path / given["folder"]} if "folder" in given else {**given, "folder": box}
    request = watch_job.WatchRequest(**{"name": "inbox", **given})

    with pytest.raises(AnomalureError, match=says):
        watch_job.watch_at_once(project, request, once=True, open_parts=make_parts)

    assert not list((project.path / "watches").glob("*/request.json"))


def test_a_second_process_and_another_folder_of_the_same_name_are_refused(project, box, tmp_path):
    take_photo(box, "north", 1, at="06:00:00")
    with Watching(project, box) as watching:
        watching.wait_for(lambda: read_state(project.path / "watches/inbox") is not None)
        with pytest.raises(AnomalureError, match="under way already"):
            watch_once(project, box)
    (tmp_path / "other").mkdir()
    with pytest.raises(AnomalureError, match="Give this one another name"):
        watch_once(project, tmp_path / "other")


def test_addresses_are_not_in_the_project_so_only_the_command_tells_others(project, box):
    told = Told()
    take_photo(box, "north", 1, at="06:00:00")
    watch_once(project, box, told, tells=("email:a@example.org",))

    with pytest.raises(AnomalureError, match="Start it again with the command"):
        registry.resume_at_once(project, "watches/inbox")


def test_the_watch_of_a_folder_is_found_by_its_folder(project, box, tmp_path):
    watch_job.watch_at_once(project, ask(box), once=True, open_parts=make_parts)

    assert watch_job.find_name(project, box) == "inbox"
    assert watch_job.find_name(project, tmp_path / "elsewhere" / "inbox") == "inbox-2"


def test_large_copies_are_done_in_parts(project, box, monkeypatch):
    monkeypatch.setattr(watcher, "MOST_BATCH_PHOTOS", 2)
    for number in range(5):
        take_photo(box, "north", number, at=f"0{number}:00:00")
    told = Told()

    watch_once(project, box, told)

    assert [row["first_at"][11:13] for row in told.rows] == ["00", "01", "02", "03", "04"]
