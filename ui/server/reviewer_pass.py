"""The reviewer's pass, a signed name: the page issues it, and the routes check it before they save decisions.

A route cannot see who is logged in on the page. The page gives the board a pass with the reviewer's name. Another site
cannot know it, and nobody can change the name in it. The board gets a new pass each time the page is drawn, so a pass
that is no longer valid costs a reload and no decision.
"""

import hashlib
import os

from itsdangerous import BadData, URLSafeTimedSerializer

from core.errors import AnomalureError
from core.study.project import Project
from ui.server.secret_key import read_secret_key

# Long enough for a board that stays open, or a decision that waits in the browser, during a holiday.
VALID_S = 60 * 24 * 3600
LONGEST_PASS = 2_000


class PassInvalid(AnomalureError):
    """The pass is missing, altered, too old, or of another project."""


def make_pass(project: Project, *, reviewer: str) -> str:
    """A pass for a reviewer's name, which may be empty."""
    return str(_sign(project).dumps(reviewer))


def read_pass(project: Project, text: object) -> str:
    """The reviewer's name in a pass.

    Raises:
        PassInvalid: If the pass was not made for this project, or has run out.
    """
    if isinstance(text, str) and len(text) <= LONGEST_PASS:
        try:
            return str(_sign(project).loads(text, max_age=VALID_S))
        except BadData:
            pass
    raise PassInvalid(
        "This page is no longer allowed to keep decisions. Reload it: your decisions are kept in this browser and are "
        "saved then."
    )


def _sign(project: Project) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(
        read_secret_key(),
        salt=f"reviewer {os.path.realpath(project.path)}",
        signer_kwargs={"digest_method": hashlib.sha256},
    )
