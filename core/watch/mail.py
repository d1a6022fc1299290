"""Tells by e-mail: at most one mail in some minutes, with all events since, and a small picture of the oddest crops."""

import hashlib
import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import formatdate, parseaddr

from core.disk.names import show_in_terminal
from core.errors import WrongUsage
from core.watch.channel import NotSent, Row
from core.watch.secrets import is_this_computer

PASSWORD_VARIABLE = "ANOMALURE_SMTP_PASSWORD"
USUAL_PORT, TLS_PORT = 587, 465
TIMEOUT_S = 30.0
MOST_EVENTS = 200
MOST_NAMED = 50
MOST_PICTURES = 5
_ADDRESS = re.compile(r"[^@\s<>,;\"]+@[^@\s<>,;\"]+")

ReadPicture = Callable[[str], bytes | None]


class Mail:
    """Sends mails through an SMTP server.

    The connection is encrypted (STARTTLS, or TLS from the start on port 465), and the server's certificate is checked.
    Only a server on this computer may have neither.

    Args:
        to: The address; several are separated by commas.
        server: ``HOST`` or ``HOST:PORT``; port 587 unless told otherwise.
        sender: The address that mails come from; empty: the user's, or the first receiver's.
        user: The name to log in with; empty: no login.
        password: Its password.
        every_min: Shortest time between two mails, in minutes.
        only_flagged: Only events with a flagged crop.
        read_picture: The small JPEG of a crop, or None.
        context: For tests; None: the system's certificates.

    Raises:
        WrongUsage: If an address cannot be one, or a password would be sent unencrypted.
    """

    at_once = MOST_EVENTS

    def __init__(
        self,
        to: str,
        server: str,
        *,
        sender: str = "",
        user: str = "",
        password: str = "",
        every_min: float = 30.0,
        only_flagged: bool = False,
        read_picture: ReadPicture = lambda crop_id: None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._to = [one.strip() for one in to.split(",") if one.strip()]
        sender = sender or (user if _ADDRESS.fullmatch(user) else "") or (self._to[0] if self._to else "")
        for address in [*self._to, sender]:
            if not _ADDRESS.fullmatch(parseaddr(address)[1]) or "\n" in address or "\r" in address:
                raise WrongUsage(f"{address!r} is no e-mail address. Expected one like name@example.org.")
        if not 0 <= every_min <= 7 * 24 * 60:
            raise WrongUsage(f"The time between two mails is 0 to 10,080 minutes, got {every_min:g}.")
        if user and not password:
            raise WrongUsage(f"The password of {user} is missing. Put it into {PASSWORD_VARIABLE} or a file.")
        self.host, self._port = read_server(server)
        self._sender = sender
        self._user, self._password = user, password
        self._only_flagged = only_flagged
        self._read_picture = read_picture
        self._context = context
        self.every_s = every_min * 60.0
        self.name = f"email:{','.join(self._to)}"

    def wants(self, row: Row) -> bool:
        """Every row, or those with a flagged crop and those of photos that cannot be read."""
        return not self._only_flagged or bool(row["flagged"] or row["failed"])

    def send(self, rows: Sequence[Row]) -> None:
        """Send one mail about these events."""
        message = self._write(rows)
        try:
            with self._connect() as server:
                server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise NotSent(
                f"The mail server {self.host} refuses the login of {self._user}. Check the password."
            ) from error
        except smtplib.SMTPRecipientsRefused as error:
            refused = ", ".join(error.recipients)
            raise NotSent(f"The mail server {self.host} does not take mails to {refused}.") from error
        except ssl.SSLCertVerificationError as error:
            raise NotSent(
                f"The certificate of the mail server {self.host} cannot be trusted ({error.verify_message})."
            ) from error
        except (OSError, smtplib.SMTPException, MessageError, UnicodeError) as error:
            raise NotSent(f"The mail server {self.host} did not take the mail ({error}). It is tried again.") from error

    def _connect(self) -> smtplib.SMTP:
        context = self._context or ssl.create_default_context()
        if self._port == TLS_PORT:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self._port, timeout=TIMEOUT_S, context=context)
        else:
            server = smtplib.SMTP(self.host, self._port, timeout=TIMEOUT_S)
        try:
            server.ehlo()
            is_encrypted = self._port == TLS_PORT
            if not is_encrypted and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                is_encrypted = True
            if not is_encrypted and not is_this_computer(self.host):
                raise NotSent(
                    f"The mail server {self.host} offers no encryption (STARTTLS), so nothing is sent through it."
                )
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _write(self, rows: Sequence[Row]) -> EmailMessage:
        ids = [str(row["id"]) for row in rows]
        oddest = sorted(rows, key=_by_oddness)
        message = EmailMessage()
        message["Subject"] = _say_subject(rows)
        message["From"] = self._sender
        message["To"] = ", ".join(self._to)
        message["Date"] = formatdate(localtime=True)
        # The same events give the same id, so that mailboxes and receivers can drop what comes twice.
        message["Message-ID"] = f"<{hashlib.blake2b(' '.join(ids).encode(), digest_size=12).hexdigest()}@anomalure>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content("\n".join(_say_rows(rows, oddest)))
        n_pictures = 0
        for row in oddest:
            # A crop may reach over somebody who stands beside the animal.
            picture = self._read_picture(row["crop_id"]) if row["crop_id"] and not row["shows_people"] else None
            if picture and n_pictures < MOST_PICTURES:
                message.add_attachment(picture, maintype="image", subtype="jpeg", filename=f"{row['id']}.jpg")
                n_pictures += 1
        return message


