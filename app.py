"""The dashboard as one ASGI app: the screen of ui/frame.py, and the routes of photos and crops.

Run it with ``streamlit run app.py``.
"""

import re
from pathlib import Path

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import AnomalureError
from core.project import Project
from ui.previews import choose_width, render_preview
from ui.project_place import ROOT, find_project_folder

# An address names content, which never changes: a browser need not ask twice. Other sites may not embed it.
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
PHOTO_ID = re.compile(r"[0-9a-f]{32}")
CROP_ID = re.compile(r"[0-9a-f]{20}")
NOT_FOUND = "There is no such picture."


def _not_found() -> Response:
    return PlainTextResponse(NOT_FOUND, status_code=404, headers={"Cache-Control": "no-store"})


def _find_photo(run_id: str, photo_id: str) -> Path | None:
    if not PHOTO_ID.fullmatch(photo_id):
        return None
    try:
        return Project(find_project_folder()).photo_path(run_id, photo_id)
    except AnomalureError:
        return None


async def serve_photo(request: Request) -> Response:
    """A photo of a run, upright, at most ``?width=`` wide; found by its id, never by a path from the address."""
    width_px = choose_width(request.query_params.get("width"))
    if width_px is None:
        return _not_found()
    path = await run_in_threadpool(_find_photo, request.path_params["run_id"], request.path_params["photo_id"])
    if path is None:
        return _not_found()
    try:
        jpeg = await run_in_threadpool(render_preview, path, width_px=width_px)
    except (AnomalureError, OSError):
        return _not_found()
    return Response(jpeg, media_type="image/jpeg", headers=HEADERS)


async def serve_crop(request: Request) -> Response:
    """The small picture of a crop, found by its id."""
    crop_id = request.path_params["crop_id"]
    if not CROP_ID.fullmatch(crop_id):
        return _not_found()
    path = await run_in_threadpool(Project(find_project_folder()).crop_path, crop_id)
    if path is None or not path.is_file():
        return _not_found()
    return FileResponse(path, media_type="image/jpeg", headers=HEADERS)


async def say_healthy(request: Request) -> Response:
    """For scripts that wait until the dashboard answers."""
    return PlainTextResponse("ok", headers={"Cache-Control": "no-store"})


ROUTES = [
    Route("/photos/{run_id}/{photo_id}", serve_photo),
    Route("/crops/{crop_id}.jpg", serve_crop),
    Route("/healthz", say_healthy),
]

app = st.App(ROOT / "ui" / "frame.py", routes=ROUTES)
