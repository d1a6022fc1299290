"""The routes of photos, crops, exports and of the parts of pages. Knows no Streamlit.

Importing them imports what reads a project, which takes longer than for a browser to load the scripts of a page. So
``app.py`` does not import them: ``ui/server/later.py`` does, in the background.
"""

from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import Route

from core.errors import AnomalureError, PhotoUnreadable
from core.export.jobs import find_job
from core.team.acting import may
from core.team.roles import Action
from ui.board.addresses import ROUTES as REVIEW_ROUTES
from ui.groups.addresses import GROUP_ROUTES
from ui.scatter.addresses import EXPLORE_ROUTES
from ui.server.previews import choose_width, render_in_turn
from ui.shared.project_place import find_project_folder, open_project

# An address names content, which never changes: a browser need not ask twice. Other sites may not embed it.
HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
NOT_FOUND = "There is no such picture."


def _not_found(why: str = NOT_FOUND) -> Response:
    return PlainTextResponse(why, status_code=404, headers={"Cache-Control": "no-store"})


def _find_photo(run_id: str, photo_id: str) -> Path | None:
    try:
        return open_project().photo_path(run_id, photo_id)
    except AnomalureError:
        return None


def _find_crop(crop_id: str) -> Path | None:
    try:
        path = open_project().crop_path(crop_id)
    except AnomalureError:
        return None
    return path if path is not None and path.is_file() else None


async def serve_photo(request: Request) -> Response:
    """A photo of a run, upright, at most ``?width=`` wide; found by its id, never by a path from the address.

    A file that holds another picture by now is not served: boxes, decisions and the browser's cache belong to the one
    that the run has read.
    """
    width_px = choose_width(request.query_params.get("width"))
    if width_px is None:
        return _not_found()
    photo_id = request.path_params["photo_id"]
    path = await run_in_threadpool(_find_photo, request.path_params["run_id"], photo_id)
    if path is None:
        return _not_found()
    try:
        jpeg = await render_in_turn(path, photo_id, width_px=width_px)
    except PhotoUnreadable as error:
        return _not_found(str(error))
    return Response(jpeg, media_type="image/jpeg", headers=HEADERS)


async def serve_crop(request: Request) -> Response:
    """The small picture of a crop, found by its id."""
    path = await run_in_threadpool(_find_crop, request.path_params["crop_id"])
    if path is None:
        return _not_found()
    return FileResponse(path, media_type="image/jpeg", headers=HEADERS)


def _find_export(job_id: str) -> Path | None:
    folder = find_project_folder()
    job = find_job(folder, job_id) if may(folder, Action.EXPORT) else None
    return None if job is None else job.file


async def serve_export(request: Request) -> Response:
    """A file that the Export page made, found by the export's id; sent as a stream, however large."""
    path = await run_in_threadpool(_find_export, request.path_params["job_id"])
    if path is None:
        return PlainTextResponse("There is no such export.", status_code=404, headers={"Cache-Control": "no-store"})
    return FileResponse(path, filename=path.name, headers={**HEADERS, "Cache-Control": "no-store"})


ROUTES = [
    Route("/photos/{run_id}/{photo_id}", serve_photo),
    Route("/crops/{crop_id}.jpg", serve_crop),
    Route("/exports/{job_id}", serve_export),
    *EXPLORE_ROUTES,
    *REVIEW_ROUTES,
    *GROUP_ROUTES,
]
"""Each begins with one of ``PREFIXES`` of ``ui/server/later.py``."""
