"""COCO is read as it is, and what cannot be used is counted with its reason."""

from datetime import datetime

import pytest

from core.formats.labelled import Label, LabelledPhoto
from core.formats.recognise import read_labels
from core.records import Box
from tests.fakes.label_files import CATEGORIES, IMAGE, coco, write


def test_coco_camera_traps_gives_boxes_times_places_and_splits(tmp_path):
    image = IMAGE | {"location": 12, "datetime": "2011-05-13 23:43:18", "seq_id": "s7", "split": "train"}
    annotations = [
        {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5},
        {"id": 2, "image_id": "i1", "category_id": 1, "sequence_level_annotation": True},
    ]

    file = read_labels(write(tmp_path, coco([image, {"id": "i2", "file_name": "a/2.jpg"}], annotations)))

    assert (file.format_name, file.problems, file.n_boxes) == ("COCO", (), 1)
    assert file.photos == (
        LabelledPhoto(
            "a/1.jpg",
            (Label("vole", Box(10, 20, 30, 40), 0.5, "vole"), Label("vole", None, None, "vole", of_event=True)),
            deployment="12",
            captured_at=datetime(2011, 5, 13, 23, 43, 18),
            event_id="s7",
            split="train",
            frame=(200.0, 100.0),
        ),
        LabelledPhoto("a/2.jpg"),
    )


def test_an_empty_photo_has_a_label_without_a_box(tmp_path):
    file = read_labels(write(tmp_path, coco([IMAGE], [{"id": 1, "image_id": "i1", "category_id": 0}])))

    (label,) = file.photos[0].labels
    assert label.is_empty
    assert label.box is None


@pytest.mark.parametrize(
    ("bbox", "kept", "said"),
    [
        ([-20, 50, 100, 100], Box(0, 50, 80, 50), "1 annotations whose box extended over the photo's edge and was cut"),
        ([150, 10, 50.4, 20], Box(150, 10, 50, 20), ""),  # rounding is no problem worth a word
        ([300, 10, 20, 20], None, "1 annotations whose box lies outside the photo (the first: id 1)"),
        ([10, 10, -20, 20], None, "1 annotations whose box has no size"),
        ([10, 10, 0, 20], None, "1 annotations whose box has no size"),
        ([10, 10, float("nan"), 20], None, "1 annotations whose box is not four numbers"),
        ([10, 10, float("inf"), 20], None, "1 annotations whose box is not four numbers"),
        ([10, 10, 20], None, "1 annotations whose box is not four numbers"),
        (["10", "10", "20", "20"], None, "1 annotations whose box is not four numbers"),
        ({"x": 10}, None, "1 annotations whose box is not four numbers"),
    ],
)
def test_a_box_that_does_not_fit_is_cut_or_left_out_and_counted(tmp_path, bbox, kept, said):
    path = write(tmp_path, coco([IMAGE], [{"id": 1, "image_id": "i1", "category_id": 1, "bbox": bbox}]))

    file = read_labels(path)

    assert [label.box for label in file.photos[0].labels] == ([kept] if kept else [])
    assert len(file.problems) == bool(said)
    assert all(problem.startswith(said) for problem in file.problems)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (coco([IMAGE], [{"id": 5, "image_id": "zz", "category_id": 1}]), "annotations of images that are not in"),
        (coco([IMAGE], [{"id": 5, "image_id": ["i1"], "category_id": 1}]), "annotations of images that are not in"),
        (coco([IMAGE], [{"id": 5, "image_id": "i1", "category_id": 9}]), "annotations of categories that are not"),
        (coco([IMAGE], [{"id": 5, "image_id": "i1"}]), "annotations of categories that are not"),
        (coco([IMAGE], ["vole"]), "annotations that are not objects"),
        (coco([IMAGE, {"id": "i2"}]), "images without a file_name"),
        (coco([IMAGE, {"file_name": "b.jpg"}]), "images without an id"),
        (coco([IMAGE | {"datetime": "soon"}]), "images whose date or time cannot be read (the first: a/1.jpg: soon)"),
        (coco([IMAGE], categories=[*CATEGORIES, {"id": 3}]), "categories without an id or a name"),
        (coco([IMAGE], categories=[*CATEGORIES, {"id": 1, "name": "x"}]), "categories whose id another category"),
        (coco([IMAGE, IMAGE | {"id": "i2"}]), "photos that the file names again"),
    ],
)
def test_what_cannot_be_used_of_a_coco_file_is_counted(tmp_path, content, said):
    file = read_labels(write(tmp_path, content))

    assert file.photos[0].file_name == "a/1.jpg"
    assert [problem for problem in file.problems if problem.startswith(f"1 {said}")]


def test_labels_of_a_photo_that_is_named_twice_are_put_together(tmp_path):
    one = {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [1, 1, 5, 5]}
    other = {"id": 2, "image_id": "i2", "category_id": 1, "bbox": [9, 9, 5, 5]}

    file = read_labels(write(tmp_path, coco([IMAGE, IMAGE | {"id": "i2"}], [one, other])))

    assert len(file.photos) == 1
    assert len(file.photos[0].labels) == 2


@pytest.mark.parametrize("width", [0, -5, "200", None, float("nan"), True])
def test_a_size_that_makes_no_sense_is_not_a_size(tmp_path, width):
    assert read_labels(write(tmp_path, coco([IMAGE | {"width": width}]))).photos[0].frame is None


