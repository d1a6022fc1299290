"""Labels meet their own photos: a table's folders count, and other names are tried."""

from pathlib import Path

import pytest

from core.formats.account import Problems
from core.formats.labelled import LabelledPhoto
from core.labels.meeting import meet_photos

CAM1 = Path("study") / "cam1"


def meet(photos, ours, folder):
    problems = Problems()
    return meet_photos(photos, ours, folder=folder, problems=problems), problems.lines()


@pytest.mark.parametrize(
    ("name", "n_sure", "ours", "folder", "meets"),
    [
        ("cam1/IMG_1.JPG", 1, "IMG_1.JPG", CAM1, True),
        ("cam2/IMG_1.JPG", 1, "IMG_1.JPG", CAM1, False),
        ("C:/study/cam2/IMG_1.JPG", 1, "IMG_1.JPG", CAM1, False),
        ("C:/elsewhere/cam1/IMG_1.JPG", 1, "IMG_1.JPG", CAM1, True),
        ("C:/elsewhere/cam1/IMG_1.JPG", 1, "cam1/IMG_1.JPG", Path("copy"), True),
        ("cam2/100RECNX/IMG_1.JPG", 2, "IMG_1.JPG", CAM1 / "100RECNX", False),
        ("cam2/100RECNX/IMG_1.JPG", 2, "100RECNX/IMG_1.JPG", CAM1, False),
        ("CAM1\\100RECNX\\IMG_1.JPG", 2, "100RECNX/IMG_1.JPG", CAM1, True),
    ],
)
def test_a_row_with_a_column_of_folders_meets_no_photo_of_another_folder(name, n_sure, ours, folder, meets):
    met, problems = meet([LabelledPhoto(name, n_sure_folders=n_sure)], [ours], folder)

    assert met == ({name: ours} if meets else {})
    assert problems == ()


def test_with_both_cameras_each_row_meets_its_own():
    photos = [LabelledPhoto(f"cam{n}/IMG_1.JPG", n_sure_folders=1) for n in (1, 2, 3)]

    met, _ = meet(photos, ["cam1/IMG_1.JPG", "cam2/IMG_1.JPG"], Path("study"))

    assert met == {"cam1/IMG_1.JPG": "cam1/IMG_1.JPG", "cam2/IMG_1.JPG": "cam2/IMG_1.JPG"}


@pytest.mark.parametrize(
    ("name", "ours", "folder"),
    [("cam2/IMG_1.JPG", "IMG_1.JPG", CAM1), ("cam2/DCIM/100RECNX/IMG_1.JPG", "IMG_1.JPG", CAM1 / "DCIM" / "100RECNX")],
)
def test_a_folder_that_may_have_been_renamed_is_said(name, ours, folder):
    met, problems = meet([LabelledPhoto(name)], [ours], folder)

    assert met == {name: ours}
    assert problems == (
        f"1 photos in a folder that has another name in the labels (the first: {name} is taken for {ours})",
    )


def test_folders_that_every_camera_makes_do_not_tell_cameras_apart():
    photos = [LabelledPhoto(f"cam{n}/100RECNX/IMG_1.JPG") for n in (1, 2)]

    assert meet(photos, ["IMG_1.JPG"], CAM1 / "100RECNX")[0] == {"cam1/100RECNX/IMG_1.JPG": "IMG_1.JPG"}


def test_a_photo_is_found_by_the_other_names_that_it_may_have():
    photos = [LabelledPhoto("d1/IMG_1.JPG", other_names=("x.org/7/IMG_1.JPG", "uuid-0001.JPG")), LabelledPhoto("a.jpg")]

    assert meet(photos, ["a.jpg", "UUID-0001.jpg"], CAM1)[0] == {"a.jpg": "a.jpg", "d1/IMG_1.JPG": "UUID-0001.jpg"}
    assert meet(photos, ["b.jpg"], CAM1)[0] == {}


def test_a_bare_name_of_one_deployment_is_no_photo_in_the_folder_of_another():
    photos = [LabelledPhoto("IMG_1.JPG", deployment="cam1"), LabelledPhoto("IMG_2.JPG", deployment="cam2")]

    met, problems = meet(photos, ["cam2/100RECNX/IMG_1.JPG", "cam2/100RECNX/IMG_2.JPG"], Path("study"))

    assert met == {"IMG_2.JPG": "cam2/100RECNX/IMG_2.JPG"}
    assert problems == (
        "1 photos that are in the folder of another deployment than the labels say "
        "(the first: IMG_1.JPG, cam2/100RECNX/IMG_1.JPG)",
    )


def test_deployments_that_name_no_folder_tell_nothing():
    photos = [LabelledPhoto("IMG_1.JPG", deployment="north ridge"), LabelledPhoto("IMG_2.JPG", deployment="creek")]

    met, problems = meet(photos, ["a/IMG_1.JPG", "b/IMG_2.JPG"], Path("study"))

    assert met == {"IMG_1.JPG": "a/IMG_1.JPG", "IMG_2.JPG": "b/IMG_2.JPG"}
    assert problems == ()
