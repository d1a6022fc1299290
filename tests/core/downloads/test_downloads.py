"""Photos of a COCO file come into a folder complete or not at all, from a server that does everything wrong."""

import csv
import json
import re
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from core.downloads.asking import Patience
from core.downloads.photos import FAILED_CSV, download_photos
from core.downloads.wanted import read_wanted
from core.errors import AnomalureError

QUICK = Patience(tries=3, first_pause_s=0.01, longest_pause_s=0.05, connect_s=5, silence_s=0.3, longest_s=5)
WIDTH, HEIGHT = 320, 240


def make_jpeg(seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=90)
    return stream.getvalue()


JPEG = make_jpeg()


class Server(ThreadingHTTPServer):
    """Answers each path as its name says, and counts how often it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: Counter[str] = Counter()
        self.most_at_once = self.now = 0
        self.guard = threading.Lock()
        self.ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answers(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def send(self, content: bytes, *, status: int = 200, length: int | None = None, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        with self.server.guard:
            self.server.asked[self.path] += 1
            nth = self.server.asked[self.path]
            self.server.now += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.now)
        try:
            self.answer(self.path.rsplit("/", 1)[-1].split(".")[0].split("-")[0], nth)
        except OSError:  # the other side has hung up
            self.close_connection = True
        finally:
            with self.server.guard:
                self.server.now -= 1

    def answer(self, how: str, nth: int):
        if how == "good":
            self.send(JPEG)
        elif how.isdigit():
            self.send(b"no", status=int(how))
        elif how == "later":  # overloaded once, then well
            self.send(JPEG) if nth > 1 else self.send(b"", status=429, headers=[("Retry-After", "0")])
        elif how == "weak":  # three kinds of weakness, then well
            self.send(JPEG) if nth > 2 else self.send(b"", status=503)
        elif how == "breaks":
            self.send(JPEG[: len(JPEG) // 2], length=len(JPEG))
            self.close_connection = True
        elif how == "short":  # says that half of it is all
            self.send(JPEG[: len(JPEG) // 2])
        elif how == "long":
            self.send(JPEG, length=len(JPEG) + 1000)
            self.close_connection = True
        elif how == "stalls":
            self.send(JPEG[:100], length=len(JPEG))
            self.server.ending.wait(20)
        elif how == "page":
            self.send(b"<html>Sign in</html>", headers=[("Content-Type", "text/html")])
        elif how == "nothing":
            self.send(b"")
        elif how == "moved":
            self.send(b"", status=302, headers=[("Location", "/good.jpg")])


@pytest.fixture
def server():
    one = Server()
    thread = threading.Thread(target=one.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield one
    one.ending.set()
    one.shutdown()
    one.server_close()


def write_coco(tmp_path, images):
    path = tmp_path / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": [], "categories": []}))
    return path


def want(tmp_path, server, *names, **more):
    images = [{"id": i, "file_name": name, "url": f"{server.url}/{name}", **more} for i, name in enumerate(names)]
    return read_wanted(write_coco(tmp_path, images), tmp_path / "photos")


def files_of(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_photos_come_into_their_folders_and_what_is_there_is_not_asked_for_again(tmp_path, server):
    wanted = want(tmp_path, server, "a/good-1.jpg", "a/good-2.jpg", "b/good-1.jpg", "moved.jpg")
    told = []
    found = download_photos(
        wanted.photos, tmp_path / "photos", patience=QUICK, on_progress=lambda done, total: told.append((done, total))
    )

    assert (found.done, found.skipped, found.failed) == (4, 0, 0)
    assert files_of(tmp_path / "photos") == ["a/good-1.jpg", "a/good-2.jpg", "b/good-1.jpg", "moved.jpg"]
    assert (tmp_path / "photos/a/good-1.jpg").read_bytes() == JPEG
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]

    (tmp_path / "photos/a/good-2.jpg").write_bytes(JPEG[:2000])  # as another tool leaves it when it is killed
    asked = dict(server.asked)
    again = download_photos(wanted.photos, tmp_path / "photos", patience=QUICK)
    assert (again.done, again.skipped, again.failed) == (1, 3, 0)
    assert {path: n - asked[path] for path, n in server.asked.items() if n > asked[path]} == {"/a/good-2.jpg": 1}


@pytest.mark.parametrize("name", ["later.jpg", "weak.jpg"])
def test_a_server_that_is_weak_for_a_moment_is_asked_again(tmp_path, server, name):
    found = download_photos(want(tmp_path, server, name).photos, tmp_path / "photos", patience=QUICK)

    assert (found.done, found.failed) == (1, 0)
    assert server.asked[f"/{name}"] == (2 if name == "later.jpg" else 3)


@pytest.mark.parametrize(
    ("name", "n_tries", "why"),
    [
        ("404.jpg", 1, "the server answered 404 Not Found"),
        ("403.jpg", 1, "the server answered 403 Forbidden"),
        ("429.jpg", 3, r"the server answered 429 .*\(tried 3 times\)"),
        ("500.jpg", 3, "the server answered 500"),
        ("breaks.jpg", 3, "broke off"),
        ("long.jpg", 3, "broke off"),
        ("stalls.jpg", 3, "did not answer in time|broke off"),
        ("short.jpg", 3, "the picture is not complete"),
        ("page.jpg", 1, "what the server sent is no picture"),
        ("nothing.jpg", 1, "what the server sent is no picture"),
    ],
)
def test_a_photo_that_cannot_be_had_is_named_with_its_reason_and_nothing_is_left_of_it(
    tmp_path, server, name, n_tries, why
):
    wanted = want(tmp_path, server, "good.jpg", f"x/{name}")
    found = download_photos(wanted.photos, tmp_path / "photos", patience=QUICK)

    assert (found.done, found.failed) == (1, 1)
    ((photo, reason),) = found.failures
    assert photo.file_name == f"x/{name}"
    assert re.search(why, reason), reason
    assert server.asked[f"/x/{name}"] == n_tries
    assert files_of(tmp_path / "photos") == [FAILED_CSV, "good.jpg"]
    with (tmp_path / "photos" / FAILED_CSV).open() as file:
        assert [(row["file_name"], row["why"]) for row in csv.DictReader(file)] == [(f"x/{name}", reason)]


def test_the_list_of_failures_goes_when_there_are_none(tmp_path, server):
    download_photos(want(tmp_path, server, "404.jpg").photos, tmp_path / "photos", patience=QUICK)
    assert (tmp_path / "photos" / FAILED_CSV).exists()
    download_photos(want(tmp_path, server, "good.jpg").photos, tmp_path / "photos", patience=QUICK)
    assert files_of(tmp_path / "photos") == ["good.jpg"]


def test_no_more_photos_than_asked_for_are_downloaded_at_once(tmp_path, server):
    wanted = want(tmp_path, server, *(f"good-{n}.jpg" for n in range(12)))
    download_photos(wanted.photos, tmp_path / "photos", at_once=3, patience=QUICK)

    assert server.most_at_once <= 3


def test_a_server_that_is_not_there_fails_each_photo(tmp_path, server):
    gone = f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    images = [{"id": 1, "file_name": "a.jpg", "url": f"{gone}/a.jpg"}]
    found = download_photos(
        read_wanted(write_coco(tmp_path, images), tmp_path / "photos").photos, tmp_path / "photos", patience=QUICK
    )

    assert "could not be reached" in found.failures[0][1]


def test_a_stop_leaves_whole_photos_and_no_pieces(tmp_path, server):
    class Cancelled(BaseException):
        pass

    def cancel(done, total):
        raise Cancelled

    wanted = want(tmp_path, server, "good-1.jpg", "stalls-1.jpg", "stalls-2.jpg", "good-2.jpg")
    started = time.monotonic()
    with pytest.raises(Cancelled):
        download_photos(wanted.photos, tmp_path / "photos", at_once=2, patience=QUICK, on_progress=cancel)

    assert time.monotonic() - started < 10
    left = files_of(tmp_path / "photos")
    assert left
    assert all((tmp_path / "photos" / name).read_bytes() == JPEG for name in left)


def test_a_name_that_cannot_be_a_files_name_fails_alone(tmp_path, server):
    long = f"{'x' * 300}/good.jpg"
    images = [
        {"id": 1, "file_name": long, "url": f"{server.url}/good.jpg"},
        {"id": 2, "file_name": "b.jpg", "url": f"{server.url}/good.jpg"},
    ]
    wanted = read_wanted(write_coco(tmp_path, images), tmp_path / "photos")
    found = download_photos(wanted.photos, tmp_path / "photos", patience=QUICK)

    assert (found.done, found.failed) == (1, 1)
    assert "cannot have this name" in found.failures[0][1]


def test_a_folder_that_cannot_be_written_is_a_sentence(tmp_path, server):
    (tmp_path / "photos").write_text("a file")
    with pytest.raises(AnomalureError, match="cannot be written to"):
        download_photos(want(tmp_path, server, "good.jpg").photos, tmp_path / "photos", patience=QUICK)


def test_photos_of_another_size_than_the_file_says_are_named(tmp_path, server):
    wanted = want(tmp_path, server, "good-1.jpg", width=640, height=480)
    assert download_photos(wanted.photos, tmp_path / "photos", patience=QUICK).other_size == ["good-1.jpg"]
    wanted = want(tmp_path, server, "good-1.jpg", width=HEIGHT, height=WIDTH)  # turned by its camera
    assert download_photos(wanted.photos, tmp_path / "photos", patience=QUICK).other_size == []
