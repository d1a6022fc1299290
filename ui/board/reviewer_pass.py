"""A pass says who may keep decisions, and under which name: signed by the page, checked by the routes.

A route cannot see who is logged in on the page. The page hands the board a pass with the reviewer's name; another
site cannot know it, and nobody can change the name in it. Knows no Streamlit.
"""

import hashlib
import hmac
import json
import os
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from core.errors import AnomalureError
from core.study.project import Project

KEY_NAME = "dashboard.key"
# A board that stays open, or a decision that waits in the browser, outlives a holiday.
VALID_S = 60 * 24 * 3600
LONGEST_PASS = 2_000


class PassInvalid(AnomalureError):
    """The pass is missing, altered, too old, or of another project."""


def make_pass(project: Project, *, reviewer: str) -> str:
    """A pass for a reviewer's name, which may be empty."""
    content = json.dumps({"reviewer": reviewer, "until": int(time.time()) + VALID_S}, ensure_ascii=False).encode()
    return f"{_to_text(content)}.{_to_text(_sign(project, content))}"


def read_pass(project: Project, text: object) -> str:
    """The reviewer's name in a pass.

    Raises:
        PassInvalid: If the pass was not made for this project, or has run out.
    """
    try:
        if not isinstance(text, str) or len(text) > LONGEST_PASS:
            raise ValueError("no pass")
        content, signature = (_to_bytes(part) for part in text.split("."))
        if not hmac.compare_digest(signature, _sign(project, content)):
            raise ValueError("altered")
        values = json.loads(content)
        if values["until"] < time.time():
            raise ValueError("too old")
        return str(values["reviewer"])
    except (ValueError, KeyError, TypeError) as error:
        raise PassInvalid(
            "This page is no longer allowed to keep decisions. Reload it: what was decided is kept in "
            "this browser and saved then."
        ) from error


def _sign(project: Project, content: bytes) -> bytes:
    return hmac.digest(_read_key(project.path / KEY_NAME), content, hashlib.sha256)


def _read_key(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise AnomalureError(f"{path} cannot be read ({error.strerror}). Let Anomalure read it.") from error
    temporary = path.with_name(f".{KEY_NAME}.{secrets.token_hex(8)}")
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(temporary, path)  # fails if another process was quicker: its key counts
        except FileExistsError:
            pass
        except OSError:
            os.replace(temporary, path)  # a disk without links
        return path.read_bytes()
    except OSError as error:
        raise AnomalureError(
            f"{path} cannot be written ({error.strerror}). Put the project in a folder that you may write to."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def _to_text(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _to_bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
