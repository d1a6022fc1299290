"""The button that starts what a form asks for, with what the form holds at the moment of the click.

A callback would get what the last finished run of the script saw: a name typed just before the click, or a setting,
would be left out without a word. So the click is answered where the form has been read anew.
"""

import math
import time

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.request import Request
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.work.start import start

DOUBLE_CLICK_S = 1.0
"""A second click within this belongs to the first."""


def forget_started_name(name_key: Key) -> None:
    """Empty the name of what was started last; to be called before its text field is drawn."""
    if st.session_state.get(Key.STARTED) == name_key:
        del st.session_state[Key.STARTED]
        st.session_state[name_key] = ""


def show_start(*, key: str, ready: bool, help_text: str) -> bool:
    """Draw the button; True once a click, if what the form holds now can be started."""
    clicked = st.button(
        "Start", key=key, type="primary", icon=":material/play_arrow:", disabled=not ready, help=help_text
    )
    is_first = time.monotonic() - st.session_state.get(Key.STARTED_AT, -math.inf) > DOUBLE_CLICK_S
    return clicked and ready and is_first


def start_work(project: Project, request: Request, *, allow_code: bool = False) -> bool:
    """Start a process that does what is asked for; if that cannot be, the page says why and is drawn anew."""
    try:
        start(project, request, allow_code=allow_code)
    except (OSError, AnomalureError) as error:
        notice(f"The {request.what} could not be started: {error}")
        st.rerun()
    return True


def note_started(name_key: Key) -> None:
    """Something was started: the page is drawn anew, with an empty name."""
    st.session_state[Key.STARTED] = name_key
    st.session_state[Key.STARTED_AT] = time.monotonic()
    st.rerun()
