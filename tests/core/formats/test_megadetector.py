"""MegaDetector's file is read as it is, and what cannot be used is counted with its reason."""

import pytest

from core.formats.labelled import Label
from core.formats.recognise import read_labels
from core.records import Box
from tests.fakes.label_files import megadetector, write


@pytest.mark.parametrize("version", ["1.0", "1.3", "1.5"])
def test_megadetector_gives_relative_boxes_and_the_likeliest_species(tmp_path, version):
    image = {
        "file": "cam\\1.jpg",
        "max_detection_conf": 0.9,
        "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4], "classifications": [["3", 0.2], ["0", 0.7]]},
            {"category": "2", "conf": 0.05, "bbox": [0, 0, 1, 1.001]},
        ],
    }

    file = read_labels(write(tmp_path, megadetector(image, {"file": "2.jpg", "detections": []}, version=version)))

    assert (file.format_name, file.problems) == ("MegaDetector", ())
    assert file.photos[0].labels == (
        Label("fox", Box(0.1, 0.2, 0.3, 0.4), 0.9, "animal", 0.7),
        Label("", Box(0, 0, 1, 1), 0.05, "person"),
    )
    assert file.photos[0].box_px(Box(0.1, 0.2, 0.3, 0.4), width_px=100, height_px=50) == Box(10, 10, 30, 20)
    assert file.photos[1].labels == ()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"file": "x.jpg", "failure": "Failure image access", "detections": None}, "Failure image access"),
        ({"file": "x.jpg", "detections": None}, "photos without a list of detections"),
        ({"file": "x.mp4", "frame_rate": 20, "frames_processed": [0], "detections": []}, "videos"),
        ({"detections": []}, "entries without a file"),
        ("x.jpg", "entries without a file"),
    ],
)
def test_a_photo_that_the_detector_could_not_read_does_not_look_empty(tmp_path, image, said):
    file = read_labels(write(tmp_path, megadetector({"file": "ok.jpg", "detections": []}, image)))

    assert [photo.file_name for photo in file.photos] == ["ok.jpg"]
    assert said in file.problems[0]


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"category": "9", "conf": 0.5, "bbox": [0, 0, 1, 1]}, "detections of categories that are not in the file"),
        ({"category": "1", "conf": None, "bbox": [0, 0, 1, 1]}, "whose conf is not a number from 0 to 1"),
        ({"category": "1", "conf": 7, "bbox": [0, 0, 1, 1]}, "whose conf is not a number from 0 to 1"),
        ({"category": "1", "conf": 0.5, "bbox": [0, 0, 1]}, "whose box is not four numbers"),
        ({"category": "1", "conf": 0.5, "bbox": [10, 20, 30, 40]}, "whose box lies outside the photo"),
        ("animal", "detections that are not objects"),
    ],
)
def test_a_detection_that_cannot_be_used_is_counted(tmp_path, detection, said):
    file = read_labels(write(tmp_path, megadetector({"file": "1.jpg", "detections": [detection]})))

    assert file.photos[0].labels == ()
    assert said in file.problems[0]


def test_a_classification_that_is_not_known_leaves_the_detection(tmp_path):
    detection = {"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1], "classifications": [["8", 0.9], ["0"], None]}

    file = read_labels(write(tmp_path, megadetector({"file": "1.jpg", "detections": [detection]})))

    assert file.photos[0].labels == (Label("", Box(0, 0, 1, 1), 0.5, "animal"),)
    assert file.problems[0].startswith("3 classifications")
