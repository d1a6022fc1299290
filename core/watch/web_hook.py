"""Tells by a web hook: one POST of JSON an event."""

import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from email.message import Message
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from core.errors import WrongUsage
from core.version import VERSION
from core.watch.channel import NotSent, Row, plain_row
from core.watch.digest import DIGEST_COLUMNS
from core.watch.secrets import is_this_computer

TOKEN_VARIABLE = "ANOMALURE_WEBHOOK_TOKEN"
ADDRESS_VARIABLE = "ANOMALURE_WEBHOOK"
TIMEOUT_S = 20.0
MOST_ANSWER_BYTES = 10_000


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirect would lose the content of a POST, and could carry the token to another host."""

    def redirect_request(self, *asked: Any, **more: Any) -> None:
        return None


class WebHook:
    """Posts each event to an address.

    The body is the row as a JSON object, with ``anomalure`` (the version) beside. The header ``Idempotency-Key`` has
    its id, which is the same if it is posted again. Any answer of 2xx means that it arrived.

    Args:
        address: ``https://...``, or ``http://...``.
        token: Goes into ``Authorization: Bearer``; empty: none.
        only_flagged: Only events with a flagged crop.

    Raises:
        WrongUsage: If the address is none, has a password in it, or the token would be sent unencrypted.
    """

    name = "webhook"
    at_once = 1
    every_s = 0.0

    def __init__(self, address: str, *, token: str = "", only_flagged: bool = False) -> None:
        try:
            parts = urlsplit(address)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise WrongUsage(f"The web hook's address cannot be read: {error}.") from error
        # The address itself may be a secret, so messages show only its host.
        if parts.scheme not in ("http", "https") or not host or any(sign.isspace() for sign in address):
            raise WrongUsage("The address of a web hook begins with https:// or http:// and the name of a host.")
        if parts.username is not None or parts.password is not None:
            raise WrongUsage(
                f"The web hook's address has a password in it. Put a token into {TOKEN_VARIABLE}, or into a file for "
                "--webhook-token-file."
            )
        if token and parts.scheme == "http" and not is_this_computer(host):
            raise WrongUsage(f"The token would go to {host} unencrypted. Use an address with https://.")
        if not token.isascii() or any(sign.isspace() for sign in token):
            raise WrongUsage("The web hook's token has blanks or letters that no header can hold.")
        self._address = address
        self._token = token
        self._only_flagged = only_flagged
        self.host = host
        self._opener = urllib.request.build_opener(_NoRedirect)

    def wants(self, row: Row) -> bool:
        """Every row, or those with a flagged crop and those of photos that cannot be read."""
        return not self._only_flagged or bool(row["flagged"] or row["failed"])

    def send(self, rows: Sequence[Row]) -> None:
        """Post one row."""
        for row in rows:
            self._post(row)

    def _post(self, row: Row) -> None:
        told = {"anomalure": VERSION, **{column: row[column] for column in DIGEST_COLUMNS}}
        request = urllib.request.Request(
            self._address,
            data=json.dumps(plain_row(told)).encode(),
            method="POST",
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"Anomalure/{VERSION}",
                "Idempotency-Key": str(row["id"]),
                **({"Authorization": f"Bearer {self._token}"} if self._token else {}),
            },
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                answer.read(MOST_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            with error:
                raise NotSent(self._say(error.code), after_s=_read_pause(error.headers)) from error
        except (OSError, HTTPException, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise NotSent(f"The web hook at {self.host} cannot be reached ({why}). It is tried again.") from error

    def _say(self, code: int) -> str:
        if code in (401, 403):
            what = f"refuses the watch ({code}). Check the token in {TOKEN_VARIABLE} or --webhook-token-file"
        elif 300 <= code < 400:
            what = f"has moved ({code}). Give its new address"
        else:
            what = f"answers with {code}"
        return f"The web hook at {self.host} {what}. It is tried again."


def _read_pause(headers: Message) -> float:
    text = str(headers.get("Retry-After", "")).strip()
    return float(text) if text.isascii() and text.isdigit() else 0.0
