"""The app that bench/explore_browser.py looks at: one page with nothing but the plot."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import streamlit as st  # noqa: E402  (the project must be on the path first)
from starlette.requests import Request  # noqa: E402
from starlette.responses import PlainTextResponse, Response  # noqa: E402
from starlette.routing import Route  # noqa: E402

from ui.scatter.addresses import EXPLORE_ROUTES  # noqa: E402


async def say_healthy(request: Request) -> Response:
    """For the bench, which waits until the app answers."""
    return PlainTextResponse("ok")


app = st.App(ROOT / "bench" / "repaint_page.py", routes=[Route("/healthz", say_healthy), *EXPLORE_ROUTES])
