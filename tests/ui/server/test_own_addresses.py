"""Addresses that lead out of the project or name what is not there: 404, and no file is opened for them."""

import asyncio
import sys
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware

from core.study.project import Project
from tests.fakes.project import make_project
from ui.server.own_addresses import NOWHERE, OwnAddresses, leads_out

_opened: list[str] = []
_listening = False


def _note_opened(event: str, arguments: tuple) -> None:
    if _listening and event == "open":
        _opened.append(str(arguments[0]))


sys.addaudithook(_note_opened)


@pytest.fixture(scope="module")
def app() -> Starlette:
    from app import ROUTES

    return Starlette(routes=[*ROUTES, *NOWHERE], middleware=[Middleware(OwnAddresses)])


@pytest.fixture
def project(tmp_path, monkeypatch) -> Project:
    made = make_project(tmp_path, 3)
    (made.path / "secret.jpg").write_bytes(b"SECRET")
    monkeypatch.setenv("ANOMALURE_PROJECT", str(made.path))
    return made


def ask(app: Starlette, path: str) -> tuple[int, bytes]:
    """The answer to a path as it stands, decoded, with nothing tidied on the way."""
    answers = []
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

    async def receive():
        return next(asked, {"type": "http.disconnect"})

    async def send(message):
        answers.append(message)

    scope = {
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [],
        "http_version": "1.1",
        "scheme": "http",
        "server": ("test", 80),
        "client": ("test", 1),
        "root_path": "",
    }
    asyncio.run(app(scope, receive, send))
    return answers[0]["status"], b"".join(message.get("body", b"") for message in answers[1:])


@pytest.mark.parametrize(
    "path",
    [
        "/crops/../../../../etc/passwd",
        "/crops/../secret.jpg",
        "/crops/..jpg",
        "/crops/\0.jpg",
        "/crops/",
        "/crops/0123456789abcdef0123.jpg",
        "/crops/ABCDEF0123456789ABCD.jpg",
        "/crops/a/b/c.jpg",
        "/crops/..\\secret.jpg",
        "/photos/../../etc/passwd",
        "/photos/{run}/../../secret.jpg",
        "/photos/{run}/north/photo-000.jpg",
        "/photos/{run}/" + "0" * 32,
        "/photos/no-such-run/" + "0" * 32,
        "/photos/{run}",
        "/exports/../anomalure.duckdb",
        "/exports/20260101-000000-abcdef01",
        "/exports/x/y",
        "/api/../secret.jpg",
        "/api/nothing/like/this",
    ],
)
def test_it_is_404_and_no_file_outside_of_the_runs_is_opened(app, project, path):
    global _listening
    _opened.clear()
    _listening = True
    try:
        status, body = ask(app, path.replace("{run}", project.latest_run().run_id))
    finally:
        _listening = False

    assert status == 404
    assert b"SECRET" not in body
    assert b"root:" not in body
    inside = [str(project.runs_dir), str(project.crops_dir), sys.prefix, sys.base_prefix, "/proc", "/sys"]
    program = Path(__file__).resolve().parents[3]
    strange = [name for name in _opened if name.startswith("/") and not name.startswith((*inside, str(program)))]
    assert strange == []


def test_what_is_there_is_still_served(app, project):
    row = project.review_queue().rows.iloc[0]
    assert ask(app, f"/crops/{row['crop_id']}.jpg")[0] == 200
    assert ask(app, f"/photos/{row['run']}/{row['photo_id']}")[0] == 200
    assert ask(app, "/healthz")[0] == 200


@pytest.mark.parametrize(
    ("path", "out"),
    [
        ("/a/b.jpg", False),
        ("/a/..b", False),
        ("/a/../b", True),
        ("//a", True),
        ("/a/.", True),
        ("/a\\b", True),
        ("/a\x07", True),
    ],
)
def test_which_addresses_lead_out(path, out):
    assert leads_out(path) is out
