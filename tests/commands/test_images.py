"""``cli.py images``: a model of a folder of normal images answers 1 or -1 for others, in a table and in pictures."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cli
from tests.fakes.coloured import BLUE, RED, write_coloured

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Thirty blue images; three more blue and three red ones in another folder, with a broken file."""
    folder = tmp_path_factory.mktemp("images")
    draws = np.random.default_rng(0)

    for n in range(30):
        write_coloured(folder / "normal" / f"{n}.png", BLUE, draws)
    for n in range(3):
        write_coloured(folder / "new/a" / f"blue-{n}.png", BLUE, draws)
        write_coloured(folder / "new/b" / f"red-{n}.png", RED, draws)
    (folder / "new" / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture
def ask(tmp_path, capsys):
    """A function that runs the command and gives its exit code and what it printed, as JSON."""

    def run(*words):
        code = cli.main(["images", *map(str, words), "--project", str(tmp_path / "project"), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_odd_images_are_outliers_in_the_table_and_on_the_pictures(ask, images, tmp_path):
    code, said = ask("train", "--name", "blue", "--normal", images / "normal", "--descriptor", "colour_histogram")
    assert (code, said["normal"], said["normal_failed"]) == (0, 30, 0)

    code, said = ask(
        "score", images / "new", "--name", "blue", "--out", tmp_path / "a.csv", "--drawn", tmp_path / "drawn"
    )

    assert (code, said["images"], said["outliers"], said["failed"], said["drawn"]) == (3, 6, 3, 1, 6)
    assert said["failures"][0]["file_name"] == "broken.jpg"
    with (tmp_path / "a.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["file_name"] for row in rows if row["answer"] == "-1"} == {f"b/red-{n}.png" for n in range(3)}
    assert [row["answer"] for row in rows[:3]] == ["-1"] * 3, "the most anomalous come first"
    with (
        Image.open(tmp_path / "drawn/b/red-0.png.jpg") as odd,
        Image.open(tmp_path / "drawn/a/blue-0.png.jpg") as usual,
    ):
        assert odd.width == 60
        assert odd.height > 40
        assert odd.getpixel((58, 2))[0] > 150 > usual.getpixel((58, 2))[0], "the band is orange, and blue for inliers"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("train", "--name", "x", "--normal", "nowhere"), "There is no folder"),
        (("train", "--name", "../x", "--normal", "{normal}"), "name"),
        (("train", "--name", "x", "--normal", "{normal}", "--false-alarm-rate", "0.01"), "needs 99 normal images"),
        (("train", "--name", "x", "--normal", "{normal}", "--bins", "1"), "2 to 256|between 2 and 256"),
        (("score", "{normal}", "--name", "nope"), "There is no model of images named nope. There are: none yet"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_leaves_no_model(ask, images, tmp_path, words, why):
    code, said = ask(*(str(word).format(normal=images / "normal") for word in words))

    assert code in (1, 2)
    assert re.search(why, said["error"]), said["error"]
    assert not list((tmp_path / "project").glob("images/*/model.json"))


def test_a_name_is_used_once(ask, images):
    words = ("train", "--name", "blue", "--normal", images / "normal", "--descriptor", "colour_histogram")
    assert ask(*words)[0] == 0
    code, said = ask(*words)
    assert code == 1
    assert "There is a model of images named blue already" in said["error"]


def test_drawings_never_lie_among_the_images(ask, images):
    ask("train", "--name", "blue", "--normal", images / "normal", "--descriptor", "colour_histogram")
    code, said = ask("score", images / "new", "--name", "blue", "--drawn", images / "new" / "drawn")
    assert code == 1
    assert "Choose a folder outside of it" in said["error"]


def test_a_reader_that_has_seen_enough_is_no_error(tmp_path):
    reader = subprocess.Popen(
        f"{sys.executable} cli.py --help >/dev/null; {sys.executable} cli.py runs --project {tmp_path / 'p'} | true",
        shell=True,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert "Traceback" not in reader.communicate(timeout=120)[1]