def labelled(tmp_path, *annotations, image=IMAGE):
    """The labels of one photo, and the problems."""
    content = coco([image], [{"id": n, "image_id": "i1", "category_id": 1} | one for n, one in enumerate(annotations)])
    file = read_labels(write(tmp_path, content))
    return [label.box for label in file.photos[0].labels], file.problems


@pytest.mark.parametrize(
    ("annotation", "box"),
    [
        ({"segmentation": [[50, 50, 120, 50, 120, 80, 50, 80]]}, Box(50, 50, 70, 30)),
        ({"segmentation": [[50, 50, 60, 50, 60, 60], [80, 20, 90, 20, 90, 30]]}, Box(50, 20, 40, 40)),
        ({"segmentation": [50, 50, 120, 50, 120, 80]}, Box(50, 50, 70, 30)),
        ({"segmentation": {"size": [4, 4], "counts": [5, 2, 2, 2, 5]}}, Box(1, 1, 2, 2)),
        ({"segmentation": {"size": [4, 4], "counts": "52203"}}, Box(1, 1, 2, 2)),
        ({"bbox": [0, 0, 0, 0], "segmentation": [[50, 50, 120, 50, 120, 80]]}, Box(50, 50, 70, 30)),
        ({"bbox": [1, 2, 30, 4], "segmentation": [[50, 50, 120, 50, 120, 80]]}, Box(1, 2, 30, 4)),
        ({"segmentation": []}, None),
        ({"segmentation": [[1, 2]]}, None),
        ({"segmentation": {"size": [4, 4], "counts": "~~"}}, None),
        ({"segmentation": {"size": [4], "counts": [1]}}, None),
        ({}, None),
    ],
)
def test_an_outline_without_a_box_has_its_extent(tmp_path, annotation, box):
    boxes, said = labelled(tmp_path, annotation)

    assert boxes == [box]
    is_unread = box is None and bool(annotation.get("segmentation"))
    assert ["whose outline cannot be read" in one for one in said] == [True] * is_unread


def test_boxes_in_shares_of_the_photo_are_told_from_pixels(tmp_path):
    assert labelled(tmp_path, {"bbox": [0.1, 0.2, 0.3, 0.4]}) == ([Box(0.1, 0.2, 0.3, 0.4)], ())
    mixed, problems = labelled(tmp_path, {"bbox": [0.1, 0.2, 0.3, 0.4]}, {"bbox": [10, 20, 30, 40]})
    assert mixed == [Box(10, 20, 30, 40)]
    assert problems[0].startswith("1 annotations whose box is smaller than a pixel")


def test_what_an_id_of_several_images_says_is_left_out_and_counted(tmp_path):
    images = [{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}, {"id": 2, "file_name": "c.jpg"}]
    annotations = [{"id": n, "image_id": 1 + n // 2, "category_id": 1, "bbox": [1, 1, 9, 9]} for n in range(3)]

    file = read_labels(write(tmp_path, coco(images, annotations)))

    labels = {photo.file_name: (len(photo.labels), photo.is_incomplete) for photo in file.photos}
    assert labels == {"c.jpg": (1, False), "a.jpg": (0, True), "b.jpg": (0, True)}
    assert "2 annotations of an id that several images have (the first: id 0)" in file.problems


def test_a_photo_of_which_a_label_cannot_be_used_is_not_known_in_full(tmp_path):
    whole = {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [10, 10, 20, 20]}
    for broken in ({"bbox": [300, 10, 20, 20]}, {"category_id": 77}):
        content = coco([IMAGE], [whole, whole | {"id": 2} | broken])
        assert read_labels(write(tmp_path, content)).photos[0].is_incomplete


def test_the_dates_of_a_file_say_together_whether_the_day_comes_first(tmp_path):
    images = [IMAGE | {"id": n, "file_name": f"{n}.jpg", "datetime": f"{n}/05/2026 18:10"} for n in (1, 13)]

    assert read_labels(write(tmp_path, coco(images))).photos[0].captured_at == datetime(2026, 5, 1, 18, 10)


def test_an_address_is_the_path_behind_it(tmp_path):
    image = IMAGE | {"file_name": "https://storage.example.org/cam%201/IMG_1.jpg?signature=x"}

    assert read_labels(write(tmp_path, coco([image]))).photos[0].file_name == "storage.example.org/cam 1/IMG_1.jpg"


@pytest.mark.parametrize(("n", "is_said"), [(5, True), (4, False)])
def test_boxes_that_may_be_two_corners_are_named(tmp_path, n, is_said):
    annotations = [{"id": i, "image_id": "i1", "category_id": 1, "bbox": [10, 5, 60 + i, 30]} for i in range(n)]

    problems = read_labels(write(tmp_path, coco([IMAGE], annotations))).problems

    assert any("may be two corners" in one for one in problems) is is_said


def test_herds_that_are_one_box_are_named(tmp_path):
    one = {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [10, 5, 60, 30], "iscrowd": 1}

    assert "annotations[].iscrowd" in read_labels(write(tmp_path, coco([IMAGE], [one]))).problems[0]


def test_annotations_that_somebody_rejected_are_named(tmp_path):
    one = {"id": 1, "image_id": "i1", "category_id": 1, "status": "rejected"}

    assert "“annotations[].status” is rejected" in read_labels(write(tmp_path, coco([IMAGE], [one]))).problems[0]
