"""The account of a run names what it could not look at."""

import json
import os

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.photos.reading import find_photos
from core.runs.account import ACCOUNT, describe_account, make_account, read_account, write_account
from core.runs.boxes import BoxesFromFile
from models.jobs.run import is_flawed
from tests.fakes.project import make_project

FINE = {"failures": 0, "damaged": 0, "complete": True}


@pytest.fixture
def folder(tmp_path, write_jpeg):
    """Two photos and what else lies on a card."""
    season = tmp_path / "card"
    write_jpeg(season / "IMG_1.JPG")
    write_jpeg(season / "IMG_2.JPG")
    for name in ("clip.MP4", "IMG_4.HEIC", "IMG_5.NEF", "notes.txt"):
        (season / name).write_bytes(b"x")
    return season


def read_boxes(folder, *names):
    path = folder.parent / "md.json"
    images = [{"file": n, "detections": [{"category": "1", "conf": 0.9, "bbox": [0, 0, 0.5, 0.5]}]} for n in names]
    path.write_text(json.dumps({"images": images, "detection_categories": {"1": "animal"}}))
    return BoxesFromFile(path, min_confidence=0.1, listing=find_photos(folder))


def test_what_was_passed_over_and_boxes_without_a_photo_are_counted_and_named(folder):
    account = make_account(find_photos(folder), read_boxes(folder, "IMG_1.JPG", "IMG_9.JPG"))

    assert account.describe_passed_over() == "1 .heic, 1 .mp4, 1 .nef, 1 .txt"
    assert account.passed_over_names[".nef"] == ["IMG_5.NEF"]
    assert (account.boxes_without_photo, account.boxes_without_photo_names) == (1, ["IMG_9.JPG"])
    assert account.boxes_problems == [
        "1 photos of the file that are not in the folder (the first: IMG_9.JPG)",
        "1 photos of the folder that are not in the file (the first: IMG_2.JPG)",
    ]


@pytest.mark.parametrize(
    ("name", "is_complete"),
    [
        ("clip.MP4", False),
        ("IMG.HEIC", False),
        ("IMG.CR3", False),
        ("notes.txt", True),
        ("IMG.xmp", True),
        (".hidden.mp4", True),
    ],
)
def test_a_run_is_complete_if_nothing_that_may_show_animals_was_passed_over(tmp_path, write_jpeg, name, is_complete):
    write_jpeg(tmp_path / "a.jpg")
    (tmp_path / name).write_bytes(b"x")

    assert make_account(find_photos(tmp_path), None).is_complete == is_complete


def test_photos_without_a_time_are_counted_and_named(tmp_path):
    run = make_project(tmp_path, 4).latest_run()
    assert describe_account(run)["photos_without_time"] == 0
    (path,) = run.tables("photos")[:1]
    table = pq.read_table(path)
    times = pa.array([None] * len(table), table.schema.field("captured_at").type)
    pq.write_table(table.set_column(table.schema.get_field_index("captured_at"), "captured_at", times), path)

    said = describe_account(run)

    assert said["photos_without_time"] == len(said["photos_without_time_names"]) > 0
    assert "north/photo-000.jpg" in said["photos_without_time_names"]
    assert "north/copy.jpg" not in said["photos_without_time_names"], "a copy is its photo"


def test_a_locked_folder_is_named(tmp_path, write_jpeg, monkeypatch):
    write_jpeg(tmp_path / "a.jpg")
    write_jpeg(tmp_path / "north" / "locked" / "b.jpg")
    scan = os.scandir

    def refuse(place):
        if str(place).endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scan(place)

    monkeypatch.setattr(os, "scandir", refuse)

    account = make_account(find_photos(tmp_path), None)

    assert account.passed_over_names == {"unreadable folder": ["north/locked"]}
    assert not account.is_complete


@pytest.mark.parametrize(
    ("result", "expected"), [({}, False), ({"failures": 1}, True), ({"damaged": 1}, True), ({"complete": False}, True)]
)
def test_a_run_with_gaps_is_done_with_exit_code_3(result, expected):
    assert is_flawed({**FINE, **result}) == expected


def test_the_account_is_kept_in_the_run_and_one_that_is_damaged_is_empty(tmp_path, folder):
    run = make_project(tmp_path, 3).runs()[0]
    account = make_account(find_photos(folder), None)
    write_account(run, account)

    assert read_account(run) == account
    said = describe_account(run)
    assert said["passed_over"] == {".mp4": 1, ".heic": 1, ".nef": 1, ".txt": 1}
    assert [failure["file_name"] for failure in said["failed_photos"]] == ["north/not-a-photo.jpg"]
    assert not said["complete"]
    json.dumps(said)
    (run.path / ACCOUNT).write_text('{"passed_over": 3')
    assert describe_account(run)["passed_over"] == {}


def test_boxes_that_could_not_be_used_are_counted_whichever_process_looked_the_photos_up(folder):
    boxes = read_boxes(folder, "IMG_1.JPG", "IMG_2.JPG")

    assert boxes.count_unused([("IMG_1.JPG", 64, 48), ("IMG_2.JPG", 64, 48)]) == ()
    assert boxes.problems == ()
