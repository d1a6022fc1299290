"""Squares are put into photos without wrapping, and the table beside them says where; nothing half-made is left."""

import csv

import numpy as np
import pytest
from PIL import Image

from core.errors import AnomalureError
from core.squares.making import make_squares
from core.squares.square import Square, SquareSettings, brighten
from core.squares.table import match_squares, read_squares

SMALL = SquareSettings(least_r=4, most_r=12, least_ratio=1.2, most_ratio=1.3)
HEAD = "file_name,row,column,r,discolor_ratio\n"


@pytest.fixture
def photos(tmp_path):
    draws = np.random.default_rng(0)
    folder = tmp_path / "photos"
    (folder / "b").mkdir(parents=True)
    for name in ("a.jpg", "b/c.png", "b/d.webp"):
        Image.fromarray(draws.integers(0, 200, (40, 50, 3), np.uint8)).save(folder / name)
    Image.new("RGB", (7, 40)).save(folder / "narrow.png")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_brightening_is_done_pixel_by_pixel_and_stops_at_white():
    image = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    before = image.copy()
    square = Square("a", row=8, column=15, r=5, discolor_ratio=1.5)

    bright = brighten(image, square)

    for y in range(20):
        for x in range(30):
            inside = 3 <= y < 13 and 10 <= x < 20
            for was, now in zip(image[y, x], bright[y, x], strict=True):
                assert now == (min(255, round(float(was) * 1.5)) if inside else was)
    np.testing.assert_array_equal(image, before)
    with pytest.raises(ValueError, match="reaches over"):
        brighten(image, Square("a", row=4, column=15, r=5, discolor_ratio=1.5))


def test_squares_lie_inside_the_photo_and_use_the_whole_range():
    rng = np.random.default_rng(0)
    drawn = [SMALL.draw("a", 24, 60, rng) for _ in range(400)]

    assert {one.r for one in drawn} == set(range(4, 13))
    assert all(one.r <= one.row <= 24 - one.r and one.r <= one.column <= 60 - one.r for one in drawn)
    assert all(1.2 <= one.discolor_ratio <= 1.3 for one in drawn)


def test_copies_and_table_are_made_and_what_is_left_out_is_named(photos, tmp_path):
    made = make_squares(photos, tmp_path / "out", settings=SMALL, seed=3)

    assert made.too_small == ("narrow.png",)
    assert [name for name, _ in made.failures] == ["broken.jpg"]
    squares = read_squares(made.table)
    assert list(squares) == ["a.jpg", "b/c.png", "b/d.webp.png"]
    assert tuple(squares.values()) == made.squares
    one = squares["b/c.png"]
    was = np.asarray(Image.open(photos / "b/c.png"))
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "out/images/b/c.png")), brighten(was, one))
    with made.table.open() as file:
        assert next(csv.reader(file)) == HEAD.strip().split(",")
    again = make_squares(photos, tmp_path / "again", settings=SMALL, seed=3)
    assert again.squares == made.squares


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"least_r": 1}, "whole pixels from 2"),
        ({"least_r": 50, "most_r": 40}, "not over the most"),
        ({"least_ratio": 1.0}, "over 1"),
        ({"least_ratio": 1.3, "most_ratio": 1.2}, "not over the most"),
        ({"most_ratio": float("nan")}, "over 1"),
        (
            {"least_r": 21, "most_r": 300},
            "No photo in .* has room for a square of radius 21: smaller than 42 pixels: 4;",
        ),
    ],
)
def test_squares_that_cannot_be_made_are_refused_and_nothing_is_left(photos, tmp_path, settings, why):
    with pytest.raises(AnomalureError, match=why):
        make_squares(photos, tmp_path / "out", settings=SquareSettings(**settings))
    assert not (tmp_path / "out").exists()


def test_nothing_is_overwritten_and_photos_are_not_mixed_with_their_copies(photos, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/kept.txt").write_text("mine")
    with pytest.raises(AnomalureError, match="not an empty folder"):
        make_squares(photos, tmp_path / "out", settings=SMALL)
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["kept.txt"]
    with pytest.raises(AnomalureError, match="outside of it"):
        make_squares(photos, photos / "made", settings=SMALL)


@pytest.mark.parametrize(
    ("table", "why"),
    [
        (HEAD, "no rows"),
        ("a,b\n1,2\n", "has no file_name and no row"),
        (HEAD + "a.jpg,1,2,,1.1\n", "row 2 has no r"),
        (HEAD + "a.jpg,1,2,three,1.1\n", "other than numbers"),
        (HEAD + "a.jpg,1,2,inf,1.1\n", "other than numbers"),
        (HEAD + "a.jpg,1,2,0,1.1\n", "is not a square"),
        (HEAD + "a.jpg,1,2,3,nan\n", "is not a square"),
        (HEAD + "a.jpg,1,2,3,1.1\na.jpg,1,2,3,1.1\n", "names a.jpg twice"),
    ],
)
def test_tables_of_something_else_are_refused_in_a_sentence(tmp_path, table, why):
    (tmp_path / "labels.csv").write_text(table)
    with pytest.raises(AnomalureError, match=why):
        read_squares(tmp_path / "labels.csv")


def test_photos_without_a_row_are_counted_and_a_table_of_other_photos_is_refused(tmp_path):
    (tmp_path / "labels.csv").write_text(HEAD + "a.jpg,1,2,3,1.1\n")
    squares = read_squares(tmp_path / "labels.csv")

    assert match_squares(squares, ["a.jpg", "b.jpg"], table=tmp_path)[1] == 1
    with pytest.raises(AnomalureError, match=r"such as a\.jpg, those of the folder such as b\.jpg"):
        match_squares(squares, ["b.jpg"], table=tmp_path)
    with pytest.raises(AnomalureError, match="There is no file"):
        read_squares(tmp_path / "none.csv")
