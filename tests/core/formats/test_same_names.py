"""Every camera has an IMG_0001: labels never land on a photo of the same name that they do not mean."""

import pytest

from core.formats.labelled import SEVERAL_OF_ONE_NAME
from core.formats.recognise import read_labels
from tests.fakes.label_files import coco, write


def animal_and_empty(*more):
    images = [{"id": n, "file_name": "IMG_1.JPG", "width": 200, "height": 100} | one for n, one in enumerate(more)]
    return coco(
        images,
        [
            {"id": 1, "image_id": 0, "category_id": 1, "bbox": [10, 20, 30, 40]},
            {"id": 2, "image_id": 1, "category_id": 0},
        ],
    )


def test_in_coco_the_location_tells_images_of_one_name_apart(tmp_path):
    file = read_labels(write(tmp_path, animal_and_empty({"location": "cam1"}, {"location": "cam2"})))

    assert [(p.file_name, p.n_sure_folders, [one.species for one in p.labels]) for p in file.photos] == [
        ("cam1/IMG_1.JPG", 1, ["vole"]),
        ("cam2/IMG_1.JPG", 1, ["empty"]),
    ]
    assert file.problems == ()


@pytest.mark.parametrize(
    "more",
    [({"datetime": "2026-05-01 10:00:00"}, {"datetime": "2026-06-01 10:00:00"}), ({"seq_id": "a"}, {"seq_id": "b"})],
)
def test_in_coco_images_of_one_name_and_other_times_are_left_out_and_counted(tmp_path, more):
    file = read_labels(write(tmp_path, animal_and_empty(*more)))

    (photo,) = file.photos
    assert (photo.labels, photo.is_empty, photo.is_incomplete) == ((), False, True)
    assert file.problems == (f"1 {SEVERAL_OF_ONE_NAME} (the first: IMG_1.JPG)",)


@pytest.mark.parametrize(
    "rows",
    [
        "file,species,DateTime\nIMG_1.JPG,fox,2026-05-01 10:00:00\nIMG_1.JPG,empty,2026-06-01 10:00:00\n",
        "file,species,event_id\nIMG_1.JPG,fox,1\nIMG_1.JPG,empty,2\n",
    ],
)
def test_rows_of_one_name_and_other_times_are_left_out_and_counted(tmp_path, rows):
    file = read_labels(write(tmp_path, rows, "labels.csv"))

    (photo,) = file.photos
    assert (photo.labels, photo.is_incomplete) == ((), True)
    assert file.problems == (f"1 {SEVERAL_OF_ONE_NAME} (the first: IMG_1.JPG, row 2)",)


def test_several_rows_about_one_photo_stay_together(tmp_path):
    rows = "file,species,DateTime\n1.jpg,fox,2026-05-01 10:00:00\n1.jpg,hare,2026-05-01 10:00:00\n1.jpg,owl,\n"

    file = read_labels(write(tmp_path, rows, "labels.csv"))

    assert [label.species for photo in file.photos for label in photo.labels] == ["fox", "hare", "owl"]
    assert file.problems == ()
