"""The scatterplot of ui/scatter/browser as an element of a page."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from ui.scatter.addresses import SCRIPTS

NAME = "anomalure_scatter"
EVENTS = ("eps", "looks", "view", "pick", "open", "lost")
"""The events that the plot reports: another eps; which species are drawn and their opacity; the visible part; an
outline (empty: clear the selection); a point was clicked; the server no longer has its points."""

Answer = Callable[[Any], None]


# Styles are not isolated, because Plotly puts its own into the page, and a shadow root would not get them.
_component = st.components.v2.component(
    NAME,
    html=SCRIPTS.read_text("plot.html"),
    css=SCRIPTS.read_text("plot.css"),
    js=SCRIPTS.make_loader(),
    isolate_styles=False,
)


def show_plot(key: str, data: Mapping[str, Any], answers: Mapping[str, Answer]) -> None:
    """Draw the plot.

    Args:
        key: Its name; zoom and pan are kept while it stays the same.
        data: From ``build_plot_data``.
        answers: For each of ``EVENTS`` the function that is called with its value.
    """

    def hear(event: str) -> Callable[[], None]:
        def act() -> None:
            value = getattr(st.session_state[key], event, None)
            if value is not None:
                answers[event](value)

        return act

    callbacks: dict[str, Any] = {f"on_{event}_change": hear(event) for event in EVENTS}
    _component(key=key, data=dict(data), height="content", **callbacks)
