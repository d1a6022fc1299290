"""Who is reviewing: asked once, kept in the project, shown in the sidebar."""

import streamlit as st

from core.errors import AnomalureError
from core.project import Project
from ui.messages import notice
from ui.state import Key

SETTING = "reviewer"
LONGEST_NAME = 60


def read_reviewer(project: Project) -> str:
    """The name that goes with verdicts; empty while nobody has said."""
    if Key.REVIEWER not in st.session_state:
        st.session_state[Key.REVIEWER] = str(project.store.get_setting(SETTING, ""))
    return str(st.session_state[Key.REVIEWER])


def _keep(project: Project) -> None:
    name = " ".join(str(st.session_state.get(Key.REVIEWER_EDIT, "")).split())[:LONGEST_NAME]
    st.session_state[Key.REVIEWER] = name
    try:
        project.store.set_setting(SETTING, name)
    except AnomalureError as error:
        notice(str(error))


def show_reviewer(project: Project) -> None:
    """The reviewer's name, to be given or changed; kept with every verdict."""
    st.text_input(
        "Your name",
        value=read_reviewer(project),
        key=Key.REVIEWER_EDIT,
        placeholder="Who is reviewing?",
        on_change=_keep,
        args=(project,),
        max_chars=LONGEST_NAME,
        persist_state="session",
        help="Kept with each verdict, so that others can see who decided.",
    )
