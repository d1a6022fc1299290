"""A large file comes complete and checked or not at all, from a server that does everything wrong, and is resumed."""

import errno
import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from core.downloads import one_file
from core.downloads.asking import DownloadFailed, Patience
from core.downloads.one_file import PART_SUFFIX, download_file
from tests.fakes.file_server import CONTENT, FileServer

QUICK = Patience(tries=3, first_pause_s=0.01, longest_pause_s=0.02, connect_s=5, silence_s=0.3)
MD5 = "md5:" + hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
SHA256 = "sha256:" + hashlib.sha256(CONTENT).hexdigest()
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def server():
    with FileServer() as one:
        yield one


def get(server, tmp_path, name, *, checksum=MD5, **more):
    return download_file(f"{server.url}/{name}", tmp_path / "cache/model.pt", checksum=checksum, patience=QUICK, **more)


def files_of(tmp_path):
    return {path.name for path in (tmp_path / "cache").iterdir() if not path.name.endswith(".lock")}


@pytest.mark.parametrize("checksum", [MD5, SHA256, ""])
def test_a_file_comes_with_its_progress_and_is_checked(server, tmp_path, checksum):
    told = []
    received = get(server, tmp_path, "good.pt", checksum=checksum, on_progress=lambda *where: told.append(where))

    assert (tmp_path / "cache/model.pt").read_bytes() == CONTENT
    assert (received.n_bytes, f"sha256:{received.sha256}") == (len(CONTENT), SHA256)
    assert received.is_checked == bool(checksum)
    assert told[0] == (0, len(CONTENT))
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert files_of(tmp_path) == {"model.pt"}


@pytest.mark.parametrize(
    ("name", "is_resumed"),
    [
        ("later.pt", [False]),
        ("weak.pt", [False]),
        ("moved.pt", [False]),
        ("breaks.pt", [False, True]),
        ("stalls.pt", [False, True]),
        ("changes.pt", [False, False]),  # the second half would be of another file
    ],
)
def test_what_passes_is_tried_again_and_resumed_where_it_broke_off(server, tmp_path, name, is_resumed):
    get(server, tmp_path, name)

    assert (tmp_path / "cache/model.pt").read_bytes() == CONTENT
    assert [began > 0 for began in server.began] == is_resumed
    assert files_of(tmp_path) == {"model.pt"}


@pytest.mark.parametrize(
    ("name", "why", "n_asked", "is_part_kept"),
    [
        ("404.pt", "the server answered 404 Not Found", 1, False),
        ("403.pt", "the server answered 403 Forbidden", 1, False),
        ("429.pt", "429 Too Many Requests (tried 3 times)", 3, False),
        ("500.pt", "500 Internal Server Error (tried 3 times)", 3, False),
        ("dies.pt", "broke off", 3, True),
        ("short.pt", f"its checksum is wrong: {MD5.replace(':', ' ')} was expected", 1, False),
        ("wrong.pt", "nothing of it was kept", 1, False),
        ("page.pt", "a web page instead of the file", 1, False),
        ("empty.pt", "an empty file", 3, False),
    ],
)
def test_what_stays_wrong_is_said_and_no_file_is_left(server, tmp_path, name, why, n_asked, is_part_kept):
    with pytest.raises(DownloadFailed) as raised:
        get(server, tmp_path, name)

    assert why in str(raised.value)
    assert server.asked[name] == n_asked
    assert "model.pt" not in files_of(tmp_path)
    part = tmp_path / "cache" / f"model.pt{PART_SUFFIX}"
    assert (part.is_file() and part.stat().st_size > 0) == is_part_kept


def test_a_server_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DownloadFailed, match="could not be reached"):
        download_file("http://127.0.0.1:9/model.pt", tmp_path / "model.pt", patience=QUICK)


