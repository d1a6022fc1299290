"""A server of one file that does everything wrong that servers do, as the file's name says."""

import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 4_000  # 1 MB


class FileServer(ThreadingHTTPServer):
    """Counts how often each path was asked for, and from which byte."""

    daemon_threads = True

    def __init__(self, content: bytes = CONTENT) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.content = content
        self.asked: Counter[str] = Counter()
        self.began: list[int] = []
        self.ending = threading.Event()
        self.going_on = threading.Event()
        self.mark = '"1"'
        self.files: dict[str, bytes] = {}
        self.how = ""  # what happens to every file, whatever its name

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "FileServer":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self.ending.set()
        self.going_on.set()
        self.shutdown()
        self.server_close()


class Answers(BaseHTTPRequestHandler):
    server: FileServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1].partition("?")[0]
        self.server.asked[name] += 1
        try:
            self.answer(name, self.server.asked[name])
        except OSError:  # the other side has hung up
            self.close_connection = True

    def send(self, content=b"", *, status=200, length=None, headers=()):
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content) if length is None else length))
        self.end_headers()
        self.wfile.write(content)

    def send_file(self, content, *, until=None):
        """The file from the byte that was asked for; ``until``: hang up there."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        begin = int(found[1]) if found and self.headers.get("If-Range", self.server.mark) == self.server.mark else 0
        self.server.began.append(begin)
        headers = [("ETag", self.server.mark)]
        if begin:
            headers.append(("Content-Range", f"bytes {begin}-{len(content) - 1}/{len(content)}"))
        rest = content[begin:]
        sent = rest if until is None else rest[: max(until - begin, 0)]
        self.send(sent, status=206 if begin else 200, length=len(rest), headers=headers)
        if until is not None:
            self.close_connection = True

    def answer(self, name: str, nth: int):
        content, half = self.server.content, len(self.server.content) // 2
        how = self.server.how or name.split(".")[0].split("-")[0]
        if name in self.server.files:
            self.send_file(self.server.files[name])
        elif how.isdigit():
            self.send(b"no", status=int(how))
        elif how == "later":
            self.send_file(content) if nth > 1 else self.send(status=429, headers=[("Retry-After", "0")])
        elif how == "weak":
            self.send_file(content) if nth > 2 else self.send(status=500)
        elif how == "breaks":  # once, in the middle
            self.send_file(content, until=half if nth == 1 else None)
        elif how == "dies":  # always at the same byte
            self.send_file(content, until=half)
        elif how == "stalls":
            self.send_file(content, until=half) if nth == 1 else self.send_file(content)
            self.close_connection = nth == 1
            if nth == 1:
                self.server.ending.wait(20)
        elif how == "slow":  # half of it, then only when the test says so
            self.send(content[:half], length=len(content), headers=[("ETag", self.server.mark)])
            self.server.going_on.wait(20)
            self.wfile.write(content[half:])
        elif how == "short":  # says that half of it is all
            self.send(content[:half])
        elif how == "wrong":
            self.send_file(bytes(len(content)))
        elif how == "changes":
            self.send_file(content, until=half if nth == 1 else None)
            self.server.mark = '"2"'
        elif how == "page":
            self.send(b"<html>Sign in</html>", headers=[("Content-Type", "text/html; charset=utf-8")])
        elif how == "empty":
            self.send()
        elif how == "moved" and name != "there.pt":
            self.send(status=302, headers=[("Location", "/there.pt")])
        else:
            self.send_file(content)
