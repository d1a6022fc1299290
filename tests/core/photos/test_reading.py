"""Photos are read with their facts, and what cannot be used is said in plain words."""

import os
from datetime import datetime

import numpy as np
import pytest
from PIL import Image

from core.errors import PhotoUnreadable
from core.photos.reading import find_photos, read_photo
from core.records import hash_content
from tests.fakes.photo_files import HALVES, make, read, save

# Pillow says twice what it thinks of damaged metadata.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")


def test_a_photo_comes_with_its_time_camera_size_and_hash(tmp_path, write_jpeg):
    path = write_jpeg(tmp_path / "IMG_1.JPG", taken_at="2024:05:03 06:12:10", make="RECONYX\0\0", model="HC550  ")

    loaded = read(path)

    assert loaded.pixels.shape == (48, 64, 3)
    assert loaded.pixels.dtype == np.uint8
    photo = loaded.photo
    assert (photo.photo_id, photo.size_bytes) == (hash_content(path.read_bytes()), path.stat().st_size)
    assert (photo.file_name, photo.deployment) == ("IMG_1.JPG", "north")
    assert (photo.width_px, photo.height_px) == (64, 48)
    assert (photo.captured_at, photo.camera_make, photo.camera_model) == (
        datetime(2024, 5, 3, 6, 12, 10),
        "RECONYX",
        "HC550",
    )
    assert photo.note == ""


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({0x9003: "2024:05:03 06:12:10", 0x9291: "25"}, datetime(2024, 5, 3, 6, 12, 10, 250_000)),
        ({0x9003: "0000:00:00 00:00:00", 0x9004: "2023:01:02 03:04:05"}, datetime(2023, 1, 2, 3, 4, 5)),
        ({0x9003: "1970:01:01 00:00:00"}, datetime(1970, 1, 1)),
        ({0x9003: "2024-05-03 06:12:10"}, datetime(2024, 5, 3, 6, 12, 10)),
        ({0x9003: "0000:00:00 00:00:00"}, None),
        ({0x9003: "2024:13:40 99:99:99"}, None),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: "yesterday"}, None),
        ({0x9003: "9999:01:01 00:00:00"}, None),
        ({}, None),
    ],
)
def test_a_camera_that_lost_its_clock_gives_no_time(tmp_path, tags, expected):
    exif = Image.Exif()
    exif[0x0110] = "model"
    exif.get_ifd(0x8769).update(tags)
    path = save(tmp_path / "a.jpg", Image.fromarray(HALVES), exif=exif)

    assert read(path).photo.captured_at == expected


def test_the_serial_number_of_the_body_is_read(tmp_path):
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0xA431] = "H500HG\0"
    path = save(tmp_path / "a.jpg", Image.fromarray(HALVES), exif=exif)

    assert read(path).photo.camera_serial == "H500HG"


def test_a_photo_that_is_gone_or_locked_is_named(tmp_path, monkeypatch, write_jpeg):
    with pytest.raises(PhotoUnreadable, match="disappeared"):
        read(tmp_path / "gone.jpg")
    path = write_jpeg(tmp_path / "a.jpg")

    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PhotoUnreadable, match="no permission"):
        read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_named_like_a_photo_does_not_stop_the_run(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    make(tmp_path, "a.jpg")

    assert find_photos(tmp_path).passed_over == {"special file": 1}
    with pytest.raises(PhotoUnreadable, match="ordinary"):
        read(tmp_path / "pipe.jpg")


def test_names_in_any_script_and_long_ones_are_read(tmp_path, write_jpeg):
    name = "Käfer 🦌/фото №1 (копия)/" + "/".join("very long folder name " * 3 for _ in range(4)) + "/写真.JPG"
    write_jpeg(tmp_path / name)

    listing = find_photos(tmp_path)

    assert list(listing) == [name]
    assert read_photo(tmp_path, name, deployment="", max_megapixels=50).photo.file_name == name


# Real files


def test_the_odd_files_are_read_or_named(shared_data):
    folder = shared_data / "formats" / "odd_files"
    loaded = {name: read_photo(folder, name, deployment="odd", max_megapixels=200) for name in find_photos(folder)}

    assert len(loaded) == 9
    assert "truncated" in loaded["african_elephants_truncated_file.jpg"].photo.note
    upright = loaded["african_elephants.jpg"].pixels.mean(axis=2)  # one of them is grey
    for other in ("bw", "cmyk", "with_exif_orientation"):
        pixels = loaded[f"african_elephants_{other}.jpg"].pixels.mean(axis=2)
        assert np.abs(pixels - upright).mean() < 10, other
    assert loaded["blank.jpg"].photo.camera_model == "HC550 HYPERFIRE"
    assert loaded["vehicle.jpg"].photo.captured_at == datetime(2015, 11, 30, 15, 55, 56)


def test_the_fixed_camera_tells_its_times(shared_data):
    folder = shared_data / "smallmammal"
    names = find_photos(folder).file_names[:3]

    first = read_photo(folder, names[0], deployment="", max_megapixels=200).photo

    assert first.captured_at == datetime(2019, 7, 8, 8, 0)
    assert (first.camera_make, first.camera_model) == ("RECONYX", "SM750 SECURITY")
