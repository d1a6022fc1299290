"""Answers of the routes as JSON: an error becomes a sentence with the fitting HTTP status; what another site sends is
refused."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from core.errors import AnomalureError, StoreBusy
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
        except PassInvalid as error:
            return _say(403, str(error))
        except StoreBusy as error:
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
