"""Photos are found in folders of folders, and what is passed over is counted."""

import os
from pathlib import Path

import pytest

from core.errors import AnomalureError, PhotoUnreadable
from core.photos import reading as photos
from core.photos.reading import find_photos
from tests.fakes.photo_files import make, read

# Pillow says twice what it thinks of damaged metadata.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def test_photos_in_folders_of_folders_are_found_in_natural_order(tmp_path):
    make(tmp_path, "cam2/IMG_10.JPG", "cam2/IMG_2.jpg", "cam10/a.Png", "b.webp", "c.TIFF", "d.tif", "e.jpeg")

    assert find_photos(tmp_path).file_names == (
        "b.webp",
        "c.TIFF",
        "cam2/IMG_2.jpg",
        "cam2/IMG_10.JPG",
        "cam10/a.Png",
        "d.tif",
        "e.jpeg",
    )


def test_folders_stay_together_whatever_signs_their_names_have(tmp_path):
    make(
        tmp_path,
        "a-b/1.jpg",
        "a/1.jpg",
        "A/2.jpg" if os.name != "nt" else "a/2.jpg",
        "a b/1.jpg",
        "007/1.jpg",
        "7/1.jpg",
    )

    names = [name.casefold() for name in find_photos(tmp_path)]

    assert names == ["007/1.jpg", "7/1.jpg", "a/1.jpg", "a/2.jpg", "a b/1.jpg", "a-b/1.jpg"]


@pytest.mark.parametrize(
    ("path", "marked"),
    [
        ("C:\\photos\\a.jpg", "C:\\photos\\a.jpg"),
        ("C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
        ("\\\\nas\\" + "x" * 300, "\\\\?\\UNC\\nas\\" + "x" * 300),
        ("\\\\?\\C:\\" + "x" * 300, "\\\\?\\C:\\" + "x" * 300),
    ],
)
def test_long_windows_paths_are_marked(path, marked):
    assert photos.lengthen_windows_path(path) == marked


def test_what_is_passed_over_is_counted(tmp_path):
    make(tmp_path, "a.jpg", "b.MP4", "c.mp4", "notes.txt", "README", "._a.jpg", ".hidden/x.jpg", "@eaDir/thumb.jpg")

    listing = find_photos(tmp_path)

    assert list(listing) == ["a.jpg"]
    assert listing.passed_over == {
        ".mp4": 2,
        ".txt": 1,
        "file without extension": 1,
        "hidden file": 1,
        "hidden folder": 2,
    }
    assert listing.describe_passed_over().startswith("2 .mp4, 2 hidden folders, 1 .txt")


def test_a_folder_named_like_a_photo_is_a_folder(tmp_path):
    make(tmp_path, "a.jpg/real.jpg")

    assert find_photos(tmp_path).file_names == ("a.jpg/real.jpg",)
    with pytest.raises(PhotoUnreadable, match="folder"):
        read(tmp_path / "a.jpg")


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_links_that_go_in_circles_list_each_photo_once(tmp_path):
    make(tmp_path, "a/photo.jpg")
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "0-before-a").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")

    listing = find_photos(tmp_path)

    assert listing.file_names == ("a/photo.jpg",)
    assert listing.passed_over == {"broken link": 1}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no names that are not text")
def test_a_name_that_is_not_text_is_counted_and_not_stored(tmp_path):
    make(tmp_path, "good.jpg")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/bad\xe9.jpg")).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system takes text only")

    assert find_photos(tmp_path).passed_over == {"name that is not valid text": 1}


def test_a_folder_without_permission_is_counted_and_the_others_are_listed(tmp_path, monkeypatch):
    make(tmp_path, "a/1.jpg", "locked/2.jpg")
    scan = os.scandir

    def refuse(path):
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(photos.os, "scandir", refuse)

    assert find_photos(tmp_path).file_names == ("a/1.jpg",)
    assert find_photos(tmp_path).passed_over == {"unreadable folder": 1}
    with pytest.raises(AnomalureError, match="cannot be read: Permission denied"):
        find_photos(tmp_path / "locked")


@pytest.mark.parametrize(
    ("names", "folder", "said"),
    [
        ((), "missing", "There is no folder"),
        (("file.jpg",), "file.jpg", "is a file"),
        ((), ".", "it is empty"),
        (("film.mp4",), ".", "passed over: 1 .mp4"),
    ],
)
def test_a_folder_that_cannot_be_used_is_said_plainly(tmp_path, names, folder, said):
    make(tmp_path, *names)

    with pytest.raises(AnomalureError, match=said):
        find_photos(tmp_path / folder)
