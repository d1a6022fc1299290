"""The scripts of a component, served under a name that changes with their content."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

HEADERS = {"Cache-Control": "public, max-age=31536000, immutable", "X-Content-Type-Options": "nosniff"}
UI = Path(__file__).resolve().parents[1]


class Scripts:
    """The modules (``*.js``) of a folder and of its sub-folders. ``main.js`` exports ``mount(component)``.

    They are read once. An address is looked up among the files that were found, so it cannot name any other file.
    ``borrowed`` are modules of other components that these import; their names are then relative to ``ui/``.
    """

    def __init__(self, folder: Path, *, address: str, borrowed: Sequence[Path] = ()) -> None:
        self.folder = folder
        root = UI if borrowed else folder
        found = [*sorted(folder.rglob("*.js")), *borrowed]
        self.files = {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
        self.main = (folder / "main.js").relative_to(root).as_posix()
        content = b"".join(name.encode() + body for name, body in self.files.items())
        self.version = hashlib.blake2b(content, digest_size=8).hexdigest()
        """Differs when a file differs, so that a browser never mixes old files with new ones."""
        self.base = f"{address}/{self.version}/"
        self.route = Route(f"{address}/{{version}}/{{name:path}}", self._serve)

    def read_text(self, name: str) -> str:
        """A file of the folder, such as its style sheet."""
        return (self.folder / name).read_text(encoding="utf-8")

    def make_loader(self) -> str:
        """The script of the component: it fetches all modules at once and hands the component to ``main.js``."""
        names = ", ".join(f'"{name}"' for name in self.files)
        return f"""
const base = new URL("{self.base}", window.location.origin).href;
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
  import(base + "{self.main}").then(({{ mount }}) => {{ if (!gone) stop = mount(component); }});
  return () => {{ gone = true; if (stop) stop(); }};
}}
"""

    async def _serve(self, request: Request) -> Response:
        body = self.files.get(request.path_params["name"])
        if body is None:
            return PlainTextResponse("There is no such file.", status_code=404, headers={"Cache-Control": "no-store"})
        return Response(body, media_type="text/javascript", headers=HEADERS)
