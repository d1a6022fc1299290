"""The door of the dashboard, before every route: which names it answers to, who may come in, and who may frame it.

What other sites send is refused. It is closed unless an address is one of the few that a browser needs to sign in. So a
route that is added later is behind it, too. Knows no Streamlit.
"""

import asyncio
import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.team.acting import ACTING, Actor
from ui.entry.signing_in import ENDED, WHO, Rules, SignedIn, find_person

SIGN_OUT = "/auth/logout"
OPEN = frozenset(
    {"/", "/healthz", "/auth/login", SIGN_OUT, "/oauth2callback"}
    | {f"/_stcore/{name}" for name in ("health", "host-config", "stream", "script-health-check")}
)
OPEN_UNDER = ("/static/", "/_stcore/bidi-components/", "/component/", "/favicon")
POLICY_VIOLATION = 1008
NO_STORE = {"Cache-Control": "no-store"}
# A page of another site that shows this one in a frame could make somebody click on it.
FRAMES = {"Content-Security-Policy": "frame-ancestors 'self'", "X-Frame-Options": "SAMEORIGIN"}


def is_own_name(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is one of the dashboard's names, or an IP address: a site's name that was made to lead here
    is neither."""
    try:
        parts = urlsplit(f"//{host}")
        name = parts.hostname
        _ = parts.port
    except ValueError:
        return False
    if not name or any(sign in host for sign in "@/?#\\ "):
        return False
    name = name.rstrip(".")
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return any(name == one or (one.startswith("*.") and name.endswith(one[1:])) or one == "*" for one in names)
    return True


def is_own_page(origin: str, host: str, allowed: frozenset[str]) -> bool:
    """Whether a page of this origin is of the dashboard itself: it has the same name and port, or is allowed by name.

    A page on another port of the same computer is another site, which a browser lets connect here with its cookies.
    """
    if origin in allowed or "*" in allowed:
        return True
    try:
        page = urlsplit(origin)
        here = urlsplit(f"//{host}")
        usual = {"http": 80, "https": 443}.get(page.scheme)
        return usual is not None and (page.hostname, page.port or usual) == (here.hostname, here.port or usual)
    except ValueError:
        return False


class Door:
    """ASGI middleware; it must stand before all others.

    Args:
        app: What is behind the door.
        read_rules: Asked for each request, so that a list that is changed counts at once.
        pages: The addresses of the pages, which show who is not signed in how to do so.
    """

    def __init__(self, app: ASGIApp, *, read_rules: Callable[[], Rules], pages: frozenset[str] = frozenset()) -> None:
        self._app = app
        self._read_rules = read_rules
        self._open = OPEN | pages
        self._connected: dict[str, set[asyncio.Event]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on with who sent it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        rules = self._read_rules()
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not is_own_name(hosts[0], rules.hosts):
            await _refuse(scope, receive, send, _say_other_name(hosts))
            return
        changes = scope["type"] == "websocket" or scope["method"] not in ("GET", "HEAD", "OPTIONS")
        if changes and not all(is_own_page(one, hosts[0], rules.origins) for one in headers.getlist("origin")):
            await _refuse(scope, receive, send, _say_other_page())
            return
        who = find_person(HTTPConnection(scope).cookies, rules) if rules.asks else None
        if isinstance(who, str) and not self._is_open(scope):
            status = 401 if who.startswith("Sign in") else 403
            await _refuse(scope, receive, send, JSONResponse({"error": who}, status_code=status, headers=NO_STORE))
            return
        person = who if isinstance(who, SignedIn) else None
        scope[WHO] = person
        if rules.asks:
            ACTING.set(Actor("" if person is None else person.email))
        if scope["type"] == "websocket":
            await self._connect(scope, receive, send, person)
            return
        is_leaving = scope["path"] == SIGN_OUT
        if is_leaving and person is not None:
            ENDED.add(person)
            for end in self._connected.get(person.sign_in, ()):
                end.set()
        await self._app(scope, receive, _with_headers(send, is_leaving=is_leaving))

    def _is_open(self, scope: Scope) -> bool:
        path = scope["path"]
        return path in self._open or path.startswith(OPEN_UNDER)

    async def _connect(self, scope: Scope, receive: Receive, send: Send, who: SignedIn | None) -> None:
        """Pass a connection on, and close it when the one who opened it signs out in another tab."""
        if who is None:
            await self._app(scope, receive, send)
            return
        end = asyncio.Event()
        self._connected.setdefault(who.sign_in, set()).add(end)
        over = asyncio.ensure_future(end.wait())

        async def receive_until_over() -> Message:
            coming = asyncio.ensure_future(receive())
            await asyncio.wait({coming, over}, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                return coming.result()
            coming.cancel()
            await send({"type": "websocket.close", "code": POLICY_VIOLATION})
            return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

        try:
            await self._app(scope, receive_until_over, send)
        finally:
            over.cancel()
            ends = self._connected[who.sign_in]
            ends.discard(end)
            if not ends:
                del self._connected[who.sign_in]


def _say_other_name(hosts: list[str]) -> Response:
    asked = hosts[0][:200] if len(hosts) == 1 else "several names"
    return PlainTextResponse(
        f"This dashboard does not answer to {asked!r}. If that is its name, whoever runs it writes it into "
        ".streamlit/config.toml, under [server]: allowedHosts.",
        status_code=421,
        headers=NO_STORE,
    )


def _say_other_page() -> Response:
    text = (
        "This comes from a page of another site. If the dashboard has another name or port there, for example behind a "
        "proxy, whoever runs it writes it into .streamlit/config.toml, under [server]: corsAllowedOrigins."
    )
    return JSONResponse({"error": text}, status_code=403, headers=NO_STORE)


async def _refuse(scope: Scope, receive: Receive, send: Send, answer: Response) -> None:
    if scope["type"] == "websocket":
        await receive()  # the handshake
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    await answer(scope, receive, _with_headers(send))


def _with_headers(send: Send, *, is_leaving: bool = False) -> Send:
    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in FRAMES.items():
                headers.append(name, value)
            if is_leaving:
                headers.append("Clear-Site-Data", '"cache"')  # the browser keeps pictures for a year
        await send(message)

    return send_more
