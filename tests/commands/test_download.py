"""``cli.py download``: what it prints, and its exit codes."""

import json

import cli
from tests.core.downloads.test_downloads import JPEG, server  # noqa: F401  (a fixture)


def test_photos_are_downloaded_and_what_failed_is_counted(server, tmp_path, capsys):  # noqa: F811
    images = [{"file_name": "a/good.jpg"}, {"file_name": "404.jpg"}, {"file_name": "../out.jpg"}]
    (tmp_path / "labels.json").write_text(json.dumps({"images": images}))
    words = [
        "download",
        str(tmp_path / "labels.json"),
        "--out",
        str(tmp_path / "photos"),
        "--base",
        server.url,
        "--json",
    ]

    assert cli.main(words) == 3

    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert {name: said[name] for name in ("photos", "downloaded", "skipped", "failed", "left_out")} == {
        "photos": 2,
        "downloaded": 1,
        "skipped": 0,
        "failed": 1,
        "left_out": 1,
    }
    assert said["failures"] == [{"file_name": "404.jpg", "why": "the server answered 404 Not Found"}]
    assert "leads out of the folder" in said["problems"][0]
    assert f"Downloading 2 photos from 127.0.0.1:{server.server_port}." in printed.err
    assert (tmp_path / "photos/a/good.jpg").read_bytes() == JPEG

    (tmp_path / "labels.json").write_text(json.dumps({"images": images[:1]}))
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out)["skipped"] == 1


def test_a_file_without_addresses_is_a_sentence(tmp_path, capsys):
    (tmp_path / "labels.json").write_text('{"images": [{"file_name": "a.jpg"}]}')
    assert cli.main(["download", str(tmp_path / "labels.json"), "--out", str(tmp_path / "photos")]) == 1
    assert "--base" in capsys.readouterr().err
    assert not (tmp_path / "photos").exists()
