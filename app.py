"""The dashboard as one ASGI app: the screen of ui/frame.py, and the routes of photos and crops.

Run it with ``streamlit run app.py``. It imports no more than is needed to answer: a browser takes a while to read
Streamlit's scripts, and meanwhile the rest is imported (``ui/server/warm_up.py``).
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from streamlit import net_util

from core.team.acting import tell_who_acts
from core.work.starter import begin_watch
from ui.server.door import Door
from ui.server.first_page import serve_first_page
from ui.server.later import Later
from ui.server.own_addresses import OwnAddresses
from ui.server.send_at_once import send_at_once
from ui.server.warm_up import begin_warm_up, wait_for_imports
from ui.shared.acting import find_actor, read_house_rules
from ui.shared.project_place import ROOT
from ui.shared.routes import PAGES


async def say_healthy(request: Request) -> Response:
    """For scripts that wait until the dashboard answers."""
    return PlainTextResponse("ok", headers={"Cache-Control": "no-store"})


ROUTES = [
    Route("/healthz", say_healthy),
    Later(wait_for_imports),
    *(Route(f"/{name}", serve_first_page) for name in ("", *(page.name for page in PAGES))),
]
PAGE_ADDRESSES = frozenset({"/start", *(f"/{page.name}" for page in PAGES)})


# Where it listens on all addresses, and for each page of another site that connects, Streamlit would ask a server in
# the internet for the outside address of this computer. Who offers the dashboard under a name sets corsAllowedOrigins.
net_util.get_external_ip = lambda: None


tell_who_acts(find_actor)


@asynccontextmanager
async def warm_up(_: st.App) -> AsyncIterator[None]:
    """The lifespan of the dashboard: it starts the warm-up for the first visitor, and ends with ``cli.py start``."""
    begin_watch()
    send_at_once()
    begin_warm_up()
    yield


app = st.App(
    ROOT / "ui" / "frame.py",
    routes=ROUTES,
    middleware=[Middleware(Door, read_rules=read_house_rules, pages=PAGE_ADDRESSES), Middleware(OwnAddresses)],
    lifespan=warm_up,
)
