"""Who may come in and under which names the dashboard answers, from .streamlit/secrets.toml and config.toml."""

import socket
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from streamlit import config
from streamlit.auth_util import get_secrets_auth_section
from streamlit.runtime.secrets import secrets_singleton
from streamlit.web.server.server_util import allow_all_cross_origin_requests, allowlisted_origins, get_cookie_secret

from ui.entry.signing_in import Rules

EVERYWHERE = ("0.0.0.0", "::")


def read_rules() -> Rules:
    """The rules as they are now; signing in is asked for if secrets.toml has ``[auth]``."""
    auth = get_secrets_auth_section()
    own: Any = secrets_singleton.get("anomalure", {}) if secrets_singleton.load_if_toml_exists() else {}
    listed = own.get("allowed", [])
    return Rules(
        asks=bool(auth),
        secret=get_cookie_secret() if auth else "",
        allowed=tuple(str(one) for one in ([listed] if isinstance(listed, str) else listed)),
        hosts=_name_hosts(str(auth.get("redirect_uri", "")) if auth else ""),
        origins=frozenset({"*"} if allow_all_cross_origin_requests() else allowlisted_origins()),
    )


def _name_hosts(redirect_uri: str) -> frozenset[str]:
    own = [config.get_option(name) for name in ("server.address", "browser.serverAddress")]
    names = [
        "localhost",
        *_name_machine(),
        *(name for name in own if name and name not in EVERYWHERE),
        *config.get_option("server.allowedHosts"),
        urlsplit(redirect_uri).hostname or "",
    ]
    return frozenset(str(name).strip().lower().rstrip(".") for name in names) - {""}


@cache
def _name_machine() -> tuple[str, ...]:
    name = socket.gethostname().lower()
    return (name, f"{name}.local")
