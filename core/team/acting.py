"""Who is acting at this moment, and whether they may do what they are about to do.

A dashboard in which people sign in says who acts (``tell_who_acts``). Where nobody says so, it is whoever runs the
program: on a laptop, a command, or the process of work that was allowed when it was asked for. They can change every
file of the project anyway, and may do everything.
"""

import getpass
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from core.errors import AnomalureError
from core.team.members import Team
from core.team.roles import MAY, Action, say_refused


class NotAllowed(AnomalureError):
    """Somebody may not do this in the project."""


@dataclass(frozen=True)
class Actor:
    """Somebody who has signed in, by their e-mail address; an empty one is somebody who has not."""

    email: str


ACTING: ContextVar[Actor | None] = ContextVar("acting", default=None)
"""Who sent the request that is answered here."""
_find_actor: Callable[[], Actor | None] = ACTING.get


def tell_who_acts(find: Callable[[], Actor | None]) -> None:
    """Set what finds who acts at this moment in this thread; None stands for whoever runs the program."""
    global _find_actor
    _find_actor = find


def say_why_not(folder: Path, action: Action) -> str:
    """Why whoever acts may not do this in the project in ``folder``, as sentences; empty if they may."""
    actor = _find_actor()
    if actor is None:
        return ""
    if not actor.email:
        return "Sign in to do this."
    team = Team(folder)
    if not team.is_named:
        return ""
    role = team.role_of(actor.email)
    if role is None:
        return f"{actor.email} is not in the team of this project. Ask a lead of it."
    return "" if role in MAY[action] else say_refused(role, action)


def may(folder: Path, action: Action) -> bool:
    """Whether whoever acts may do this in the project in ``folder``."""
    return not say_why_not(folder, action)


def refuse(folder: Path, action: Action) -> None:
    """Refuse what whoever acts may not do.

    Raises:
        NotAllowed: If they may not.
    """
    if why := say_why_not(folder, action):
        raise NotAllowed(why)


def name_actor() -> str:
    """Who acts, for the log: their e-mail address, or the user of this computer who runs the program."""
    actor = _find_actor()
    if actor is not None:
        return actor.email
    try:
        return f"command line ({getpass.getuser()})"
    except (OSError, KeyError):  # a system that knows no user of this number
        return "command line"


def note(folder: Path, did: str, about: str, *, how: str = "") -> None:
    """Note in the project's log that whoever acts did something; does nothing in a project without a team."""
    Team(folder).note(did, about, by=name_actor(), how=how)
