"""The start page of Streamlit at the address of each page, told where the dashboard is.

Streamlit's scripts look for the server under the address of the page first (``/review/_stcore/health``) and try the
right one only after that has failed: two errors each time that somebody opens a page by its address.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

HEAD = "<head>"
# Every page is one step below the dashboard, which may itself be below something, behind a proxy.
TELL = '<script>window.__streamlit={BACKEND_BASE_URL:location.origin+location.pathname.replace(/[^/]*$/,"")}</script>'


@cache
def read_first_page() -> str:
    """Streamlit's start page with the address of the server in it."""
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    page = (Path(spec.origin).parent / "static" / "index.html").read_text(encoding="utf-8")
    return page.replace(HEAD, HEAD + TELL, 1)


async def serve_first_page(request: Request) -> Response:
    """The start page, which asks for the page at its address by itself."""
    return HTMLResponse(read_first_page(), headers={"Cache-Control": "no-cache"})
