"""Answers addresses of our own routes that lead nowhere with 404, before Streamlit sees them.

Streamlit answers an address with ``..`` with 400, and an unknown address with 200 and its start page. Neither tells
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
    """Whether a decoded path could lead out of its folder: it has ``..``, an empty part, a backslash or a control
    character."""
    parts = path.split("/")[1:]
    return any(part in ("", ".", "..") for part in parts) or "\\" in path or any(ord(sign) < 32 for sign in path)


class OwnAddresses:
    """ASGI middleware: our own addresses that could lead out of their folder are answered with 404."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 404, or pass the request on."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIXES) and leads_out(scope["path"]):
            await _say_nothing_here()(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def answer_nothing_here(request: Request) -> Response:
    """Answer 404 to any address under ours that no route has."""
    return _say_nothing_here()


NOWHERE = [Route(f"{prefix}{{rest:path}}", answer_nothing_here) for prefix in PREFIXES]
"""The routes that answer 404; they must come after all others."""
