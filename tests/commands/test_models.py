"""``cli.py models``: what it prints, and its exit codes."""

import json

import pytest

import cli
from tests.fakes.file_server import FileServer


@pytest.fixture
def server():
    with FileServer() as one:
        yield one


def run(capsys, tmp_path, *words):
    code = cli.main(["models", *words, "--cache", str(tmp_path / "cache"), "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def own_cache(monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", "")  # what the option sets is undone after the test


def test_the_list_names_the_licence_and_the_exact_place_of_each_file(capsys, tmp_path):
    code, said = run(capsys, tmp_path, "list", "--kind", "detector")
    rows = {row["name"]: row for row in said["models"]}

    assert code == 0
    assert rows["megadetector-v5a"]["put_here"] == [str(tmp_path / "cache/detectors/md_v5a.0.1.pt")]
    assert rows["yolov8n"]["checksums"] == ["none is published"]
    assert "dinov2-small" not in rows
    assert run(capsys, tmp_path, "list", "--here")[1]["models"] == []


def test_a_model_is_got_and_removed(capsys, tmp_path, server):
    code, said = run(capsys, tmp_path, "get", "yolov8n", "--from", server.url)
    assert (code, said["models"][0]["downloaded"]) == (0, 1)
    assert said["models"][0]["checksum"].startswith("none is published; recorded")
    assert [row["name"] for row in run(capsys, tmp_path, "list", "--here")[1]["models"]] == ["yolov8n"]

    code, said = run(capsys, tmp_path, "remove", "yolov8n")
    assert (code, said["models"][0]["megabytes_freed"]) == (0, 1.0)
    assert run(capsys, tmp_path, "remove", "yolov8n")[0] == 1


def test_terms_must_be_agreed_to(capsys, tmp_path, server):
    code, said = run(capsys, tmp_path, "get", "megadescriptor-tiny", "--from", server.url)
    assert code == 1
    assert "forbids commercial use" in said["error"]

    assert run(capsys, tmp_path, "get", "megadescriptor-tiny", "--from", server.url, "--agree")[0] == 0


def test_one_that_fails_does_not_keep_the_others_from_coming(capsys, tmp_path, server):
    code, said = run(capsys, tmp_path, "get", "megadetector-v5a", "yolov8n", "--from", server.url)

    assert code == 1
    assert [one["name"] for one in said["models"]] == ["yolov8n"]
    assert "its checksum is wrong" in said["failed"][0]["why"]
    assert "put the file here" in said["failed"][0]["why"]


def test_an_unknown_name_is_answered_with_the_nearest(capsys, tmp_path):
    code, said = run(capsys, tmp_path, "get", "yolo11")
    assert code == 1
    assert "Did you mean yolo11" in said["error"]
