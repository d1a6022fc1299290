"""One line above the board: how many anomalies probably remain, and whether to stop or where to continue."""

from dataclasses import replace

import streamlit as st

from core.review.filters import RANKED, QueueFilters
from core.review.index import ReviewIndex
from core.review.rankings import RankingInfo, latest_sequence, read_ranking_info
from core.review.stopping import LEAST_DECIDED
from ui.review.filters import Filters, look_on
from ui.shared.run_choice import start_over
from ui.shared.words import count

POLL_S = 5.0
HELP = (
    "Estimated by comparing what the ranking predicted for each crop with the verdict that followed. It counts all "
    "crops of the run, flagged or not, and is right in 19 of 20 cases, if the remaining anomalies somewhat resemble "
    "those that were found. It cannot predict anomalies that look just like a known species. In the order of likely "
    "anomalies every tenth crop is random, so that unexpected anomalies are found too."
)


def say_remaining(info: RankingInfo) -> str:
    """The estimate in one sentence; empty while there are too few verdicts."""
    said = info.remaining
    if said.decided < LEAST_DECIDED:
        return ""
    anomalies = count(said.found, "anomaly", "anomalies")
    found = f"**{anomalies} found.**"
    among = f"among the {count(said.undecided, 'undecided crop')}"
    if said.can_stop and said.at_most == 0:
        return f"**You can stop here.** {anomalies} found; probably none is left {among}."
    if said.can_stop:
        at_most = f"at most {said.at_most:,} {_be(said.at_most)} still {among}"
        return f"**You can stop here.** {anomalies} found; probably {at_most}."
    n = round(said.expected)
    if n < 1:
        return f"{found} Perhaps none, at most {said.at_most:,}, {_be(said.at_most)} still {among}."
    return f"{found} About {n:,} (at most {said.at_most:,}) {_be(n)} probably still {among}."


def _be(n: int) -> str:
    return "is" if n == 1 else "are"


def count_beyond_flags(index: ReviewIndex, filters: Filters) -> int:
    """The number of undecided crops once every flagged one is decided; 0 before that, or with filters."""
    if not filters.queue.flagged_only or filters.narrowed or _count_open(index, filters.queue):
        return 0
    return _count_open(index, replace(filters.queue, flagged_only=False, order="score", ranking=None))


def _count_open(index: ReviewIndex, queue: QueueFilters) -> int:
    view = index.open_view(replace(queue, decided_since=None))
    return view.n_selected - view.n_decided


@st.fragment(run_every=POLL_S)
def show_remaining(index: ReviewIndex, filters: Filters) -> None:
    """Draw the line. It looks for a newer ranking every few seconds, which takes almost no time."""
    info = read_ranking_info(index.run)
    text = say_remaining(info) if info else ""
    shown = filters.queue.ranking
    is_newer = filters.queue.order in RANKED and shown is not None and latest_sequence(index.run) > shown
    n_beyond = 0 if info and info.remaining.can_stop else count_beyond_flags(index, filters)
    if not text and not is_newer and not n_beyond:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="remaining"):
        if text:
            st.markdown(text, help=HELP)
        if n_beyond:
            st.markdown(f"Every flagged crop is decided. {count(n_beyond, 'other crop')} {_be(n_beyond)} not.")
            if st.button(
                "Continue with likely anomalies",
                key="look-on",
                type="primary",
                icon=":material/search:",
                on_click=look_on,
                help="Shows all undecided crops, flagged or not. **More** leads back to the flagged ones.",
            ):
                st.rerun()
        if is_newer and st.button(
            "Use the new order",
            key="use-new-order",
            icon=":material/sort:",
            help="The undecided crops were ranked anew after your last verdicts.",
        ):
            start_over()
            st.rerun()
