"""A watched folder with made-up cameras, and parts that look through its photos at once."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from core.study.project import Project
from core.watch.channel import NotSent
from core.work.progress import Progress
from models.jobs.watch import watch_at_once
from models.watching.growing import Parts
from models.watching.request import WatchRequest
from tests.fakes.parts import BrightnessScorer, BrightSideDetector, MeanColourEncoder


class Told:
    """A channel that remembers what it was told, and fails while ``is_broken``."""

    name = "told"
    at_once = 1
    every_s = 0.0

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.is_broken = False

    def wants(self, row: Any) -> bool:
        return True

    def send(self, rows: Sequence[Any]) -> None:
        if self.is_broken:
            raise NotSent("nobody is at home")
        self.rows += [dict(row) for row in rows]


def take_photo(folder: Path, camera: str, number: int, *, at: str, bright: int = 0) -> Path:
    """A small photo of a camera, whose left half is brighter by ``bright``: an animal if it is more than 0."""
    pixels = np.zeros((24, 32, 3), dtype=np.uint8) + number % 100
    pixels[:, :16] += bright
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = f"2024:05:03 {at}"
    path = folder / camera / f"IMG_{number:04d}.JPG"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, "JPEG", exif=exif, quality=95)
    return path


def make_parts(detector: BrightSideDetector | None = None) -> Parts:
    return Parts(
        detector=detector or BrightSideDetector(),
        detector_name="bright-side",
        encoder=MeanColourEncoder(),
        open_scorer=lambda run: BrightnessScorer(),
    )


def ask(folder: Path, **given: Any) -> WatchRequest:
    """A request that waits for nothing long."""
    short = {"every_s": 0.05, "settle_s": 0.05, "patience_s": 0.0}
    return WatchRequest(name="inbox", folder=folder, **{**short, **given})


def watch_once(project: Project, folder: Path, *channels: Any, detector: Any = None, **given: Any) -> dict[str, Any]:
    return watch_at_once(
        project, ask(folder, **given), channels=channels, once=True, open_parts=lambda: make_parts(detector)
    )


class Watching:
    """A watch in a thread, until it is stopped; what went wrong is raised when it ends."""

    def __init__(self, project: Project, folder: Path, *channels: Any, **given: Any) -> None:
        self._project = project
        self._request = ask(folder, **given)
        self._channels = channels
        self._error: BaseException | None = None
        self.said: list[str] = []
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        try:
            watch_at_once(
                self._project, self._request, channels=self._channels, open_parts=make_parts, on_progress=self._follow
            )
        except BaseException as error:
            self._error = error

    def _follow(self, progress: Progress) -> None:
        self.said.append(progress.message)

    def __enter__(self) -> "Watching":
        self._thread.start()
        return self

    def wait_for(self, condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not condition():
            assert self._thread.is_alive(), self._error
            assert time.monotonic() < until, f"it never came; said was {self.said[-5:]}"
            time.sleep(0.02)

    def __exit__(self, *exception: object) -> None:
        (self._project.path / "watches/inbox/cancel").touch()
        self._thread.join(timeout=30.0)
        assert not self._thread.is_alive()
        assert type(self._error).__name__ == "Cancelled", self._error
