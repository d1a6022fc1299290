"""Whatever a person has as labels can be trained on: folders by species, or boxes and species from two files."""

import json

import pytest

from core.errors import AnomalureError, FileFormatError
from core.formats.labelled import Label, LabelFile, LabelledPhoto
from core.labels.source import read_label_source
from core.labels.species_of_boxes import name_boxes
from core.records import Box

BOX, OTHER = Box(0.1, 0.1, 0.3, 0.3), Box(0.5, 0.5, 0.3, 0.3)


def detected(*classes: str) -> tuple[Label, ...]:
    return tuple(Label("", box, 0.9, name) for name, box in zip(classes, (BOX, OTHER), strict=False))


def named(boxes: tuple[Label, ...], *species: str) -> tuple[list[tuple[str, bool]], tuple[str, ...]]:
    """Species and whether it has a box, of one photo's labels; and the problems."""
    file = name_boxes(
        LabelFile((LabelledPhoto("cam/1.jpg", boxes, frame=(1.0, 1.0)),)),
        LabelFile((LabelledPhoto("1.jpg", tuple(map(Label, species)), event_id="e", split="train"),)),
    )
    photo = file.photos[0]
    return [(label.species, label.box is not None) for label in photo.labels], file.problems


def test_folders_by_species_label_their_photos_as_whole_crops(tmp_path, write_jpeg):
    for name in ("fox/1.jpg", "train/fox/north/2.jpg", "val/empty/3.jpg", "4.jpg"):
        write_jpeg(tmp_path / name)

    labels = read_label_source(tmp_path)

    photos = {photo.file_name: photo for photo in labels.photos}
    assert photos["fox/1.jpg"].labels == (Label("fox", Box(0, 0, 1, 1), None, "fox"),)
    assert (photos["train/fox/north/2.jpg"].split, photos["train/fox/north/2.jpg"].deployment) == ("train", "north")
    assert photos["train/fox/north/2.jpg"].labels[0].species == "fox"
    assert photos["val/empty/3.jpg"].labels == (Label("empty"),)
    assert "4.jpg" not in photos
    assert labels.problems == ("1 photos that are not in the folder of a species (the first: 4.jpg)",)


def test_a_folder_without_folders_by_species_is_said_to_be_so(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "1.jpg")

    with pytest.raises(FileFormatError, match=r"one folder for each species .*such as fox/1\.jpg; got 1 photos"):
        read_label_source(tmp_path)


def test_boxes_of_a_detector_get_the_species_that_a_person_gave_their_photo():
    assert named(detected("animal", "animal"), "fox") == ([("fox", True), ("fox", True)], ())


@pytest.mark.parametrize(
    ("classes", "species", "labels", "problem"),
    [
        (("animal", "person"), ("fox",), [("fox", True), ("person", True)], ""),
        (("animal", "animal"), ("fox", "badger"), [("", True), ("", True)], "several species"),
        (("animal",), (), [("", True)], "nobody has labelled"),
        (("animal",), ("empty",), [("empty", False)], "boxes in photos that somebody called empty"),
        ((), ("fox",), [("fox", False)], "labelled animals without a box"),
        ((), ("empty",), [("empty", False)], ""),
        (("person",), ("fox",), [("person", True), ("fox", False)], "labelled animals without a box"),
        (("animal",), ("Homo sapiens",), [("Homo sapiens", True)], ""),
        (("animal",), ("empty", "fox"), [("fox", True)], ""),
    ],
)
def test_what_cannot_be_told_apart_is_left_nameless_and_counted(classes, species, labels, problem):
    got, problems = named(detected(*classes), *species)

    assert got == labels
    assert bool(problems) == bool(problem)
    assert problem in " ".join(problems)


def test_event_and_split_come_from_the_labels_and_unknown_photos_are_counted():
    boxes = LabelFile((LabelledPhoto("cam/1.jpg", detected("animal"), frame=(1.0, 1.0)),), ("1 video",), "MegaDetector")
    species = LabelFile(
        (LabelledPhoto("1.jpg", (Label("fox"),), "north", None, "e7", "val"), LabelledPhoto("2.jpg", (Label("fox"),))),
        format_name="CSV",
    )

    file = name_boxes(boxes, species)

    photo = file.photos[0]
    assert (photo.deployment, photo.event_id, photo.split) == ("north", "e7", "val")
    assert file.problems == ("1 video", "1 labelled photos that the file of boxes does not name (the first: 2.jpg)")
    assert file.format_name == "MegaDetector with species from CSV"


def test_megadetector_with_a_csv_is_read_from_files(tmp_path):
    detections = [{"category": "1", "conf": 0.9, "bbox": [0.1, 0.1, 0.2, 0.2]}]
    content = {"images": [{"file": "a/1.jpg", "detections": detections}], "detection_categories": {"1": "animal"}}
    (tmp_path / "md.json").write_text(json.dumps(content))
    (tmp_path / "labels.csv").write_text("filepath,label\na/1.jpg,fox\n")

    labels = read_label_source(tmp_path, labels=tmp_path / "md.json", species=tmp_path / "labels.csv")

    assert [(one.species, one.confidence) for one in labels.photos[0].labels] == [("fox", 0.9)]


def test_a_broken_second_file_is_a_plain_sentence(tmp_path):
    (tmp_path / "md.json").write_text('{"images": [], "detection_categories": {}}')
    (tmp_path / "labels.csv").write_text("name;what\n")

    with pytest.raises(AnomalureError, match=r"labels\.csv"):
        read_label_source(tmp_path, labels=tmp_path / "md.json", species=tmp_path / "labels.csv")