def test_a_bad_beginning_is_thrown_away_and_the_file_fetched_as_a_whole(server, tmp_path):
    with pytest.raises(DownloadFailed):
        get(server, tmp_path, "dies.pt")
    part = tmp_path / "cache" / f"model.pt{PART_SUFFIX}"
    part.write_bytes(b"x" * part.stat().st_size)
    facts = part.with_name(part.name + ".json")
    facts.write_text(facts.read_text().replace("dies.pt", "good.pt"))
    server.began.clear()

    get(server, tmp_path, "good.pt")

    assert (tmp_path / "cache/model.pt").read_bytes() == CONTENT
    assert server.began[0] > 0
    assert server.began[1:] == [0]


def test_a_full_disk_is_noticed_before_anything_is_written(server, tmp_path, monkeypatch):
    monkeypatch.setattr(one_file.shutil, "disk_usage", lambda path: type("Disk", (), {"free": 1000})())
    with pytest.raises(OSError, match="No space left") as raised:
        get(server, tmp_path, "good.pt")

    assert raised.value.errno == errno.ENOSPC
    assert not (tmp_path / "cache/model.pt").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are Unix's")
def test_a_disk_that_fills_up_in_between_leaves_what_can_be_resumed(server, tmp_path):
    code = (
        "import resource, signal, sys; from pathlib import Path; from core.downloads.one_file import download_file\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))\n"
        "download_file(sys.argv[1], Path(sys.argv[2]))"
    )
    words = [sys.executable, "-c", code, f"{server.url}/good.pt", str(tmp_path / "cache/model.pt")]
    answer = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert "File too large" in answer.stderr
    assert not (tmp_path / "cache/model.pt").exists()
    server.began.clear()
    get(server, tmp_path, "good.pt")
    assert (tmp_path / "cache/model.pt").read_bytes() == CONTENT
    assert 0 < server.began[0] < len(CONTENT)


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL is Unix's")
def test_a_killed_process_is_resumed_by_the_next_one(server, tmp_path):
    code = "import sys; from pathlib import Path; from core.downloads.one_file import download_file as get\n"
    code += "get(sys.argv[1], Path(sys.argv[2]))"
    part = tmp_path / "cache" / f"model.pt{PART_SUFFIX}"
    words = [sys.executable, "-c", code, f"{server.url}/slow.pt", str(tmp_path / "cache/model.pt")]
    with subprocess.Popen(words, cwd=ROOT) as process:
        until = time.monotonic() + 30
        while not (part.is_file() and part.stat().st_size > 100_000):
            assert time.monotonic() < until
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    facts = part.with_name(part.name + ".json")
    facts.write_text(facts.read_text().replace("slow.pt", "good.pt"))

    get(server, tmp_path, "good.pt", checksum="")

    assert (tmp_path / "cache/model.pt").read_bytes() == CONTENT
    assert server.began[-1] > 100_000


def test_of_two_at_once_one_downloads_and_the_other_waits(server, tmp_path):
    got = []
    both = [threading.Thread(target=lambda: got.append(get(server, tmp_path, "slow.pt"))) for _ in range(2)]
    for one in both:
        one.start()
    while not server.asked["slow.pt"]:
        time.sleep(0.01)
    server.going_on.set()
    for one in both:
        one.join(20)

    assert server.asked["slow.pt"] == 1
    assert len(got) == 2
    assert got[0] == got[1]


def test_who_stops_it_gets_their_own_error_and_it_can_be_resumed(server, tmp_path):
    class Stopped(Exception):
        pass

    def check():
        if server.asked["slow.pt"]:
            raise Stopped

    with pytest.raises(Stopped):
        get(server, tmp_path, "slow.pt", check=check)
    assert not (tmp_path / "cache/model.pt").exists()


def test_the_proxy_of_the_environment_is_asked(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.setenv("no_proxy", "")
    download_file("http://models.example/good.pt", tmp_path / "model.pt", checksum=MD5, patience=QUICK)
    assert (tmp_path / "model.pt").read_bytes() == CONTENT


def test_the_sha256_that_a_hub_states_on_the_way_is_compared(server, tmp_path, monkeypatch):
    monkeypatch.setattr(one_file, "_find_sha256", lambda answer: "0" * 64)
    with pytest.raises(DownloadFailed, match="sha256 0000"):
        get(server, tmp_path, "good.pt", checksum="")
