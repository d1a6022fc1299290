"""A YOLO dataset that teaches nothing wrong."""

import pytest
import yaml

from core.errors import AnomalureError
from core.formats.labelled import Label, LabelledPhoto
from core.labels.yolo import write_yolo_dataset
from core.records import Box
from core.settings.run import RunSettings

BOX = Label("fox", Box(20, 10, 40, 30))


@pytest.fixture
def folder(tmp_path, write_jpeg):
    for number in range(10):
        write_jpeg(tmp_path / "photos" / f"{number}.jpg", seed=number, size=(100, 50))
    return tmp_path / "photos"


def photo(number, *labels, event="", split=""):
    return LabelledPhoto(f"{number}.jpg", labels, event_id=event or f"e{number}", split=split, frame=(100, 50))


def write(photos, folder, out, **options):
    return write_yolo_dataset(photos, folder, out, settings=RunSettings(), **options)


def test_photos_and_boxes_stand_side_by_side_as_ultralytics_wants_them(folder, tmp_path):
    made = write([photo(n, BOX, event=f"e{n // 2}") for n in range(10)], folder, tmp_path / "out", val_share=0.2)

    assert (made.n_photos, made.n_boxes) == ({"train": 8, "val": 2}, {"train": 8, "val": 2})
    assert yaml.safe_load(made.plan.read_text()) == {
        "train": "images/train",
        "val": "images/val",
        "names": {0: "animal"},
    }
    for side, n in made.n_photos.items():
        images = sorted(path.stem for path in (made.folder / "images" / side).iterdir())
        labels = sorted((made.folder / "labels" / side).iterdir())
        assert images == [path.stem for path in labels]
        assert len(images) == n
        assert {path.read_text() for path in labels} == {"0 0.400000 0.500000 0.400000 0.600000\n"}


def test_classes_can_be_the_species_and_an_empty_photo_has_no_box(folder, tmp_path):
    badger = Label("badger", Box(0, 0, 10, 10))
    made = write([photo(0, BOX), photo(1, badger), photo(2, Label("empty"))], folder, tmp_path / "out", by_species=True)

    assert made.class_names == ("badger", "fox")
    texts = [path.read_text() for path in made.folder.rglob("*.txt")]
    assert sorted(texts) == ["", "0 0.050000 0.100000 0.100000 0.200000\n", "1 0.400000 0.500000 0.400000 0.600000\n"]


def test_what_would_teach_something_wrong_is_left_out_and_counted(folder, tmp_path):
    photos = [
        photo(0, BOX),
        photo(1, BOX),
        photo(2, Label("fox")),
        photo(3),
        photo(4, Label("", Box(1, 1, 5, 5))),
        LabelledPhoto("gone.jpg", (BOX,)),
    ]
    made = write(photos, folder, tmp_path / "out", by_species=True)

    assert sum(made.n_photos.values()) == 2
    assert [line.split(" (")[0] for line in made.problems] == [
        "1 photos without any label",
        "1 photos that are not in the folder",
        "1 photos with an animal that has no box",
        "1 photos with a box that has no species",
    ]


def test_a_split_in_the_labels_holds(folder, tmp_path):
    made = write([photo(n, BOX, split="val" if n < 3 else "train") for n in range(6)], folder, tmp_path / "out")

    assert made.n_photos == {"train": 3, "val": 3}


@pytest.mark.parametrize(
    ("photos", "options", "message"),
    [
        ([photo(0, Label("empty"))], {}, "No photo has a box"),
        ([photo(0, BOX, event="e"), photo(1, BOX, event="e")], {}, "all of one event"),
        ([photo(0, BOX), photo(1, BOX)], {"val_share": 0.0}, "over 0 and under 1, got 0"),
        ([photo(0, BOX), photo(1, BOX)], {"out": "photos"}, "is not an empty folder"),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_left(folder, tmp_path, photos, options, message):
    before = sorted(folder.parent.rglob("*"))
    out = tmp_path / options.pop("out", "out")

    with pytest.raises(AnomalureError, match=message):
        write(photos, folder, out, **options)

    assert sorted(folder.parent.rglob("*")) == before


def test_an_animal_without_a_usable_box_does_not_become_an_empty_photo(folder, tmp_path):
    weak = Label("fox", Box(20, 10, 40, 30), 0.05, "animal")
    photos = [
        photo(0, BOX),
        photo(1, BOX),
        photo(2, weak),
        photo(3, BOX, Label("fox")),  # the species of the photo and its box: one animal
        photo(4, Label("", Box(20, 10, 40, 30), 0.05, "animal")),
        LabelledPhoto("5.jpg", (BOX,), event_id="e5", frame=(100, 50), is_incomplete=True),
    ]

    made = write(photos, folder, tmp_path / "out")

    assert (sum(made.n_photos.values()), sum(made.n_boxes.values())) == (4, 3)
    assert [line.split(" (")[0] for line in made.problems] == [
        "1 photos with a label that cannot be used",
        "2 boxes under the least confidence of 0.25",
        "1 photos with an animal that has no box",
    ]


def test_people_are_no_animals(folder, tmp_path):
    person = Label("person", Box(0, 0, 10, 10))

    made = write([photo(0, BOX), photo(1, BOX, person)], folder, tmp_path / "out")

    assert made.class_names == ("animal", "person")
