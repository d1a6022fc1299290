"""One line above the board: how many anomalies probably remain, and whether to stop or where to continue."""

from dataclasses import dataclass, replace

import streamlit as st

from core.review.filters import RANKED, QueueFilters
from core.review.index import ReviewIndex
from core.review.rankings import RankingInfo, latest_sequence, read_ranking_info
from core.review.stopping import LEAST_DECIDED
from ui.review.filters import Filters, look_on
from ui.shared.routes import EXPORT, RETRAIN, link_button
from ui.shared.run_choice import start_over
from ui.shared.words import count

LEAST_SHOWN = 10
"""Decisions before the first estimate. That the review can stop is said after ``LEAST_DECIDED``."""
POLL_S = 3.0
HELP = (
    "Estimated by comparing what the ranking predicted for each crop with the verdict that followed. It counts all "
    "crops of the run, flagged or not, and is right in 19 of 20 cases, if the remaining anomalies somewhat resemble "
    "those that were found. It cannot predict anomalies that look just like a known species. In the order of likely "
    "anomalies every tenth crop is random, so that unexpected anomalies are found too."
)


def say_remaining(info: RankingInfo) -> str:
    """The estimate in one sentence; empty while there are too few verdicts."""
    said = info.remaining
    if said.decided < LEAST_SHOWN:
        return ""
    first = "" if said.decided >= LEAST_DECIDED else f"A first estimate, from {said.decided} decisions: "
    anomalies = count(said.found, "anomaly", "anomalies")
    found = f"{first}**{anomalies} found.**"
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


@dataclass(frozen=True)
class End:
    """The end of a list: what is done, in a sentence, and the number of crops outside it that nobody has decided."""

    words: str
    n_beyond: int


def find_end(index: ReviewIndex, filters: Filters) -> End | None:
    """The end of the list, once every crop in it is decided; None before that, with filters, and for no crops."""
    if filters.narrowed:
        return None
    view = index.open_view(replace(filters.queue, decided_since=None))
    if not view.n_selected or view.n_selected > view.n_decided:
        return None
    n_beyond = 0
    if filters.queue.flagged_only:
        n_beyond = _count_open(index, replace(filters.queue, flagged_only=False, order="score", ranking=None))
    what = "flagged crop" if filters.queue.flagged_only else "crop"
    others = f" {count(n_beyond, 'other crop')} {_be(n_beyond)} not." if n_beyond else ""
    return End(f"Every {what} is decided.{others}", n_beyond)


def _show_ways_on(end: End, *, run_id: str, can_stop: bool) -> None:
    """What can be done next: look further, unless few anomalies are left, then export or retrain."""
    looks_on = bool(end.n_beyond) and not can_stop
    if looks_on and st.button(
        "Continue with likely anomalies",
        key="look-on",
        type="primary",
        icon=":material/search:",
        on_click=look_on,
        help="Shows all undecided crops, flagged or not. **Flagged** leads back to the flagged ones.",
    ):
        st.rerun()
    link_button("Export", EXPORT, key="end-export", icon=":material/ios_share:", run=run_id, is_first=not looks_on)
    link_button("Retrain", RETRAIN, key="end-retrain", icon=":material/model_training:", is_first=False)


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
    end = find_end(index, filters)
    can_stop = info is not None and info.remaining.can_stop
    if not text and not is_newer and end is None:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="remaining"):
        if end is not None and not can_stop:
            st.markdown(f":green[:material/task_alt:] {end.words}")
        if text:
            st.markdown(text, help=HELP)
        if end is not None:
            _show_ways_on(end, run_id=index.run.run_id, can_stop=can_stop)
        if is_newer and st.button(
            "Use the new order",
            key="use-new-order",
            icon=":material/sort:",
            help="The undecided crops were ranked anew after your last verdicts.",
        ):
            start_over()
            st.rerun()
