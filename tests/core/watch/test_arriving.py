"""A photo has arrived when it no longer grows and can be opened to its end; an event ends when nothing follows."""

import os
import shutil
from datetime import datetime

import pytest

from core.errors import FolderGone
from core.photos.deployments import DeploymentNamer
from core.records import Photo
from core.watch.arriving import Arrivals, Arrived, is_unfinished_name
from core.watch.finished import find_finished
from core.watch.ledger import FileState, Ledger
from tests.fakes.watched import take_photo


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def box(tmp_path):
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def arrivals(box, tmp_path, clock):
    with Ledger(tmp_path) as ledger:
        yield Arrivals(
            box, ledger, namer=DeploymentNamer(box), settle_s=5.0, give_up_s=600.0, max_megapixels=10.0, clock=clock
        )


def test_a_photo_is_there_once_it_has_not_changed_for_some_seconds(arrivals, box, clock):
    path = take_photo(box, "north", 1, at="06:00:00")
    assert arrivals.look().growing == ["north/IMG_0001.JPG"]

    clock.now += 4
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 1))  # somebody still writes
    assert arrivals.look().growing == ["north/IMG_0001.JPG"]

    clock.now += 4
    assert arrivals.look().growing == ["north/IMG_0001.JPG"]

    clock.now += 1
    assert arrivals.look().growing == []
    (one,) = arrivals.waiting.values()
    assert (one.file_name, one.deployment) == ("north/IMG_0001.JPG", "north")
    assert one.photo.captured_at == datetime(2024, 5, 3, 6, 0, 0)


def test_a_half_written_photo_waits_for_its_end_and_is_taken_as_it_is_in_the_end(arrivals, box, clock):
    path = take_photo(box, "north", 1, at="06:00:00")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 20])
    arrivals.look()
    clock.now += 10
    assert arrivals.look().growing == ["north/IMG_0001.JPG"]
    assert not arrivals.waiting

    clock.now += 600
    assert arrivals.look().growing == []
    assert "trunc" in arrivals.waiting["north/IMG_0001.JPG"].photo.note.lower()

    path.write_bytes(whole)  # the upload went on after all
    arrivals.look()
    clock.now += 10
    arrivals.look()
    assert arrivals.waiting["north/IMG_0001.JPG"].photo.note == ""


def test_what_is_no_picture_at_all_is_left_to_the_run_to_say(arrivals, box, clock):
    (box / "broken.jpg").write_bytes(b"no picture")
    (box / "empty.jpg").write_bytes(b"")
    arrivals.look()
    clock.now += 10
    assert sorted(arrivals.look().growing) == ["broken.jpg", "empty.jpg"]

    clock.now += 600
    arrivals.look()
    assert {name: one.photo for name, one in arrivals.waiting.items()} == {"broken.jpg": None, "empty.jpg": None}


def test_a_folder_of_old_photos_is_taken_at_once_also_a_damaged_one(arrivals, box, clock):
    path = box / "old.jpg"
    path.write_bytes(b"no picture")
    os.utime(path, (1_000_000, 1_000_000))
    arrivals.look()
    clock.now += 5
    assert arrivals.look().growing == []


@pytest.mark.parametrize(
    ("name", "is_unfinished"),
    [
        ("IMG_1.jpg.part", True),
        ("IMG_1.part.jpg", True),
        ("IMG_1.JPG.filepart", True),
        ("north/IMG_1.tmp.jpg", True),
        ("~IMG_1.jpg", True),
        ("IMG_1.crdownload", True),
        ("IMG_1.jpg", False),
        ("party.jpg", False),
        ("tmp/IMG_1.jpg", False),
        ("IMG.part1.jpg", False),
    ],
)
def test_names_that_programs_give_to_unfinished_copies_are_left_alone(name, is_unfinished):
    assert is_unfinished_name(name) is is_unfinished


def test_the_same_content_again_counts_once_and_takes_the_place_of_what_was_deleted(arrivals, box, clock):
    path = take_photo(box, "north", 1, at="06:00:00")
    shutil.copy(path, box / "north/copy.jpg")
    arrivals.look()
    clock.now += 5
    assert arrivals.look().copies == 1
    (first,) = arrivals.waiting
    (box / first).unlink()

    assert arrivals.look().gone == [first]
    clock.now += 5
    arrivals.look()

    assert list(arrivals.waiting) == [({"north/copy.jpg", "north/IMG_0001.JPG"} - {first}).pop()]


def test_a_photo_that_is_replaced_before_it_is_done_counts_as_the_new_one_and_is_named(arrivals, box, clock, tmp_path):
    take_photo(box, "north", 1, at="06:00:00")
    arrivals.look()
    clock.now += 5
    arrivals.look()
    take_photo(box, "north", 1, at="06:00:00", bright=100)
    arrivals.look()
    clock.now += 5

    assert arrivals.look().gone == ["north/IMG_0001.JPG"]
    assert len(arrivals.waiting) == 1
    assert arrivals._ledger.list_losses() == (1, ["north/IMG_0001.JPG"])


def test_a_folder_that_is_away_is_said(arrivals, box):
    shutil.rmtree(box)

    with pytest.raises(FolderGone, match="is not there just now"):
        arrivals.look()


def wait(name: str, at: str, *, since: float, camera: str = "north") -> Arrived:
    photo = Photo(name, name, camera, 1, 1, 1, captured_at=datetime.fromisoformat(f"2024-05-03T{at}") if at else None)
    return Arrived(name, FileState(1, 1), since, camera, photo)


def finished(waiting, *, now, most=100):
    done = find_finished(waiting, now=now, gap_s=60, patience_s=30, most_photos=most)
    return [one.file_name for one in done]


def test_an_event_is_finished_when_nothing_was_added_to_it_for_the_gap_and_the_patience():
    first = [wait("a", "06:00:00", since=100), wait("b", "06:00:50", since=120)]

    assert finished(first, now=209) == []
    assert finished(first, now=210) == ["a", "b"]
    # A later event of the same camera does not hold it up, another photo of the same event does.
    assert finished([*first, wait("c", "07:00:00", since=205)], now=210) == ["a", "b"]
    assert finished([*first, wait("late", "06:01:30", since=205)], now=210) == []


def test_cameras_are_apart_and_a_photo_without_a_time_is_an_event_of_its_own():
    waiting = [wait("a", "06:00:00", since=0), wait("b", "06:00:00", since=100, camera="south"), wait("c", "", since=0)]

    assert sorted(finished(waiting, now=90)) == ["a", "c"]


def test_whole_events_are_done_together_and_not_too_many_at_once():
    waiting = [wait(f"{hour}-{i}", f"{hour:02d}:00:0{i}", since=hour) for hour in range(5) for i in range(3)]

    assert finished(waiting, now=1_000, most=4) == ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]


def test_a_photo_whose_waiting_clock_was_set_back_is_not_lost():
    """The watcher's clock never goes back; the camera's and the disk's may."""
    assert finished([wait("a", "06:00:00", since=100), wait("b", "05:00:00", since=101)], now=300) == ["a", "b"]
