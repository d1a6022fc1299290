"""``cli.py labels``: counts before and after some labels are left out, and pictures of both."""

import json

import pytest
from PIL import Image

import cli


@pytest.fixture
def labels(tmp_path):
    """Four photos: a fox and a small fox, a deer at night, an empty one, and a deer without a box."""
    images = [
        {"id": n, "file_name": f"cam{n % 2}/{n}.jpg", "width": 100, "height": 100, "location": f"cam{n % 2}", **more}
        for n, more in enumerate(
            [{"split": "train"}, {"datetime": "2026-05-01 23:10:00"}, {"split": "train"}, {"split": "val"}]
        )
    ]
    boxes = [
        {"image_id": 0, "category_id": 1, "bbox": [0, 0, 50, 50]},
        {"image_id": 0, "category_id": 1, "bbox": [60, 60, 5, 5]},
        {"image_id": 1, "category_id": 2, "bbox": [0, 0, 40, 90]},
        {"image_id": 2, "category_id": 0},
        {"image_id": 3, "category_id": 2},
    ]
    path = tmp_path / "labels.json"
    categories = [{"id": n, "name": name} for n, name in enumerate(("empty", "fox $1", "deer"))]
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": categories}))
    return path


@pytest.fixture
def ask(labels, capsys):
    def run(*words):
        code = cli.main(["labels", str(labels), *map(str, words), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_everything_is_counted(ask):
    code, said = ask()

    assert (code, said["photos"], said["labels"], said["boxes"]) == (0, 4, 5, 3)
    assert said["boxes_per_photo"] == {"0": 2, "1": 1, "2": 1}
    assert {row["species"]: (row["boxes"], row["photos"]) for row in said["species"]} == {
        "deer": (1, 2),
        "fox $1": (2, 1),
        "empty": (0, 1),
    }
    assert said["plots"] == []


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        (("--species", "DEER"), (2, 2, 1)),
        (("--split", "train"), (2, 3, 2)),
        (("--split", "train", "val"), (3, 4, 2)),
        (("--least-size", "0.1"), (4, 4, 2)),
    ],
)
def test_what_is_kept_is_counted_beside_all(ask, tmp_path, words, kept):
    code, said = ask(*words, "--plots", tmp_path / "plots")

    assert (code, said["photos"], said["labels"]) == (0, 4, 5)
    assert (said["kept_photos"], said["kept_labels"], said["kept_boxes"]) == kept
    assert len(said["plots"]) == 5


def test_each_plot_is_a_picture_with_something_in_it(ask, tmp_path):
    _, said = ask("--plots", tmp_path / "plots", "--species", "deer")

    names = [path.name for path in sorted((tmp_path / "plots").iterdir())]
    assert names == ["boxes.png", "cameras.png", "hours.png", "sizes.png", "species.png"]
    assert sorted(said["plots"]) == [str(tmp_path / "plots" / name) for name in names]
    for name in names:
        with Image.open(tmp_path / "plots" / name) as picture:
            assert picture.width > 800
            colours = {colour[:3] for _, colour in picture.convert("RGB").getcolors(1 << 24)}
        assert (0, 114, 178) in colours, "what is kept is blue"


@pytest.mark.parametrize(
    ("content", "words", "why"),
    [("{}", (), "not in a known format"), (None, ("--least-size", "7"), "0 to 1"), ("", (), "labels.json")],
)
def test_what_cannot_be_done_is_a_sentence(ask, labels, content, words, why):
    if content is not None:
        labels.write_text(content)
    code, said = ask(*words)
    assert code == (2 if words else 1)
    assert why in said["error"]


def test_a_file_without_times_has_no_picture_of_hours(ask, labels, tmp_path):
    labels.write_text(
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "a.jpg"}],
                "annotations": [{"image_id": 1, "category_id": 1}],
                "categories": [{"id": 1, "name": "fox"}],
            }
        )
    )
    _, said = ask("--plots", tmp_path / "plots")
    assert {path.rsplit("/")[-1] for path in said["plots"]} == {"species.png", "boxes.png"}


def test_the_account_of_the_file_is_in_the_result_and_its_warnings_come_first(tmp_path, capsys):
    path = tmp_path / "labels.csv"
    path.write_text("File,Species,Human present\n1.jpg,deer,yes\n2.jpg,Blank,\n3.jpg,,\n")

    assert cli.main(["labels", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert cli.main(["labels", str(path), "--json"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["labels_read"]

    assert "Human present" in lines[0]
    assert "labels.csv: 3 rows, of which 1 gave no label." in lines[1]
    assert account["important"] == ["Human present"]
    assert account["left_out"] == [{"reason": "rows without a species", "n": 1, "first": "row 4"}]
    assert account["said"] == lines[: len(account["said"])]


def test_photos_of_a_folder_and_of_the_labels_that_do_not_meet_are_counted(tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    for name in ("1.jpg", "9.jpg", "8.jpg"):
        Image.new("RGB", (8, 8)).save(tmp_path / "photos" / name)
    path = tmp_path / "labels.csv"
    path.write_text("File,Species\n1.jpg,deer\n2.jpg,fox\n")

    assert cli.main(["labels", str(path), "--images", str(tmp_path / "photos"), "--json"]) == 0
    (account,) = json.loads(capsys.readouterr().out)["labels_read"]

    assert (account["n_not_in_folder"], account["n_without_labels"]) == (1, 2)