def read_server(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT`` or ``[IPv6]:PORT``.

    Raises:
        WrongUsage: If it is neither.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?", text.strip(), re.ASCII)
    port = int(found[3]) if found and found[3] else USUAL_PORT
    if not found or not 0 < port < 65_536:
        raise WrongUsage(f"{text!r} is no mail server. Expected HOST or HOST:PORT, such as smtp.example.org:587.")
    return found[1] or found[2], port


def _by_oddness(row: Row) -> tuple[bool, float]:
    return (not row["flagged"], -(row["score"] if row["score"] is not None else float("-inf")))


def _say_subject(rows: Sequence[Row]) -> str:
    odd = sum(bool(row["flagged"]) for row in rows)
    cameras = list(dict.fromkeys(_clean(row["camera"]) for row in rows))
    where = ", ".join(cameras[:3]) + (f" and {len(cameras) - 3} more" if len(cameras) > 3 else "")
    events = f"{len(rows)} event{'s' if len(rows) != 1 else ''}"
    return f"Anomalure: {odd} of {events} flagged, {where}"[:200]


def _say_rows(rows: Sequence[Row], oddest: Sequence[Row]) -> list[str]:
    photos = sum(row["photos"] for row in rows)
    lines = [f"{photos} photos of {len(rows)} events came, watched by {_clean(rows[0]['watch'])}.", ""]
    for row in oddest[:MOST_NAMED]:
        when = f"{row['first_at']} to {row['last_at']}" if row["first_at"] else "without a time"
        came = f"{row['photos']} photos{', further ones' if row['is_late'] else ''}"
        lines.append(f"{_clean(row['camera'])}, {when}: {came}")
        if row["failed"]:
            lines.append(f"  {row['failed']} photos cannot be read, such as {_clean(row['path'])}")
        elif row["crop_id"]:
            score = "not scored" if row["score"] is None else f"score {row['score']:.2f}, p-value {row['p_value']:.3g}"
            flag = f"{row['flagged']} flagged" if row["flagged"] else "nothing flagged"
            lines.append(f"  {flag}; most anomalous: {score}, most like {_clean(row['most_like']) or 'no species'}")
            lines.append(f"  {_clean(row['path'])}")
        else:
            lines.append("  only people or vehicles, which are left out" if row["people"] else "  no crop")
        lines.append(f"  id {row['id']}")
    if len(oddest) > MOST_NAMED:
        lines.append(f"... and {len(oddest) - MOST_NAMED} more events, which are in the dashboard.")
    links = list(dict.fromkeys(row["link"] for row in rows if row["link"]))
    return [*lines, "", *links]


def _clean(text: str) -> str:
    return show_in_terminal(" ".join(str(text).splitlines()))
