"""Without a network a download is given up within seconds, and the page says meanwhile that it is tried."""

import threading
import time
from dataclasses import dataclass
from typing import ClassVar
from urllib.error import HTTPError, URLError

import pytest

from core.errors import AnomalureError
from core.study.project import Project
from core.work.progress import Phase
from core.work.request import Request
from models.detectors.source import open_detector_source
from models.encoders.backbones import build_backbone
from models.engines import downloads
from models.jobs import registry

LOADERS = {
    "detector": lambda: open_detector_source("yolov8n"),
    "encoder": lambda: build_backbone("resnet18", weights="default"),
}


@pytest.fixture(autouse=True)
def empty_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("ANOMALURE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(params=["no network", "a network that swallows everything"])
def offline(request, monkeypatch):
    """A computer without a network; requests fail at once, or hang for longer than anybody waits."""
    ended = threading.Event()

    def ask(*request_, **how):
        if request.param == "no network":
            raise URLError("Name or service not known")
        ended.wait(60)
        raise URLError("given up")

    monkeypatch.setattr(downloads, "urlopen", ask)
    monkeypatch.setattr(downloads, "PATIENCE_S", 0.05)
    yield
    ended.set()


@pytest.mark.parametrize("load", LOADERS.values(), ids=LOADERS)
def test_offline_a_download_is_given_up_within_seconds(offline, load):
    began_at = time.monotonic()

    with pytest.raises(AnomalureError, match=r"could not be downloaded.*Is this computer online"):
        load()

    assert time.monotonic() - began_at < 3


def test_a_server_that_refuses_is_there(monkeypatch):
    def refuse(*request, **how):
        raise HTTPError("https://github.com", 403, "no HEAD here", None, None)

    monkeypatch.setattr(downloads, "urlopen", refuse)

    with downloads.downloading("yolov8n", "https://github.com"):
        pass


def test_work_says_that_it_tries_a_download_and_stops_saying_so(tmp_path, monkeypatch):
    @dataclass(frozen=True, kw_only=True)
    class FetchRequest(Request):
        """Weights to download."""

        kind: ClassVar[str] = "fetch"
        room: ClassVar[str] = "fetches"
        what: ClassVar[str] = "fetch"

    class Fetch:
        REQUEST = FetchRequest

        @staticmethod
        def do(project, work, meter):
            with downloads.downloading("yolov8n", "https://github.com"):
                pass
            return {}

    monkeypatch.setattr(downloads, "_ask", lambda address: "")
    monkeypatch.setattr(registry, "load_kind", lambda kind: Fetch)
    monkeypatch.setattr(registry, "find_work", lambda project, work_id: (Fetch, registry._open(Fetch, work)))
    project = Project(tmp_path / "project")
    work = project.path / "fetches" / "one"
    said = []

    registry.do_at_once(project, FetchRequest(name="one"), on_progress=lambda progress: said.append(progress))

    assert [(one.phase, one.message) for one in said] == [
        (Phase.STARTING, ""),
        (Phase.STARTING, "Trying to download yolov8n"),
        (Phase.STARTING, ""),
        (Phase.DONE, ""),
    ]
