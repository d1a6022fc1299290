"""Fixtures that many tests share; small, because everyone reads it."""

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from streamlit.components.v2 import manifest_scanner

import models  # noqa: F401  # before any import of OpenVINO: it switches its reports off

# Dozens of tests start the program as a process, and each would translate all of its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "", None)


@pytest.fixture(autouse=True)
def hosts_asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """No test, and so no command and no page that is tested, contacts a host: it fails if one is asked for."""
    asked: list[str] = []
    connect, look_up = socket.create_connection, socket.getaddrinfo

    def watch(host: object) -> None:
        host = host.decode(errors="replace") if isinstance(host, bytes) else host
        if host not in HERE:
            asked.append(str(host))
            raise OSError(f"no test asks for a host, and this one asked for {host}")

    def watched_connect(address, *how, **more):  # type: ignore[no-untyped-def]
        watch(address[0])
        return connect(address, *how, **more)

    def watched_look_up(host, *how, **more):  # type: ignore[no-untyped-def]
        watch(host)
        return look_up(host, *how, **more)

    monkeypatch.setattr(socket, "create_connection", watched_connect)
    monkeypatch.setattr(socket, "getaddrinfo", watched_look_up)
    yield asked
    assert asked == [], "a host was asked for that the test did not name"


@pytest.fixture
def detector_asked_in_vain(hosts_asked: list[str]) -> Iterator[None]:
    """For tests without a network of work that asks for the default detector: no other host may be asked for."""
    yield
    assert set(hosts_asked) <= {"github.com", "zenodo.org"}
    hosts_asked.clear()


@pytest.fixture(scope="session", autouse=True)
def packages_read_once() -> Iterator[None]:
    """Each run of an AppTest looks for components in all packages that are installed: a third of a page test's time."""
    found = manifest_scanner.scan_component_manifests()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(manifest_scanner, "scan_component_manifests", lambda *_, **__: list(found))
        yield


@pytest.fixture(scope="session", autouse=True)
def configuration_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Forms and keys that tests leave are not those of the person who runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANOMALURE_CONFIG", str(tmp_path_factory.mktemp("configuration")))
        yield


@pytest.fixture
def shared_data() -> Path:
    """The folder of real data beside the repository; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("needs the real data in ../shared/data, which is not here")
    return SHARED_DATA


@pytest.fixture
def write_jpeg() -> Callable[..., Path]:
    """A function that writes a small JPEG: ``write_jpeg(path, seed=1, taken_at="2024:05:03 06:12:10", model="M")``."""

    def write(
        path: Path,
        *,
        pixels: np.ndarray | None = None,
        size: tuple[int, int] = (64, 48),
        seed: int = 0,
        taken_at: str = "",
        make: str = "",
        model: str = "",
        orientation: int = 0,
    ) -> Path:
        if pixels is None:
            coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            picture = Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC)
        else:
            picture = Image.fromarray(pixels)
        exif = Image.Exif()
        for tag, value in ((0x010F, make), (0x0110, model), (0x0112, orientation), (0x0132, taken_at)):
            if value:
                exif[tag] = value
        if taken_at:
            exif.get_ifd(0x8769)[0x9003] = taken_at
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path, "JPEG", exif=exif, quality=90)
        return path

    return write
