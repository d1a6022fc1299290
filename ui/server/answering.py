"""Answers of the routes as JSON: an error becomes a sentence with the fitting HTTP status; what another site sends is
refused."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import AnomalureError, NotNow
from core.runs.folder import RunFolder
from core.study.project import Project
from core.team.acting import NotAllowed
from ui.server.reviewer_pass import PassInvalid

LARGEST_BODY = 4_000_000
NO_STORE = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class NotThere(Exception):
    """No such run, crop, selection or group."""


class Refused(Exception):
    """A request that cannot come from a page of this dashboard."""


def find_run(project: Project, run_id: str) -> RunFolder:
    """The run of that id.

    Raises:
        NotThere: If the project has no folder for it.
        NotNow: If it cannot be read at the moment.
    """
    try:
        return project.run(run_id)
    except AnomalureError as error:
        try:
            is_there = any(folder.name == run_id for folder in project.runs_dir.iterdir())
        except OSError:
            is_there = True  # the disk is away
        if is_there:
            raise NotNow(f"The run cannot be read at the moment. {error}") from error
        raise NotThere from error


def refuse_gone(project: Project, run_id: str) -> str:
    """Why nothing more can be kept about a run; empty if it is there.

    Raises:
        NotNow: If that is not known: what was sent must then not be given up.
    """
    try:
        find_run(project, run_id)
    except NotThere as error:
        if project.is_gone(run_id):
            return "Its run is gone from this project."
        raise NotNow("This run cannot be found in the project at the moment.") from error
    return ""


Handler = Callable[[Request, bytes], dict[str, Any]]


def answer_with(handle: Handler, *, missing: str) -> Callable[[Request], Any]:
    """A route that runs a handler in a thread; ``missing`` is what it says when something is not there."""

    @wraps(handle)
    async def respond(request: Request) -> Response:
        try:
            body = await _read_body(request) if request.method == "POST" else b""
            return JSONResponse(await run_in_threadpool(handle, request, body), headers=NO_STORE)
        except NotThere:
            return _say(404, missing)
        except (Refused, ValueError, OverflowError) as error:
            return _say(400, f"This request cannot be understood: {error}.")
        except (PassInvalid, NotAllowed) as error:
            return _say(403, str(error))
        except NotNow as error:
            return _say(503, str(error))
        except AnomalureError as error:
            return _say(500, str(error))

    return respond


def _say(status: int, text: str) -> Response:
    return JSONResponse({"error": text}, status_code=status, headers=NO_STORE)


async def _read_body(request: Request) -> bytes:
    """The body of a request that only a page of this dashboard can have made."""
    # A form of another site can be sent here, but not with this type, and the browser says where it came from.
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != "application/json":
        raise Refused("it must be JSON")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refused("it comes from another site")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise Refused("it is too long")
    return body
