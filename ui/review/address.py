"""Filters in the address of the Review page that a bound widget cannot keep there: it would write what it shows.

So a bookmark, a reload and the browser's Back find them again.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui.shared.state import Key


def take_from_address(name: str, key: str, values: Mapping[str, Any], *, default: Any = None) -> None:
    """Set a widget, before it is drawn, to what the address says, where that is news.

    ``values`` are the texts that the address may have, with the widget's value for each; others are ignored. Without
    a text the widget keeps its value, except where the user went back to an address that had none.
    """
    asked = st.query_params.get(name)
    seen = st.session_state.setdefault(Key.IN_ADDRESS, {})
    context = get_script_run_ctx()
    is_back = context is not None and context.is_history_navigation
    if asked is not None and asked in values and (is_back or asked != seen.get(name)):
        st.session_state[key] = values[asked]
    elif key not in st.session_state or (is_back and asked is None):
        st.session_state[key] = default


def put_into_address(name: str, text: str | None) -> None:
    """Write into the address what was chosen; None: nothing."""
    st.session_state.setdefault(Key.IN_ADDRESS, {})[name] = text
    if text is None:
        st.query_params.pop(name, None)
    else:
        st.query_params[name] = text
