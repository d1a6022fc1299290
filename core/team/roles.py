"""Which role may do what: the only table of it."""

from enum import StrEnum


class Role(StrEnum):
    """What somebody is in a team, from the least to the most."""

    VIEWER = "viewer"
    REVIEWER = "reviewer"
    LEAD = "lead"


class Action(StrEnum):
    """What somebody may or may not do in a project."""

    LOOK = "look at the photos"
    DECIDE = "decide about crops"
    EXPORT = "export decisions"
    RUN = "start runs"
    TRAIN = "train or choose models"
    SETTLE = "change the project's settings"
    LEAD = "change the team"


_ALL = frozenset(Role)
_REVIEWING = frozenset({Role.REVIEWER, Role.LEAD})
_LEADING = frozenset({Role.LEAD})

MAY: dict[Action, frozenset[Role]] = {
    Action.LOOK: _ALL,
    Action.DECIDE: _REVIEWING,
    Action.EXPORT: _REVIEWING,
    Action.RUN: _LEADING,  # a run reads any folder of the server, and trainings too
    Action.TRAIN: _LEADING,
    Action.SETTLE: _LEADING,
    Action.LEAD: _LEADING,
}
"""Who may do what."""

ABOUT = {
    Role.VIEWER: "sees photos, crops and decisions",
    Role.REVIEWER: "also decides about crops, and exports",
    Role.LEAD: "also starts runs and trainings, and names the team",
}


def say_refused(role: Role, action: Action) -> str:
    """Why somebody in this role may not do something, in sentences."""
    least = next(one for one in Role if one in MAY[action])
    return f"As a {role} of this project you may not {action}. A lead can make you a {least} on the People page."
