"""Addresses and file names of a COCO file, as data sets write them and as no file should."""

import json

import pytest

from core.downloads.wanted import read_wanted
from core.errors import AnomalureError


def read(tmp_path, *images, **more):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"images": list(images)}))
    return read_wanted(path, tmp_path / "photos", **more)


@pytest.mark.parametrize(
    ("image", "file_name", "address"),
    [
        ({"file_name": "a.jpg", "coco_url": "http://x.org/1.jpg"}, "a.jpg", "http://x.org/1.jpg"),
        ({"file_name": "a.jpg", "flickr_url": "https://x.org/1.jpg"}, "a.jpg", "https://x.org/1.jpg"),
        (
            {"file_name": "a.jpg", "url": "s3://bucket/b c/1.jpg"},
            "a.jpg",
            "https://bucket.s3.amazonaws.com/b%20c/1.jpg",
        ),
        ({"file_name": "a.jpg", "url": "gs://bucket/1.jpg"}, "a.jpg", "https://storage.googleapis.com/bucket/1.jpg"),
        ({"file_name": "https://x.org/b/1.jpg?size=l"}, "x.org/b/1.jpg", "https://x.org/b/1.jpg?size=l"),
        ({"file_name": "S1\\B 04\\1.jpg"}, "S1/B 04/1.jpg", "https://base.org/all/S1/B%2004/1.jpg"),
        ({"file_name": "a#1.jpg", "url": None}, "a#1.jpg", "https://base.org/all/a%231.jpg"),
    ],
)
def test_the_address_and_the_place_of_a_photo(tmp_path, image, file_name, address):
    (photo,) = read(tmp_path, image, base="https://base.org/all").photos

    assert (photo.file_name, photo.address) == (file_name, address)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        ({"file_name": "../a.jpg", "url": "http://x.org/1"}, "leads out of the folder"),
        ({"file_name": "/etc/passwd", "url": "http://x.org/1"}, None),  # taken as a place inside the folder
        ({"file_name": "a/../../b.jpg", "url": "http://x.org/1"}, "leads out of the folder"),
        ({"file_name": "..\\a.jpg", "url": "http://x.org/1"}, "leads out of the folder"),
        ({"file_name": "", "url": "http://x.org/1"}, "without a file_name"),
        ({"url": "http://x.org/1"}, "without a file_name"),
        ("a.jpg", "without a file_name"),
        ({"file_name": "b.jpg"}, "without a web address"),
        ({"file_name": "b.jpg", "url": "file:///etc/passwd"}, "without a web address"),
        ({"file_name": "b.jpg", "url": "ftp://x.org/1"}, "without a web address"),
        ({"file_name": "b.jpg", "url": "http://[broken"}, "without a web address"),
        ({"file_name": "b.jpg", "url": 17}, "without a web address"),
        ({"file_name": "GOOD.jpg", "url": "http://x.org/2"}, "the file name of another one and a different address"),
    ],
)
def test_an_image_that_cannot_be_downloaded_is_left_out_and_counted(tmp_path, image, why):
    wanted = read(tmp_path, {"file_name": "good.jpg", "url": "http://x.org/good"}, image)

    assert wanted.n_left_out == (why is not None)
    assert all(".." not in photo.file_name and not photo.file_name.startswith("/") for photo in wanted.photos)
    if why:
        assert why in wanted.problems[0]


def test_one_photo_that_is_named_twice_is_downloaded_once(tmp_path):
    image = {"file_name": "a.jpg", "url": "http://x.org/1"}
    assert len(read(tmp_path, image, dict(image)).photos) == 1


def test_only_one_split_and_the_servers_are_named(tmp_path):
    images = [{"file_name": f"{n}.jpg", "url": f"http://s{n % 2}.org/{n}", "split": f"s{n % 3}"} for n in range(6)]

    assert [photo.file_name for photo in read(tmp_path, *images, split="s1").photos] == ["1.jpg", "4.jpg"]
    assert read(tmp_path, *images).hosts == ["s0.org", "s1.org"]
    with pytest.raises(AnomalureError, match="no images of the split 'other'"):
        read(tmp_path, *images, split="other")


@pytest.mark.parametrize(
    ("content", "more", "why"),
    [
        ("[]", {}, "expected a COCO file"),
        ("{", {}, "JSON"),
        ("{}", {}, "expected a COCO file"),
        ('{"images": {}}', {}, "expected a COCO file"),
        ('{"images": []}', {}, "names no photo that can be downloaded"),
        ('{"images": [{"file_name": "a.jpg"}]}', {}, r"1 images without a web address.*--base"),
        ('{"images": [{"file_name": "a.jpg"}]}', {"base": "x.org/photos"}, "The base is not a web address"),
        ('{"images": [{"file_name": "a.jpg"}]}', {"base": "file:///etc"}, "The base is not a web address"),
    ],
)
def test_a_file_that_names_nothing_to_download_is_a_sentence(tmp_path, content, more, why):
    path = tmp_path / "labels.json"
    path.write_text(content)
    with pytest.raises(AnomalureError, match=why):
        read_wanted(path, tmp_path / "photos", **more)
