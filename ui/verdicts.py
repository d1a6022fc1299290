"""Keep what the reviewer decides with a press of a button, and show it when that could not be kept."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.project import Project
from core.records import Decision
from ui.messages import notice
from ui.reviewer import read_reviewer
from ui.state import Key, crop_key
from ui.words import DECISION_WORDS

ACTIONS = {Decision.ANOMALY: "accept", Decision.NORMAL: "reject", Decision.UNSURE: "unsure"}
SHORTCUTS = {Decision.ANOMALY: "A", Decision.NORMAL: "N", Decision.UNSURE: "U"}


def remember_decided(crop_ids: set[str]) -> None:
    """Which of the cards on show are decided."""
    st.session_state[Key.DECIDED] = crop_ids


def _decide(project: Project, row: Mapping[str, Any], decision: Decision) -> None:
    # Buttons of a card that is being redrawn still take keys: a second press in haste must not change the first.
    decided = st.session_state.setdefault(Key.DECIDED, set())
    if row["crop_id"] in decided:
        return
    try:
        project.save_verdict(row, decision, reviewer=read_reviewer(project))
        decided.add(row["crop_id"])
    except AnomalureError as error:
        notice(f"The decision was not kept. {error}")


def _undo(project: Project, row: Mapping[str, Any]) -> None:
    try:
        project.undo_verdict(row, reviewer=read_reviewer(project))
        st.session_state.setdefault(Key.DECIDED, set()).discard(row["crop_id"])
    except AnomalureError as error:
        notice(f"The decision was not taken back. {error}")


def show_decision_buttons(
    project: Project, row: Mapping[str, Any], *, with_shortcuts: bool = False, prefix: str = ""
) -> bool:
    """Accept, reject and unsure, or undo once it is decided; True when one of them was pressed."""
    crop_id = row["crop_id"]
    with st.container(horizontal=True, gap="xxsmall", wrap=False):
        if row["verdict"]:
            return st.button("Undo", key=prefix + crop_key("undo", crop_id), icon=":material/undo:", width="stretch",
                             on_click=_undo, args=(project, row))  # fmt: skip
        pressed = [
            st.button(DECISION_WORDS[choice], key=prefix + crop_key(action, crop_id), width="stretch",
                      on_click=_decide, args=(project, row, choice),
                      shortcut=SHORTCUTS[choice] if with_shortcuts else None)
            for choice, action in ACTIONS.items()]  # fmt: skip
    return any(pressed)
