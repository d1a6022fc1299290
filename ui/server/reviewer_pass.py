"""The reviewer's pass, a signed name: the page issues it, and the routes check it before they save decisions.

The page gives the board a pass with the reviewer's name. Another site cannot know it, and nobody can change the name in
it. Where people sign in, a pass is of one sign-in: it is worth nothing to anybody else, nor after signing out. The
board gets a new pass each time the page is drawn, so a pass that is no longer valid costs a reload and no decision.
"""

import hashlib
import os
import time
from contextlib import suppress

from itsdangerous import BadData, URLSafeTimedSerializer

from core.errors import AnomalureError
from core.study.project import Project
from ui.entry.signing_in import SignedIn
from ui.server.secret_key import read_secret_key

# Long enough for a board that stays open, or a decision that waits in the browser, during a holiday.
VALID_S = 60 * 24 * 3600
LONGEST_PASS = 2_000


class PassInvalid(AnomalureError):
    """The pass is missing, altered, too old, of another project, or of another sign-in."""


def make_pass(project: Project, *, reviewer: str, who: SignedIn | None = None) -> str:
    """A pass for a reviewer's name, which may be empty, and for who is signed in, if people sign in."""
    return str(_sign(project).dumps([reviewer, _name(who)]))


def read_pass(project: Project, text: object, *, who: SignedIn | None = None) -> str:
    """The reviewer's name in a pass that somebody sends.

    Raises:
        PassInvalid: If the pass was not made for this project, has run out, or is of another sign-in than ``who``.
    """
    if isinstance(text, str) and len(text) <= LONGEST_PASS:
        with suppress(BadData, ValueError, TypeError):
            (reviewer, sign_in), made_at = _sign(project).loads(text, return_timestamp=True)
            # One from the future was made before the clock was set back, and is as good as before.
            if sign_in == _name(who) and time.time() - made_at.timestamp() <= VALID_S:
                return str(reviewer)
    raise PassInvalid(
        "This page is no longer allowed to keep decisions. Reload it: your decisions are kept in this browser and are "
        "saved then."
    )


def _name(who: SignedIn | None) -> str:
    return "" if who is None else who.sign_in


def _sign(project: Project) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        read_secret_key(),
        salt=f"reviewer {os.path.realpath(project.path)}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
