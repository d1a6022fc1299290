"""``cli.py localize``: makes anomalies, learns to find them, says where they are, and measures how far it is off."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

import cli
from commands import progress_line
from tests.fakes.meadows import write_meadows

QUICK = ("--side-steps", "12", "--place-steps", "4", "--most-r", "50", "--least-ratio", "1.2", "--most-ratio", "1.3")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    return write_meadows(tmp_path_factory.mktemp("photos"), 6)


@pytest.fixture
def ask(tmp_path, capsys):
    """A function that runs the command and gives its exit code and what it printed, as JSON."""

    def run(*words):
        code = cli.main(["localize", *map(str, words), "--project", str(tmp_path / "project"), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_anomalies_are_made_learned_found_and_drawn(ask, photos, tmp_path):
    made = tmp_path / "made"
    code, said = ask("make", photos, "--out", made, "--radius", 30, 40, "--ratio", 1.3)
    assert (code, said["photos"], said["too_small"]) == (0, 6, 0)
    with (made / "labels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["discolor_ratio"] for row in rows} == {"1.3"}
    assert ask("make", photos, "--out", made)[0] == 1, "it never overwrites"

    code, said = ask("train", "--name", "meadow", "--images", photos, *QUICK)
    assert (code, said["learned"], said["failures"]) == (0, 6, [])

    (made / "images/broken.jpg").write_bytes(b"no picture")
    code, said = ask(
        "score", made / "images", "--name", "meadow", "--out", tmp_path / "places.csv", "--drawn", tmp_path / "drawn"
    )
    assert (code, said["photos"], said["failed"], said["drawn"]) == (3, 6, 1, 6)
    with (tmp_path / "places.csv").open() as file:
        places = {row["file_name"]: row for row in csv.DictReader(file)}
    assert set(places) == {row["file_name"] for row in rows}
    assert Image.open(tmp_path / "drawn/0.jpg.jpg").size == (200, 160)

    (made / "images/broken.jpg").unlink()
    code, said = ask("evaluate", "--images", made / "images", "--labels", made / "labels.csv", "--name", "meadow")
    off = [
        np.hypot(*(int(places[row["file_name"]][axis]) - int(row[axis]) for axis in ("row", "column"))) / 200
        for row in rows
    ]
    assert code == 0
    assert said["methods"][0]["mean"] == pytest.approx(np.mean(off), abs=0.01)

    code, said = ask(
        "evaluate", "--images", made / "images", "--labels", made / "labels.csv", "--method", "constant", "image",
        "--folds", 2, "--epochs", 1,
    )  # fmt: skip
    assert [row["method"] for row in said["methods"]] == ["constant", "image"]


def test_evaluation_in_folds_says_which_share_of_all_folds_is_done(photos, tmp_path, monkeypatch, capsys):
    made, words = tmp_path / "made", ("--project", str(tmp_path / "project"))
    assert (
        cli.main(["localize", "make", str(photos), "--out", str(made), "--radius", "30", "--ratio", "1.3", *words]) == 0
    )
    capsys.readouterr()
    monkeypatch.setattr(progress_line, "PLAIN_EVERY_S", -1)

    asked = [
        "--images",
        made / "images",
        "--labels",
        made / "labels.csv",
        "--method",
        "image",
        "--folds",
        2,
        "--epochs",
        2,
    ]
    assert cli.main(["localize", "evaluate", *map(str, asked), *words]) == 0

    said = capsys.readouterr().err
    assert re.findall(r"image, (\d+%) \(", said) == ["25%", "50%", "75%", "100%"]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("make", "nowhere", "--out", "{tmp}/a"), 1, "There is no folder"),
        (("make", "{photos}", "--out", "{tmp}/a", "--radius", "90", "300"), 1, "has room for a square of radius 90"),
        (("make", "{photos}", "--out", "{tmp}/a", "--ratio", "0.9"), 1, "Ratios are over 1"),
        (("make", "{photos}", "--out", "{tmp}/a", "--radius", "1", "2", "3"), 2, "takes one number, or"),
        (("train", "--name", "a", "--images", "{one}"), 1, "needs 2 photos or more"),
        (("train", "--name", "a", "--images", "{tmp}/none"), 1, "There is no folder"),
        (("train", "--name", "a", "--images", "{photos}", "--labels", "{tmp}/none.csv"), 1, "There is no file"),
        (
            ("train", "--name", "a", "--images", "{photos}", "--labels", "{other}"),
            1,
            "No photo of the folder has a row",
        ),
        (("train", "--name", "a", "--images", "{photos}", "--least-r", "60", "--most-r", "50"), 1, "not over the most"),
        (("score", "{photos}", "--name", "a"), 1, "There is no heat-map model named a. There are: none yet"),
        (("evaluate", "--images", "{photos}", "--labels", "{other}"), 1, "No photo of the folder has a row"),
        (("evaluate", "--images", "{one}", "--labels", "{row}"), 1, "needs 10 photos or more, got 1"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_leaves_nothing(ask, photos, tmp_path, words, code, why):
    head = "file_name,row,column,r,discolor_ratio\n"
    (tmp_path / "other.csv").write_text(head + "zebra.jpg,1,2,3,1.1\n")
    (tmp_path / "row.csv").write_text(head + "0.jpg,80,80,30,1.1\n")
    one = write_meadows(tmp_path / "one", 1)
    places = {
        "tmp": tmp_path,
        "photos": photos,
        "one": one,
        "other": tmp_path / "other.csv",
        "row": tmp_path / "row.csv",
    }

    found, said = ask(*(word.format(**places) for word in words))

    assert found == code
    assert why in said["error"]
    assert not (tmp_path / "a").exists()
    room = tmp_path / "project/localize"
    assert not list(room.glob("*/model.*"))


def test_photos_without_a_row_are_counted_with_code_3(ask, photos, tmp_path):
    ask("make", photos, "--out", tmp_path / "made", "--radius", 30)
    table = tmp_path / "made/labels.csv"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    code, said = ask(
        "evaluate", "--images", tmp_path / "made/images", "--labels", table, "--method", "constant", "--folds", 2
    )
    assert (code, said["photos"], said["without_row"]) == (3, 5, 1)
