"""``cli.py models``: what it prints, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cli
from core.downloads import one_file
from core.downloads.asking import Patience
from tests.fakes.file_server import CONTENT, FileServer

ROOT = Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize(
    ("how", "code", "said_of_it"),
    [
        ("breaks", 0, ""),
        ("stalls", 0, ""),
        ("later", 0, ""),
        ("weak", 0, ""),
        ("moved", 0, ""),
        ("404", 1, "the server answered 404 Not Found"),
        ("429", 1, "the server answered 429 Too Many Requests (tried 3 times)"),
        ("500", 1, "the server answered 500 Internal Server Error (tried 3 times)"),
        ("dies", 1, "broke off"),
        ("short", 1, "its checksum is wrong"),
        ("wrong", 1, "its checksum is wrong"),
        ("page", 1, "a web page instead of the file"),
    ],
)
def test_whatever_a_server_does_a_file_is_right_or_it_is_said_why_not(
    capsys, tmp_path, server, monkeypatch, how, code, said_of_it
):
    quick = Patience(tries=3, first_pause_s=0.01, longest_pause_s=0.02, silence_s=0.3)
    monkeypatch.setattr(one_file, "Patience", lambda: quick)
    server.how = how
    words = ["get", "megadetector-v5a" if "checksum" in said_of_it else "yolov8n", "--from", server.url]

    ended, said = run(capsys, tmp_path, *words)

    assert ended == code
    path = tmp_path / "cache/detectors/yolov8n.pt"
    assert path.is_file() == (code == 0)
    if code:
        assert said_of_it in said["error"]
        assert f"put the file here: {tmp_path / 'cache/detectors'}" in said["error"]
    else:
        assert path.read_bytes() == CONTENT


def start_process(tmp_path, server):
    words = ["models", "get", "yolov8n", "--from", server.url, "--cache", str(tmp_path / "cache"), "--json"]
    return subprocess.Popen(
        [sys.executable, "cli.py", *words], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is Unix's")
def test_a_command_that_was_killed_is_resumed_by_the_next_one(tmp_path, server):
    part = tmp_path / "cache/detectors/yolov8n.pt.part"
    server.how = "slow"
    with start_process(tmp_path, server) as killed:
        until = time.monotonic() + 30
        while not (part.is_file() and part.stat().st_size > 100_000):
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(killed.pid, signal.SIGKILL)

    server.how = "good"
    with start_process(tmp_path, server) as resumed:
        said = json.loads(resumed.communicate(timeout=60)[0])

    assert said["models"][0]["downloaded"] == 1
    assert (tmp_path / "cache/detectors/yolov8n.pt").read_bytes() == CONTENT
    assert server.began[-1] > 100_000


def test_of_two_commands_at_once_one_downloads_and_both_are_served(tmp_path, server):
    server.how = "slow"
    both = [start_process(tmp_path, server) for _ in range(2)]
    until = time.monotonic() + 30
    while not server.asked["yolov8n.pt"]:
        assert time.monotonic() < until
        time.sleep(0.02)
    server.going_on.set()
    said = [json.loads(one.communicate(timeout=60)[0]) for one in both]

    assert [one.returncode for one in both] == [0, 0]
    assert server.asked["yolov8n.pt"] == 1
    assert said[0]["models"][0]["sha256"] == said[1]["models"][0]["sha256"]
