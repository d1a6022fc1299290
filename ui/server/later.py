"""Routes that are imported when they are first asked for, or in the background before that.

The dashboard answers as soon as it can send Streamlit's scripts. While a browser reads them, the rest is imported.
"""

import importlib
from collections.abc import Callable
from functools import cache

from starlette.concurrency import run_in_threadpool
from starlette.routing import BaseRoute, Match, Router
from starlette.types import Receive, Scope, Send

import models  # noqa: F401  # before Streamlit puts ui/ first among the places of modules, where there is another
from ui.server.own_addresses import NOWHERE

PREFIXES = ("/photos/", "/crops/", "/exports/", "/explore-data/", "/board/", "/groups-scripts/", "/api/")


class Later(BaseRoute):
    """Every address that begins with one of ``PREFIXES``; ``wait`` returns when they may be imported."""

    def __init__(self, wait: Callable[[], None]) -> None:
        self._wait = wait

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Whether an address is one of these."""
        is_ours = scope["type"] == "http" and scope["path"].startswith(PREFIXES)
        return (Match.FULL if is_ours else Match.NONE), {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer by the route that has the address, with 404 if none has."""
        router = await run_in_threadpool(self._wait_for_router)
        await router(scope, receive, send)

    def _wait_for_router(self) -> Router:
        self._wait()
        return load_router()


@cache
def load_router() -> Router:
    """The routes of ``ui/addresses.py``."""
    routes = importlib.import_module("ui.addresses").ROUTES
    return Router(routes=[*routes, *NOWHERE], redirect_slashes=False)
