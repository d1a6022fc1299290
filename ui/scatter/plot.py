"""The scatterplot of ui/scatter/browser as an element of a page: what it is told, and what it reports back."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import streamlit as st

FOLDER = Path(__file__).resolve().parent / "browser"
SCRIPTS = ("paint.js", "points.js", "species.js", "reach.js", "plot.js")  # each uses those before it
NAME = "anomalure_scatter"
EVENTS = ("eps", "looks", "view", "pick", "lost")
"""What the plot reports: another eps; which species are drawn and how strongly; the part in view; an outline
(empty: forget the selection); that the server no longer has its points."""

Answer = Callable[[Any], None]


def _read(*names: str) -> str:
    return "\n".join((FOLDER / name).read_text(encoding="utf-8") for name in names)


# Styles are not isolated: Plotly puts its own into the page, which a shadow root would not see.
_component = st.components.v2.component(
    NAME, html=_read("plot.html"), css=_read("plot.css"), js=_read(*SCRIPTS), isolate_styles=False
)


def show_plot(key: str, data: Mapping[str, Any], answers: Mapping[str, Answer]) -> None:
    """Draw the plot.

    Args:
        key: Its name; while it stays the same, zoom and pan are kept.
        data: What ``build_plot_data`` gave.
        answers: What to do when the plot reports one of ``EVENTS``, called with its value.
    """

    def hear(event: str) -> Callable[[], None]:
        def act() -> None:
            value = getattr(st.session_state[key], event, None)
            if value is not None:
                answers[event](value)

        return act

    callbacks: dict[str, Any] = {f"on_{event}_change": hear(event) for event in EVENTS}
    _component(key=key, data=dict(data), height="content", **callbacks)
