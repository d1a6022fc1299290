"""A folder whose disk goes away is not taken for a folder without photos."""

import os
import shutil

import pytest

from core.errors import AnomalureError, FolderGone, PhotoFileUnreadable
from core.photos.reading import find_photos
from core.photos.source import PhotoSource


@pytest.fixture
def card(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "card" / "a" / "1.jpg")
    write_jpeg(tmp_path / "card" / "b" / "2.jpg")
    return tmp_path / "card"


def read(source, name):
    return source.read(name, deployment="", max_megapixels=10).photo.file_name


def test_a_photo_that_is_gone_from_a_folder_that_is_there_is_only_one_photo(card):
    source = PhotoSource(card, ["a/1.jpg", "b/2.jpg"])
    shutil.rmtree(card / "a")

    with pytest.raises(PhotoFileUnreadable, match="has disappeared"):
        read(source, "a/1.jpg")
    assert read(source, "b/2.jpg") == "b/2.jpg"


def test_a_folder_that_is_gone_or_may_not_be_read_is_said(card, monkeypatch):
    source = PhotoSource(card)
    card.rename(card.with_name("away"))

    with pytest.raises(FolderGone, match=r"cannot be read: it is not there\. Connect its disk or network drive again"):
        read(source, "a/1.jpg")
    with pytest.raises(FolderGone):
        PhotoSource(card)


@pytest.mark.parametrize("number", [5, 103, 112, 116])
def test_an_error_of_the_disk_is_said_in_words(card, monkeypatch, number):
    source = PhotoSource(card)
    error = OSError(number, os.strerror(number))

    def fail(*words, **options):
        raise error

    monkeypatch.setattr("core.photos.source.os.scandir", fail)

    with pytest.raises(FolderGone, match=os.strerror(number)[1:]):
        source.check()


def test_a_disk_that_goes_away_while_the_folder_is_listed_leaves_no_shorter_list(card, monkeypatch):
    scan = os.scandir

    def pull_out(place):
        if str(place).endswith("b"):
            card.rename(card.with_name("away"))
        return scan(place)

    monkeypatch.setattr(os, "scandir", pull_out)

    with pytest.raises(AnomalureError, match="went away while it was listed"):
        find_photos(card)
