"""Who is signed in, from the signed cookie that signing in leaves, and who may come in. Knows no Streamlit.

The page and the routes read the same cookie, so that both know the same person.
"""

import hashlib
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from itsdangerous import BadData, URLSafeTimedSerializer

from core.records import name_key, tidy_name
from core.team.roles import Role

COOKIE = "_streamlit_user"
WHO = "anomalure.who"  # in the scope of a request
# As long as Streamlit itself takes the cookie.
VALID_S = 31 * 24 * 3600
MOST_PARTS = 20
ANYBODY = "*"
_NOBODY = "nobody"  # no e-mail address: a list that has members, of whom none is left, still is one
_OF_A_SIGN_IN = ("nonce", "iat", "auth_time", "at_hash")
_NOT_CLAIMS = ("origin", "is_logged_in", "tokens")


@dataclass(frozen=True)
class SignedIn:
    """Somebody who has signed in.

    ``person`` is the same at each sign-in of one account, whatever its name, and ``sign_in`` differs for each.
    """

    person: str
    name: str
    email: str
    sign_in: str
    can_end: bool = True  # whether another sign-in of the same account can be told from this one


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Who may come in, under which names the dashboard answers, and whose pages may connect.

    ``asks`` is whether signing in is set up, ``secret`` signs the cookie, ``allowed`` are e-mail addresses, endings
    such as ``@park.example``, or ``*``. ``members`` are the roles in the project by e-mail address, None while it has
    no team: without ``allowed`` they alone may come in, and with it only those who are on both lists. ``problem`` is
    why nobody may come in at the moment. ``origins`` are those of other pages, such as ``https://traps.example``, or
    ``*``.
    """

    asks: bool = False
    secret: str = field(default="", repr=False)
    allowed: tuple[str, ...] = ()
    members: Mapping[str, Role] | None = None
    problem: str = ""
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()


def read_claims(cookies: Mapping[str, str], *, secret: str) -> dict[str, Any] | None:
    """What the provider said of whoever sends these cookies; None if they are too old or not signed with the secret."""
    text = _read_signed(cookies, COOKIE, secret)
    if text is not None and text.startswith("chunks-"):
        n = text.removeprefix("chunks-")
        if not n.isascii() or not n.isdigit() or int(n) > MOST_PARTS:
            return None
        parts = [_read_signed(cookies, f"{COOKIE}_{i + 1}", secret) for i in range(int(n))]
        text = None if None in parts else "".join(map(str, parts))
    with suppress(ValueError):
        claims = json.loads(text or "null")
        return claims if isinstance(claims, dict) and claims.get("is_logged_in") is True else None
    return None


def _read_signed(cookies: Mapping[str, str], name: str, secret: str) -> str | None:
    value = cookies.get(name, "")
    if not value or not secret:
        return None
    try:
        text = URLSafeTimedSerializer(secret, salt=name).loads(value, max_age=VALID_S)
    except (BadData, ValueError):
        return None
    return text if isinstance(text, str) else None


def to_person(claims: Mapping[str, Any]) -> SignedIn:
    """The person whom these claims describe: by the account's ``sub`` at its issuer, else by the e-mail address."""
    email = str(claims.get("email") or "").strip()
    sub, issuer = str(claims.get("sub") or ""), str(claims.get("iss") or "")
    own = {name: value for name, value in claims.items() if name not in _NOT_CLAIMS}
    return SignedIn(
        person=_digest([issuer, sub] if sub else ["e-mail", name_key(email)]),
        name=tidy_name(str(claims.get("name") or "")) or email,
        email=email,
        sign_in=_digest(own),
        can_end=any(claims.get(name) for name in _OF_A_SIGN_IN),
    )


def _digest(values: Any) -> str:
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def refuse_entry(claims: Mapping[str, Any], rules: Rules) -> str:
    """Why somebody who has signed in may not come in, as a sentence; empty if they may."""
    if rules.problem:
        return rules.problem
    if rules.members is None:
        return _refuse_unlisted(claims, rules.allowed)
    email = str(claims.get("email") or "").strip()
    if why := _refuse_unlisted(claims, rules.allowed or (*rules.members, _NOBODY)):
        return why
    if name_key(email) in map(name_key, rules.members):
        return ""
    return f"{email} is not in the team of this project. Ask a lead of it, or sign in with another account."


def _refuse_unlisted(claims: Mapping[str, Any], allowed: Sequence[str]) -> str:
    if not allowed:
        return (
            "Nobody may come in yet: the list of e-mail addresses is missing. Whoever runs this dashboard writes it "
            'into .streamlit/secrets.toml, under [anomalure]: allowed = ["ada@example.org"].'
        )
    if ANYBODY in allowed:
        return ""
    email = str(claims.get("email") or "").strip()
    if not email:
        return "Your account gives no e-mail address, so nobody can tell whether you may come in."
    if claims.get("email_verified") in (False, "false"):
        return f"The provider has not checked that {email} is yours. Confirm it there, and sign in again."
    key = name_key(email)
    for one in map(name_key, allowed):
        if key == one or (one.startswith("@") and one.count("@") == 1 and key.endswith(one) and key.count("@") == 1):
            return ""
    return f"{email} is not on the list of this dashboard. Ask whoever runs it, or sign in with another account."


class Ended:
    """The sign-ins that ended in this process: a copy of their cookie, or a page still open, is worth nothing."""

    def __init__(self) -> None:
        self._ids: set[str] = set()
        self._lock = threading.Lock()

    def add(self, who: SignedIn) -> None:
        """Note that somebody has signed out."""
        if who.can_end:
            with self._lock:
                self._ids.add(who.sign_in)

    def __contains__(self, who: SignedIn) -> bool:
        with self._lock:
            return who.sign_in in self._ids


ENDED = Ended()


def find_person(cookies: Mapping[str, str], rules: Rules) -> SignedIn | str:
    """Who sends these cookies, or why nobody comes in with them."""
    claims = read_claims(cookies, secret=rules.secret)
    if claims is None or to_person(claims) in ENDED:
        return "Sign in again: your decisions are kept in this browser and are saved then."
    return refuse_entry(claims, rules) or to_person(claims)
