"""Shows errors that a user can correct as plain sentences on the page."""

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from core.errors import AnomalureError
from ui.shared.state import Key
from ui.shared.words import escape_markdown


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show an ``AnomalureError`` raised in the block as its text, without a traceback, and continue after the block."""
    try:
        yield
    except AnomalureError as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")


def notice(text: str) -> None:
    """Keep a sentence for the page's next drawing; for callbacks, which draw nothing themselves."""
    st.session_state[Key.NOTICE] = text


def show_notice() -> None:
    """Show the sentence that a callback left, once."""
    text = st.session_state.pop(Key.NOTICE, "")
    if text:
        st.error(escape_markdown(text), icon=":material/error:")
