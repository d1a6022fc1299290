"""A real browser on a real server over a made-up project; skips with a reason where there is no Chromium."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "msedge")
FLAGS = ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"]
START_S = 60.0


@dataclass(frozen=True)
class Server:
    """A running dashboard: its address, and the project that it shows."""

    url: str
    project: Path


def find_chromium() -> str | None:
    """A Chromium of this computer, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser():
    """One headless Chromium for all tests."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = find_chromium()
    if chromium is None:
        pytest.skip(f"no Chromium found (looked for {', '.join(NAMES)})")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield started
        started.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def start_server(project: Path, log: Path) -> Iterator[Server]:
    """Run the dashboard on a free port, as a user would, until the test ends."""
    import urllib.error
    import urllib.request

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
        while True:
            try:
                with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:
                    assert answer.status == 200
                    break
            except (OSError, urllib.error.URLError):
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < until, f"no answer from {url}: {log.read_text(errors='replace')}"
        yield Server(url, project)
    finally:
        process.terminate()
        process.wait(timeout=20)
