"""Who is signed in and acts, who may come into the project that the dashboard shows, and what they may do there."""

from dataclasses import replace
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.errors import AnomalureError
from core.team.acting import ACTING, Actor, may
from core.team.members import Team
from core.team.roles import Action
from ui.entry.rules import read_rules
from ui.entry.signing_in import ENDED, Rules, SignedIn, refuse_entry, to_person
from ui.shared.project_place import find_project_folder


def read_house_rules() -> Rules:
    """The rules of the dashboard with the team of its project; whom a team's damaged list would let in stays out."""
    rules = read_rules()
    if not rules.asks:
        return rules
    try:
        team = Team(find_project_folder())
        return replace(rules, members=team.members() if team.is_named else None)
    except AnomalureError as error:
        return replace(rules, members={}, problem=str(error))


def read_user() -> dict[str, Any]:
    """What the provider says of whoever looks at this page."""
    user: Any = st.user
    return dict(user.to_dict())


def find_signed_in() -> SignedIn | None:
    """Who is signed in and may be here; None without signing in."""
    user = read_user()
    if not user.get("is_logged_in"):
        return None
    who = to_person(user)
    return None if who in ENDED or refuse_entry(user, read_house_rules()) else who


def find_actor() -> Actor | None:
    """Who acts in this thread: who looks at the page whose script it runs, or who sent the request that it answers."""
    if get_script_run_ctx(suppress_warning=True) is None:
        return ACTING.get()
    if "is_logged_in" not in st.user:
        return None
    who = find_signed_in()
    return Actor("" if who is None else who.email)


def may_here(action: Action) -> bool:
    """Whether whoever looks at this page may do this in its project; what they may not do is not drawn."""
    try:
        return may(find_project_folder(), action)
    except AnomalureError:
        return False
