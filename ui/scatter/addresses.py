"""The routes of the Explore page: its scripts, points, clusters at an eps, facts. Mounted by app.py."""

import math
from importlib import resources
from pathlib import Path

import plotly
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import AnomalureError
from ui.scatter.memory import PREFIX, cut_tree, read_array, read_draft, read_facts
from ui.shared.scripts import Scripts

# The version is in the address, so that a browser loads each version once.
PLOTLY_ADDRESS = f"{PREFIX}/plotly-{plotly.__version__}.js"
NO_STORE = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
KEEP = {**NO_STORE, "Cache-Control": "private, max-age=31536000, immutable"}
GONE = "This is no longer available. Reload the page."
SCRIPTS = Scripts(Path(__file__).resolve().parent / "browser", address=f"{PREFIX}/scripts")


def _gone() -> Response:
    return PlainTextResponse(GONE, status_code=404, headers=NO_STORE)


async def serve_plotly(request: Request) -> Response:
    """plotly.js of the installed package, so that the plots need no internet."""
    path = str(resources.files(plotly).joinpath("package_data", "plotly.min.js"))
    return FileResponse(path, media_type="text/javascript", headers=KEEP)


async def serve_array(request: Request) -> Response:
    """The bytes of an array that a page offered."""
    content = read_array(request.path_params["name"])
    return _gone() if content is None else Response(content, media_type="application/octet-stream", headers=KEEP)


async def serve_cut(request: Request) -> Response:
    """Clusters at ``?eps=``: one uint16 per point, 0 for noise."""
    try:
        eps = float(request.query_params.get("eps", ""))
    except ValueError:
        eps = math.nan
    try:
        labels = await run_in_threadpool(cut_tree, request.path_params["name"], eps)
    except AnomalureError as error:
        return PlainTextResponse(str(error), status_code=400, headers=NO_STORE)
    return _gone() if labels is None else Response(labels, media_type="application/octet-stream", headers=NO_STORE)


async def serve_draft(request: Request) -> Response:
    """The newest step of a map being computed, if it is later than ``?after=``; its number is in the headers."""
    draft = read_draft(request.path_params["name"])
    if draft is None:
        return _gone()
    picture = await run_in_threadpool(draft)
    after = request.query_params.get("after", "")
    if picture is None or picture.iteration <= (int(after) if after.isascii() and after.isdigit() else -1):
        return Response(status_code=204, headers=NO_STORE)
    steps = {"Picture-Step": str(picture.iteration), "Picture-Steps": str(picture.iterations)}
    return Response(
        picture.points.astype("<f4").tobytes(), media_type="application/octet-stream", headers={**NO_STORE, **steps}
    )


async def serve_facts(request: Request) -> Response:
    """What is known of one point."""
    facts = await run_in_threadpool(read_facts, request.path_params["name"], request.path_params["place"])
    return _gone() if facts is None else JSONResponse(dict(facts), headers=NO_STORE)


EXPLORE_ROUTES = [
    SCRIPTS.route,
    Route(PLOTLY_ADDRESS, serve_plotly),
    Route(f"{PREFIX}/arrays/{{name}}", serve_array),
    Route(f"{PREFIX}/cuts/{{name}}", serve_cut),
    Route(f"{PREFIX}/drafts/{{name}}", serve_draft),
    Route(f"{PREFIX}/facts/{{name}}/{{place:int}}", serve_facts),
]
