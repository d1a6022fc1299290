"""The start page of Streamlit at the address of each page, told where the dashboard is.

Streamlit's scripts look for the server under the address of the page first (``/review/_stcore/health``) and try the
right one only after that has failed: two errors each time that somebody opens a page by its address. Streamlit also
makes a step for the browser's Back of everything that a page adds to its address.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

HEAD = "<head>"
# Every page is one step below the dashboard, or at its root; it may itself be below something, behind a proxy.
TELL = '<script>window.__streamlit={BACKEND_BASE_URL:location.origin+location.pathname.replace(/[^/]*$/,"")}</script>'

# What a page adds to its own address by itself, such as the run that it shows, is no step for the browser's Back.
NO_STEP = """<script>{
const push = history.pushState.bind(history), own = new Set(["form", "run", "map"]);
history.pushState = (state, title, to) => {
  const now = new URL(location.href), next = new URL(to ?? "", location.href);
  const same = [...now.searchParams].every(([name, value]) => next.searchParams.get(name) === value);
  const added = [...next.searchParams.keys()].filter((name) => !now.searchParams.has(name));
  const fills = now.pathname === next.pathname && same && added.length && added.every((name) => own.has(name));
  return fills ? history.replaceState(state, title, to) : push(state, title, to);
};
}</script>"""


@cache
def read_first_page() -> str:
    """Streamlit's start page with the address of the server in it."""
    spec = find_spec("streamlit")
    assert spec is not None
    assert spec.origin is not None
    page = (Path(spec.origin).parent / "static" / "index.html").read_text(encoding="utf-8")
    return page.replace(HEAD, HEAD + TELL + NO_STEP, 1)


async def serve_first_page(request: Request) -> Response:
    """The start page, which asks for the page at its address by itself."""
    return HTMLResponse(read_first_page(), headers={"Cache-Control": "no-cache"})
