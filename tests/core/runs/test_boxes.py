"""Boxes from a file stand in for a detector, and what does not fit the photos is said."""

import json

import numpy as np
import pytest

from core.errors import AnomalureError, FileFormatError
from core.photos.reading import Listing, find_photos, read_photo
from core.records import Box, LoadedPhoto, Photo
from core.runs.boxes import BoxesFromFile


def listing(tmp_path, *names: str) -> Listing:
    return Listing(tmp_path / "season", names)


def loaded(name: str, *, width: int = 200, height: int = 100) -> LoadedPhoto:
    photo = Photo("0" * 32, name, "d", width, height, 1)
    return LoadedPhoto(photo, np.zeros((height, width, 3), dtype=np.uint8))


def write(tmp_path, content) -> object:
    path = tmp_path / "boxes.json"
    path.write_text(json.dumps(content))
    return path


def megadetector(**detections: list) -> dict:
    return {
        "info": {"format_version": "1.5"},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"7": "vole"},
        "images": [{"file": name.replace("__", "/") + ".jpg", "detections": some} for name, some in detections.items()],
    }


def coco(*boxes: list, width=None, height=None, name="a.jpg", category="vole") -> dict:
    image = {"id": 1, "file_name": name} | ({"width": width, "height": height} if width else {})
    annotations = [{"id": i, "image_id": 1, "category_id": 1, "bbox": box} for i, box in enumerate(boxes)]
    return {"images": [image], "annotations": annotations, "categories": [{"id": 1, "name": category}]}


def test_relative_boxes_are_scaled_to_the_photo_most_confident_first(tmp_path):
    content = megadetector(
        a=[
            {"category": "2", "conf": 0.4, "bbox": [0, 0, 0.5, 0.5]},
            {"category": "1", "conf": 0.9, "bbox": [0.25, 0.5, 0.5, 0.25], "classifications": [["7", 0.8]]},
            {"category": "1", "conf": 0.1, "bbox": [0, 0, 1, 1]},
        ]
    )
    boxes = BoxesFromFile(write(tmp_path, content), min_confidence=0.25, listing=listing(tmp_path, "a.jpg"))

    (found,) = boxes.detect([loaded("a.jpg")])

    assert [(d.detector_class, d.confidence) for d in found.detections] == [("vole", 0.9), ("person", 0.4)]
    assert found.detections[0].box == Box(50, 50, 100, 25)
    assert boxes.name == "boxes from boxes.json"
    assert boxes.problems == ()


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ({}, Box(20, 10, 40, 30)),
        ({"width": 200, "height": 100}, Box(20, 10, 40, 30)),
        ({"width": 400, "height": 400}, Box(10, 2.5, 20, 7.5)),
    ],
)
def test_boxes_in_pixels_follow_the_size_that_the_file_declares(tmp_path, size, expected):
    path = write(tmp_path, coco([20, 10, 40, 30], **size))

    (found,) = BoxesFromFile(path, min_confidence=0.9, listing=listing(tmp_path, "a.jpg")).detect([loaded("a.jpg")])

    assert [d.box for d in found.detections] == [expected]
    assert found.detections[0].confidence == 1.0  # the file has no confidences, so none is too small


def test_a_box_without_a_declared_size_that_misses_the_photo_is_counted(tmp_path):
    path = write(tmp_path, coco([500, 10, 40, 30], [180, 90, 40, 30]))
    boxes = BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))

    (found,) = boxes.detect([loaded("a.jpg")])

    assert [d.box for d in found.detections] == [Box(180, 90, 20, 10)]
    assert boxes.problems == ("1 boxes left out: they are outside their photo (the first: a.jpg)",)


def test_boxes_of_a_photo_on_its_side_are_left_out_and_counted(tmp_path):
    path = write(tmp_path, coco([20, 10, 40, 30], width=100, height=200))
    boxes = BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))

    assert boxes.detect([loaded("a.jpg")])[0].detections == ()
    assert "on its side" in boxes.problems[0]


def test_a_photo_that_is_almost_square_is_not_taken_for_one_on_its_side(tmp_path):
    path = write(tmp_path, coco([20, 10, 40, 30], width=224, height=225))
    boxes = BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))

    (found,) = boxes.detect([loaded("a.jpg", width=224, height=225)])

    assert [d.box for d in found.detections] == [Box(20, 10, 40, 30)]


def test_what_meets_no_partner_is_reported_both_ways(tmp_path):
    box = [{"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1]}]
    path = write(tmp_path, megadetector(season__a=box, train__b=box))
    boxes = BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg", "b.jpg", "c.jpg"))

    found = boxes.detect([loaded("a.jpg"), loaded("b.jpg"), loaded("c.jpg")])

    assert [len(f.detections) for f in found] == [1, 0, 0]
    assert boxes.only_in_file == ("train/b.jpg",)
    assert boxes.only_in_folder == ("b.jpg", "c.jpg")
    assert len(boxes.problems) == 2


def test_a_file_for_another_folder_is_refused(tmp_path):
    path = write(tmp_path, megadetector(other__x=[], other__y=[]))

    with pytest.raises(FileFormatError, match=r"None of the 2 photos.*other/x.jpg.*a.jpg"):
        BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))


def test_a_name_that_could_be_two_photos_is_refused(tmp_path):
    path = write(tmp_path, megadetector(x=[]))

    with pytest.raises(AnomalureError, match="could be the photo"):
        BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a/x.jpg", "b/x.jpg"))


def test_labels_without_boxes_are_refused(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("file_name,label\na.jpg,vole\n")

    with pytest.raises(FileFormatError, match="labels but no boxes"):
        BoxesFromFile(path, min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))


def test_a_file_in_which_the_detector_found_nothing_is_taken(tmp_path):
    boxes = BoxesFromFile(write(tmp_path, megadetector(a=[])), min_confidence=0.2, listing=listing(tmp_path, "a.jpg"))

    assert boxes.detect([loaded("a.jpg")])[0].detections == ()


@pytest.mark.parametrize(
    ("folder", "file", "n_boxes", "n_problems"),
    [
        ("wildlife/images/season", "wildlife/annotations.json", 610, 1),
        ("wildlife/images", "wildlife/annotations.json", 2057, 0),
        ("formats/ena24_small", "formats/ena24_small/coco_annotations.json", 21, 0),
        ("formats/ena24_small", "formats/ena24_small/md_annotations.json", 21, 0),
        ("formats/camtrap_dp", "formats/camtrap_dp/datapackage.json", 10, 2),
    ],
)
def test_real_files_meet_their_photos(shared_data, folder, file, n_boxes, n_problems):
    photos = find_photos(shared_data / folder)
    boxes = BoxesFromFile(shared_data / file, min_confidence=0.25, listing=photos)

    sizes = {}
    if "wildlife" in file:
        images = json.loads((shared_data / file).read_text())["images"]
        sizes = {image["file_name"].rsplit("/", 1)[-1]: (image["width"], image["height"]) for image in images}
    found = []
    for name in photos:
        if sizes:
            width, height = sizes[name.rsplit("/", 1)[-1]]
            found += boxes.detect([loaded(name, width=width, height=height)])
        else:
            found += boxes.detect([read_photo(photos.folder, name, deployment="", max_megapixels=99)])

    assert sum(len(f.detections) for f in found) == n_boxes
    assert len(boxes.problems) == n_problems
