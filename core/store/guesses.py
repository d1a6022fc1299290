"""Whether a project shows guesses at what its crops look like."""

from typing import TYPE_CHECKING

from core.team.roles import Action

if TYPE_CHECKING:
    from core.store.database import Store

SETTING = "show_guesses"


def shows_guesses(store: "Store") -> bool:
    """Whether the project shows guesses; it does until somebody turns them off."""
    return store.get_setting(SETTING, True) is not False


def choose_guesses(store: "Store", *, shown: bool) -> None:
    """Turn guesses on or off for everybody who uses the project.

    Raises:
        AnomalureError: If the project's database cannot be written.
    """
    store.set_setting(SETTING, shown, needs=Action.DECIDE)
