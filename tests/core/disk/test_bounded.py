"""A file that somebody named neither fills the memory nor keeps a command waiting for ever."""

import gzip
import json
import os
import zipfile

import pytest

from core.disk import bounded, text
from core.disk.bounded import read_bounded, read_member, unpack_gzip
from core.errors import FileFormatError
from core.formats.recognise import read_labels
from core.labels.source import read_label_source


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(bounded, "ALWAYS_UNPACKED_BYTES", 10_000)
    monkeypatch.setattr(text, "MOST_CELLS", 1_000)


def pack(path, rows: int, *, member: str = "media.csv"):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
        archive.writestr("datapackage.json", json.dumps({"resources": resources}))
        for name in ("deployments.csv", "observations.csv", "media.csv"):
            line = b"a,b,2024-01-01T00:00:00Z,a.jpg\n"
            archive.writestr(
                name, b"mediaID,deploymentID,timestamp,filePath\n" + line * (rows if name == member else 1)
            )
    return path


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes in folders")
@pytest.mark.parametrize("inside", ["", "datapackage.json"])
def test_a_pipe_is_refused_and_not_waited_for(tmp_path, inside):
    path = tmp_path / "labels.csv"
    if inside:
        path.mkdir()
    os.mkfifo(path / inside if inside else path)

    with pytest.raises(FileFormatError, match="not an ordinary file"):
        read_labels(path)


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="no devices")
def test_a_device_is_refused(tmp_path):
    (tmp_path / "labels.json").symlink_to("/dev/zero")

    with pytest.raises(FileFormatError, match="not an ordinary file"):
        read_label_source(tmp_path, labels=tmp_path / "labels.json")


def test_a_file_that_is_larger_than_its_limit_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"x" * 100)

    assert read_bounded(tmp_path / "a", most_bytes=100) == b"x" * 100
    with pytest.raises(OSError, match="holds more than"):
        read_bounded(tmp_path / "a", most_bytes=99)


def test_a_zip_that_unpacks_to_far_more_than_it_takes_is_refused(tmp_path):
    with pytest.raises(FileFormatError, match=r"media\.csv: it holds more than \d MB, the most that is read"):
        read_labels(pack(tmp_path / "bomb.zip", 100_000))


def test_a_zip_whose_directory_lies_about_a_size_is_refused(tmp_path):
    path = pack(tmp_path / "bomb.zip", 100_000)
    with zipfile.ZipFile(path) as archive:
        about = archive.getinfo("media.csv")
        about.file_size = 10  # as the directory of the zip says; the content is longer
        with pytest.raises((OSError, zipfile.BadZipFile)):
            read_member(archive, about)


def test_gzip_that_unpacks_to_far_more_is_refused():
    assert unpack_gzip(gzip.compress(b"x" * 5_000), source="a.gz") == b"x" * 5_000
    with pytest.raises(OSError, match="holds more than"):
        unpack_gzip(gzip.compress(b"x" * 1_000_000), source="a.gz")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("file_name,species," + ",".join(f"c{i}" for i in range(6_000)), "6,002 columns, more than 5,000"),
        ("file_name,species\n" + "a.jpg,fox\n" * 501, "more than 1,000 cells"),
    ],
)
def test_a_table_that_is_too_wide_or_too_long_is_refused(tmp_path, content, said):
    (tmp_path / "a.csv").write_text(content)

    with pytest.raises(FileFormatError, match=said):
        read_labels(tmp_path / "a.csv")


def test_a_name_in_json_that_is_not_valid_text_gets_a_mark(tmp_path):
    images = [{"file": "Fl\udce4che.jpg", "detections": []}, {"file": "\U0001f98a.jpg", "detections": []}]
    (tmp_path / "md.json").write_text(json.dumps({"images": images, "detection_categories": {"1": "animal"}}))

    assert [photo.file_name for photo in read_labels(tmp_path / "md.json").photos] == [
        "Fl\ufffdche.jpg",
        "\U0001f98a.jpg",
    ]
