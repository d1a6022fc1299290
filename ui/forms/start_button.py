"""The button that starts what a form asks for, with what the form holds at the moment of the click.

A callback would get what the last finished run of the script saw: a name typed just before the click, or a setting,
would be left out without a word. So the click is answered where the form has been read anew.
"""

import math
import time
from typing import NoReturn

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.request import Request
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import escape_markdown
from ui.work.panel import Panel
from ui.work.start import start

DOUBLE_CLICK_S = 1.0
"""A second click within this belongs to the first."""


def forget_started_name(name_key: Key) -> None:
    """Empty the name of what was started last; to be called before its text field is drawn."""
    if st.session_state.get(Key.STARTED) == name_key:
        del st.session_state[Key.STARTED]
        st.session_state[name_key] = ""


def show_start(*, key: str, what: str, problem: str, is_complete: bool, busy: bool, more: str = "") -> bool:
    """Draw the button, and over it what is wrong; True once a click, if what the form holds now can be started.

    Args:
        key: The key of the button.
        what: What the page calls the work.
        problem: What is wrong, in a sentence; empty for nothing.
        is_complete: Whether the form holds all that is needed.
        busy: Whether work of this kind is running.
        more: Another sentence for the help.
    """
    if problem:
        st.caption(f":orange[:material/error:] {escape_markdown(problem)}")
    ready = is_complete and not problem
    help_text = f"The {what} continues when you close this page."
    if more:
        help_text += f" {more}"
    if busy:
        help_text += f" Another {what} is under way; both will be slower."
    clicked = st.button(
        "Start", key=key, type="primary", icon=":material/play_arrow:", disabled=not ready, help=help_text
    )
    is_first = time.monotonic() - st.session_state.get(Key.STARTED_AT, -math.inf) > DOUBLE_CLICK_S
    return clicked and ready and is_first


def start_work(
    project: Project, request: Request, panel: Panel, *, name_key: Key, allow_code: bool = False
) -> NoReturn:
    """Start a process that does what is asked for, and draw the page anew.

    The panel then follows the work and the name is empty; if it could not be started, the page says why.
    """
    try:
        start(project, request, allow_code=allow_code)
    except (OSError, AnomalureError) as error:
        notice(f"The {request.what} could not be started: {error}")
    else:
        panel.follow(request.name)
        st.session_state[Key.STARTED] = name_key
        st.session_state[Key.STARTED_AT] = time.monotonic()
    st.rerun()
