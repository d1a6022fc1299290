"""Under the gallery: how many crops of people and of nothing are kept apart, and one click to see them."""

import streamlit as st

from core.review.index import ReviewIndex
from ui.review.filters import ALL, Filters
from ui.shared.run_choice import start_over
from ui.shared.state import Key
from ui.shared.words import count

WORDS = {
    "people": ":material/person_off: {crops} of people or vehicles: an animal may be among them.",
    "nothing": ":material/filter_b_and_w: {crops} {are} probably nothing, such as a stump or leaves: neither odd "
    "nor an animal.",
}


def show_apart(index: ReviewIndex, filters: Filters) -> None:
    """Say what is kept apart, with a button that shows it, and one that leads back."""
    if filters.queue.only is not None:
        st.button(
            "Back to the queue", key="leave-apart", icon=":material/arrow_back:", on_click=_choose, args=(None, index)
        )
        return
    for name, n in index.count_apart(filters.queue).items():
        if not n or (name == "people" and filters.queue.with_people):
            continue
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=f"apart-{name}"):
            st.caption(WORDS[name].format(crops=count(n, "crop"), are="is" if n == 1 else "are"), width="content")
            st.button("Look at them", key=f"show-{name}", type="tertiary", on_click=_choose, args=(name, index))


def _choose(name: str | None, index: ReviewIndex) -> None:
    st.session_state[Key.ONLY_APART] = None if name is None else (index.run.run_id, name)
    if name is not None:
        for key in (Key.SPECIES, Key.DECIDED_BY, Key.SELECTION):
            st.session_state[key] = None
        st.session_state[Key.SHOW] = ALL
    start_over()
