"""The blind second review: one crop after the other, without what the first reviewer said."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.records import Decision, Round
from core.study.project import Project
from core.study.second_review import SecondReview, keep_second_review, read_second_review, save_second, second_queue
from ui.reviewers.pictures import show_crop, show_whole_photo
from ui.reviewers.species import choose_species, read_species
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key, crop_key
from ui.shared.words import DECISION_WORDS, escape_markdown

SHORTCUTS = {Decision.ANOMALY: "A", Decision.NORMAL: "N", Decision.UNSURE: "U"}


@st.fragment
def show_second_review(project: Project) -> None:
    """Draw the next crop; only this part runs again after a decision."""
    show_notice()
    with plain_errors():
        reviewer = read_reviewer(project)
        if not reviewer:
            st.info(
                "Give your name in the bar on the left: the second review must be by another person than the first.",
                icon=":material/person:",
            )
            return
        progress = second_queue(project, reviewer)
        left, right = st.columns([5, 2], vertical_alignment="center")
        with left:
            if progress.n_drawn:
                _show_tally(progress.n_done, progress.n_drawn, reviewer)
        with right:
            _show_plan(project)
        if progress.rows.empty:
            _show_nothing_left(progress.n_drawn)
        else:
            _show_crop(project, progress.rows.iloc[0].to_dict(), reviewer)
        _show_take_back(project)


def _show_tally(n_done: int, n_drawn: int, reviewer: str) -> None:
    st.progress(
        n_done / n_drawn,
        text=f"**{n_done:,} of {n_drawn:,} decided** by {escape_markdown(reviewer)}, without seeing the first verdict",
    )


def _show_plan(project: Project) -> None:
    plan = read_second_review(project)
    with st.popover("Share", icon=":material/tune:", width="stretch"):
        st.slider(
            "Share of the decided crops",
            0,
            100,
            round(100 * plan.share),
            step=5,
            format="%d %%",
            key=Key.SECOND_SHARE,
            on_change=_keep_plan,
            args=(project,),
            help="Crops are chosen at random, the same for every reviewer. A larger share keeps those already chosen.",
        )


def _keep_plan(project: Project) -> None:
    plan = read_second_review(project)
    try:
        keep_second_review(project, SecondReview(share=st.session_state[Key.SECOND_SHARE] / 100, seed=plan.seed))
    except AnomalureError as error:
        notice(str(error))


def _show_nothing_left(n_drawn: int) -> None:
    if n_drawn:
        st.success(
            "You have decided about all of your share. Conflicts and Agreement are at the top of the page.",
            icon=":material/task_alt:",
        )
    else:
        st.info(
            "There is nothing for you to review a second time yet. It needs crops that somebody else has decided about "
            "on Review: a colleague, under another name in the bar on the left. Raise the share if there are only a "
            "few.",
            icon=":material/group:",
        )


def _show_crop(project: Project, row: Mapping[str, Any], reviewer: str) -> None:
    photo, side = st.columns([5, 2], gap="medium")
    with photo:
        show_whole_photo(project, row)
    with side:
        show_crop(row)
        choose_species(project, row, key=crop_key("second-species", row["crop_id"]), placeholder="If you know it")
        st.text_input("Note", key=crop_key("second-note", row["crop_id"]), placeholder="Optional")
        for choice in Decision:
            st.button(
                DECISION_WORDS[choice],
                key=crop_key(f"second-{choice}", row["crop_id"]),
                width="stretch",
                shortcut=SHORTCUTS[choice],
                on_click=_decide,
                args=(project, row, choice, reviewer),
            )


def _decide(project: Project, row: Mapping[str, Any], choice: Decision, reviewer: str) -> None:
    # Buttons still take keys while they are redrawn: a hasty second press must not decide about the next crop.
    if st.session_state.get(Key.SECOND_LAST, {}).get("crop_id") == row["crop_id"]:
        return
    try:
        save_second(
            project,
            row,
            choice,
            reviewer=reviewer,
            species=read_species(crop_key("second-species", row["crop_id"])),
            note=str(st.session_state.get(crop_key("second-note", row["crop_id"]), "")).strip(),
        )
    except AnomalureError as error:
        notice(f"The decision was not kept. {error}")
    else:
        st.session_state[Key.SECOND_LAST] = {**row, "choice": str(choice)}


def _show_take_back(project: Project) -> None:
    last = st.session_state.get(Key.SECOND_LAST)
    if last:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Last: {DECISION_WORDS[Decision(last['choice'])]}, saved.")
            st.button("Take it back", key="second-undo", icon=":material/undo:", on_click=_take_back, args=(project,))


def _take_back(project: Project) -> None:
    last = st.session_state.pop(Key.SECOND_LAST, None)
    if last:
        try:
            project.undo_verdict(last, reviewer=read_reviewer(project), round=Round.SECOND)
        except AnomalureError as error:
            st.session_state[Key.SECOND_LAST] = last
            notice(f"The decision was not taken back. {error}")
