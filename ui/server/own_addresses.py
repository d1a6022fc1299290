"""Addresses of our own routes that lead nowhere: 404, before anything else looks at them.

Streamlit answers an address with ``..`` by 400, and one that no route knows by its start page with 200: neither tells
a script or a browser that there is no such picture.
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

PREFIXES = ("/crops/", "/photos/", "/exports/", "/api/")
NOTHING_HERE = "There is nothing at this address."


def _say_nothing_here() -> Response:
    return PlainTextResponse(NOTHING_HERE, status_code=404, headers={"Cache-Control": "no-store"})


def leads_out(path: str) -> bool:
    """Whether a path, decoded, could mean another place than it says: ``..``, an empty part, a backslash, a control
    character."""
    parts = path.split("/")[1:]
    return any(part in ("", ".", "..") for part in parts) or "\\" in path or any(ord(sign) < 32 for sign in path)


class OwnAddresses:
    """ASGI middleware: our own addresses that could lead out of their place are answered with 404."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIXES) and leads_out(scope["path"]):
            await _say_nothing_here()(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def answer_nothing_here(request: Request) -> Response:
    """For what none of our routes knows."""
    return _say_nothing_here()


NOWHERE = [Route(f"{prefix}{{rest:path}}", answer_nothing_here) for prefix in PREFIXES]
"""To stand after all other routes."""
