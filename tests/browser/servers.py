"""A real dashboard on a free port, and a Chromium of this computer to see it with."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
START_S = 60.0
ASK_EVERY_S = 0.2


@dataclass(frozen=True)
class Server:
    """A running dashboard: its address, and the project that it shows."""

    url: str
    project: Path


def find_chromium() -> str | None:
    """A Chromium of this computer, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def start_server(project: Path, log: Path) -> Iterator[Server]:
    """Run the dashboard on a free port, as a user would, until the test ends."""
    port = free_port()
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.headless",
        "true",
        "--server.port",
        str(port),
    ]
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=out, stderr=out, env={**os.environ, "ANOMALURE_PROJECT": str(project)}
        )
    url = f"http://localhost:{port}"
    try:
        until = time.monotonic() + START_S
        while not _answers(url):
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=ASK_EVERY_S)
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < until, f"no answer from {url}: {log.read_text(errors='replace')}"
        yield Server(url, project)
    finally:
        process.terminate()
        process.wait(timeout=20)
