"""Labelled photos are read ahead, but no more of them than the memory holds."""

import threading

import pytest

from core.formats.labelled import LabelledPhoto
from core.labels import crops
from core.labels.species_folders import read_species_folders


@pytest.mark.parametrize(("megapixels", "most"), [(1.0, crops.READ_AHEAD), (24.0, 2), (100.0, 1)])
def test_fewer_large_photos_are_read_ahead(megapixels, most):
    started = finished = seen = 0
    lock = threading.Lock()

    def read(photo):
        nonlocal started
        with lock:
            started += 1
        return photo, None

    for photo, _ in crops._read_ahead(read, [LabelledPhoto(f"{i}.jpg") for i in range(30)], lambda photo: megapixels):
        assert photo.file_name == f"{finished}.jpg"
        finished += 1
        with lock:
            seen = max(seen, started - finished + 1)

    assert finished == 30
    assert seen <= most


def test_pictures_that_are_not_read_are_named_where_folders_say_the_species(tmp_path, write_jpeg):
    write_jpeg(tmp_path / "fox" / "1.jpg")
    (tmp_path / "fox" / "2.HEIC").write_bytes(b"x")
    (tmp_path / "fox" / "notes.txt").write_bytes(b"x")

    assert read_species_folders(tmp_path).problems == ("1 .heic passed over (the first: fox/2.HEIC)",)
