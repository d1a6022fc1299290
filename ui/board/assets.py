"""The files of the review board, served by a name that changes with their content. Knows no Streamlit."""

import hashlib
from functools import cache
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

FOLDER = Path(__file__).resolve().parent / "browser"
HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}


@cache
def _read_files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(FOLDER.glob("*.js"))}


@cache
def find_version() -> str:
    """Differs when a file differs, so that a browser never mixes an old file with a new one."""
    content = b"".join(name.encode() + body for name, body in _read_files().items())
    return hashlib.blake2b(content, digest_size=8).hexdigest()


@cache
def read_style() -> str:
    """The style sheet of the board."""
    return (FOLDER / "style.css").read_text(encoding="utf-8")


def make_loader() -> str:
    """The component's script: it loads the board and hands the component over."""
    names = ", ".join(f'"{name}"' for name in _read_files())
    return f"""
const base = new URL("/board/{find_version()}/", window.location.origin).href;
for (const name of [{names}]) {{
  if (document.head.querySelector(`link[href="${{base + name}}"]`)) continue;
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = base + name;
  document.head.append(link);
}}
export default function (component) {{
  let stop = null;
  let gone = false;
  import(base + "main.js").then((board) => {{ if (!gone) stop = board.mount(component); }});
  return () => {{ gone = true; if (stop) stop(); }};
}}
"""


async def serve_file(request: Request) -> Response:
    """One of the board's scripts."""
    body = _read_files().get(request.path_params["name"])
    if body is None:
        return PlainTextResponse("There is no such file.", status_code=404, headers={"Cache-Control": "no-store"})
    return Response(body, media_type="text/javascript", headers=HEADERS)


ROUTES = [Route("/board/{version}/{name}", serve_file)]
