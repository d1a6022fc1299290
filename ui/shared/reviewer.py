"""The reviewer's name: from signing in, or asked for once."""

from typing import Any
from urllib.parse import unquote

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from ui.shared.messages import notice
from ui.shared.state import Key

SETTING = "reviewer"
COOKIE = "anomalure_reviewer"
LONGEST_NAME = 60


def asks_to_sign_in() -> bool:
    """Whether signing in is set up for this dashboard (``[auth]`` in .streamlit/secrets.toml)."""
    return "is_logged_in" in st.user


def is_signed_in() -> bool:
    """Whether the reviewer is known by signing in."""
    return asks_to_sign_in() and bool(st.user.is_logged_in)


def read_reviewer(project: Project) -> str:
    """The name that goes with verdicts; empty while it is not given.

    Without signing in it is kept in the browser, so that several people can use one dashboard, and in the project for
    a browser that has none yet.
    """
    if is_signed_in():
        user: Any = st.user
        return tidy_name(str(user.get("name") or user.get("email") or ""))
    if Key.REVIEWER not in st.session_state:
        kept = tidy_name(unquote(st.context.cookies.get(COOKIE, "")))
        st.session_state[Key.REVIEWER] = kept or str(project.store.get_setting(SETTING, ""))
    return str(st.session_state[Key.REVIEWER])


def tidy_name(name: str) -> str:
    """A name without blanks to spare, not too long."""
    return " ".join(name.split())[:LONGEST_NAME]


def _keep_edited(project: Project) -> None:
    """Take the name for this session, and for the next browser without one."""
    name = tidy_name(str(st.session_state.get(Key.REVIEWER_EDIT, "")))
    st.session_state[Key.REVIEWER] = st.session_state[Key.REVIEWER_EDIT] = name
    try:
        project.store.set_setting(SETTING, name)
    except AnomalureError as error:
        notice(str(error))


def show_reviewer(project: Project) -> None:
    """Who is reviewing, to be given or changed; kept with every verdict."""
    if is_signed_in():
        st.caption(f":material/person: {read_reviewer(project)}")
        st.button("Sign out", icon=":material/logout:", on_click=st.logout)
        return
    st.text_input(
        "Your name",
        value=read_reviewer(project),
        key=Key.REVIEWER_EDIT,
        placeholder="Who is reviewing?",
        on_change=_keep_edited,
        args=(project,),
        max_chars=LONGEST_NAME,
        persist_state="session",
        help="Kept with each verdict, so that others can see who decided.",
    )


def ask_to_sign_in() -> bool:
    """Ask to sign in if that is set up and nobody has signed in; returns whether it asked."""
    if not asks_to_sign_in() or is_signed_in():
        return False
    st.info("Sign in to review: your name is kept with each decision.", icon=":material/login:")
    st.button("Sign in", key="sign-in", type="primary", icon=":material/login:", on_click=st.login)
    return True
