"""Labelled crops are written with a table that other tools can train on."""

import csv

import pytest
from PIL import Image

from core.errors import AnomalureError
from core.formats.labelled import Label, LabelledPhoto
from core.labels.crop_folder import write_crop_folder
from core.records import Box
from core.settings.run import RunSettings


@pytest.fixture
def labelled(tmp_path, write_jpeg):
    photos = []
    for number in range(8):
        write_jpeg(tmp_path / "photos" / f"{number}.jpg", seed=number, size=(80, 60))
        label = Label("empty") if number == 7 else Label("fox", Box(10, 10, 30, 20))
        photos.append(LabelledPhoto(f"{number}.jpg", (label,), event_id=f"visit {number // 2}", frame=(80, 60)))
    return photos


def read_table(folder):
    with (folder / "crops.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_each_crop_is_a_picture_with_its_label_and_no_burst_is_on_both_sides(labelled, tmp_path):
    made = write_crop_folder(
        [*labelled, LabelledPhoto("gone.jpg", (Label("fox"),))],
        tmp_path / "photos",
        tmp_path / "out",
        settings=RunSettings(crop_margin=0.0),
        val_share=0.25,
    )

    rows = read_table(tmp_path / "out")
    assert made.n_crops == len(rows) == 8
    assert [row["species"] for row in rows] == ["fox"] * 7 + ["empty"]
    assert Image.open(tmp_path / "out" / rows[0]["file_name"]).size == (30, 20)
    sides = {
        event: {row["split"] for row in rows if row["event_id"] == event} for event in {r["event_id"] for r in rows}
    }
    assert all(len(side) == 1 for side in sides.values())
    assert {side for (side,) in sides.values()} == {"train", "val"}
    assert made.problems == ("1 photos that are not in the folder (the first: gone.jpg)",)


def test_the_labels_own_split_holds(labelled, tmp_path):
    photos = [LabelledPhoto(p.file_name, p.labels, split="season", frame=p.frame) for p in labelled]

    made = write_crop_folder(photos, tmp_path / "photos", tmp_path / "out", settings=RunSettings())

    assert made.counts == {"season": {"empty": 1, "fox": 7}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"val_share": 1.5}, "share of crops for validation must be from 0 to 1, got 1.5"),
        ({"out": "taken"}, "taken exists and is not an empty folder"),
        ({"species": ""}, "No crop could be cut out. 8 boxes without a species"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left(labelled, tmp_path, change, message):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    photos = labelled
    if "species" in change:
        photos = [LabelledPhoto(p.file_name, (Label("", Box(1, 1, 9, 9)),), frame=p.frame) for p in labelled]
    out = tmp_path / change.get("out", "out")

    with pytest.raises(AnomalureError, match=message):
        write_crop_folder(
            photos, tmp_path / "photos", out, settings=RunSettings(), val_share=change.get("val_share", 0.2)
        )

    assert sorted(path.name for path in tmp_path.iterdir()) == ["photos", "taken"]
    assert (tmp_path / "taken" / "mine.txt").read_text() == "mine"
