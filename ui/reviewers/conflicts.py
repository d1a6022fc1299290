"""Crops about which two reviewers disagree, to be settled by one more verdict."""

from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.records import Decision
from core.study.project import Project
from core.study.second_review import find_conflicts, is_party, settle
from ui.reviewers.pictures import show_crop
from ui.reviewers.species import choose_species, read_species
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key, crop_key
from ui.shared.words import DECISION_WORDS, escape_markdown

SHOWN = 20


def count_conflicts(project: Project) -> int:
    """The number of open conflicts."""
    return len(find_conflicts(project.store.verdicts(with_second=True)))


@st.fragment
def show_conflicts(project: Project) -> None:
    """Draw each conflict with both verdicts and the buttons that settle it."""
    show_notice()
    with plain_errors():
        open_ones = find_conflicts(project.store.verdicts(with_second=True))
        if open_ones.empty:
            st.success(
                "No conflict is open: wherever two people decided about the same crop, they agree or it is settled.",
                icon=":material/handshake:",
            )
            return
        st.caption("What you choose is kept as one more verdict, marked as settled; both others stay in the history.")
        if not read_reviewer(project):
            st.info("Give your name in the bar on the left to settle one.", icon=":material/person:")
        for row in open_ones.head(SHOWN).to_dict("records"):
            with st.container(border=True):
                _show_conflict(project, {str(name): value for name, value in row.items()})
        if len(open_ones) > SHOWN:
            st.caption(f"The first {SHOWN} of {len(open_ones):,}; the next follow as you settle them.")


def _show_conflict(project: Project, row: dict[str, Any]) -> None:
    picture, words, buttons = st.columns([2, 4, 3], gap="medium", vertical_alignment="center")
    with picture:
        show_crop(row)
    with words:
        for who in ("first", "second"):
            said = [f"**{escape_markdown(row[f'{who}_reviewer'] or 'Somebody')}**: {DECISION_WORDS[row[who]]}"]
            said += [escape_markdown(row[f"{who}_{what}"]) for what in ("species", "note") if row[f"{who}_{what}"]]
            st.markdown(" · ".join(said))
    with buttons:
        choose_species(project, row, key=crop_key("settle-species", row["crop_id"]), placeholder="If it can be told")
        reviewer = read_reviewer(project)
        may_settle = bool(reviewer)
        if reviewer and is_party([row], reviewer):
            may_settle = st.checkbox(
                "We both agree",
                key=crop_key("settle-together", row["crop_id"]),
                help="You gave one of the two verdicts, so you cannot settle this alone. Tick it if the other agrees: "
                "that is kept with the verdict.",
            )
        with st.container(horizontal=True, gap="xxsmall", wrap=False):
            for choice in Decision:
                st.button(
                    DECISION_WORDS[choice],
                    key=crop_key(f"settle-{choice}", row["crop_id"]),
                    width="stretch",
                    disabled=not may_settle,
                    on_click=_settle,
                    args=(project, row["crop_id"], choice),
                )


def _settle(project: Project, crop_id: str, choice: Decision) -> None:
    try:
        settle(
            project,
            crop_id,
            choice,
            reviewer=read_reviewer(project),
            species=read_species(crop_key("settle-species", crop_id)),
            together=bool(st.session_state.get(crop_key("settle-together", crop_id))),
        )
    except AnomalureError as error:
        notice(f"This was not settled. {error}")
    else:
        st.session_state[Key.SECOND_LAST] = {}
