"""What to look at on the Review page: run, species, camera, and which of its crops."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from core.project import Project
from core.runs import RunFolder
from core.settings import SETTINGS
from ui.state import Key, rate_key

PAGE_SIZES = (12, 24, 48, 96)
RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TO_DECIDE, ALL = "To decide", "All"
FLAGGED, EVERY_CROP = "Flagged", "Every crop"
ORDER_WORDS = {"score": "Most anomalous first", "time": "Oldest first", "file": "By file name"}
DEFAULT_RATE = next(one.default for one in SETTINGS if one.name == "false_alarm_rate")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """What the reviewer chose, in the words of ``Project.review_queue``."""

    species: str | None
    camera: str | None
    flagged_only: bool
    undecided_only: bool
    order: str
    false_alarm_rate: float | None
    page_size: int

    def for_queue(self) -> dict[str, Any]:
        """The arguments of ``Project.review_queue``, less the page."""
        return {
            "species": self.species, "camera": self.camera, "flagged_only": self.flagged_only,
            "undecided_only": self.undecided_only, "decided_since": shown_since(), "order": self.order,
            "false_alarm_rate": self.false_alarm_rate}  # fmt: skip


def start_over() -> None:
    """Back to the first page, and what has been decided so far leaves the cards that are to decide."""
    st.session_state[Key.PAGE] = 1
    st.session_state[Key.SHOWN_SINCE] = datetime.now(UTC)


def _change_run() -> None:
    """Another run has other species and cameras."""
    st.session_state[Key.SPECIES] = st.session_state[Key.CAMERA] = None
    start_over()


def shown_since() -> datetime:
    """Since when decided cards are kept in their place."""
    if Key.SHOWN_SINCE not in st.session_state:
        st.session_state[Key.SHOWN_SINCE] = datetime.now(UTC)
    since: datetime = st.session_state[Key.SHOWN_SINCE]
    return since


def choose_run(project: Project) -> RunFolder | None:
    """The run to look at, the newest finished one at first; None without any run that can be read."""
    runs = {run.run_id: run for run in project.runs() if not run.problem}
    if not runs:
        return None
    first = project.latest_run()
    index = list(runs).index(first.run_id) if first is not None and first.run_id in runs else 0

    # The address of the page holds what the list shows, so that is the run's id and nothing that changes.
    run_id = st.selectbox("Run", list(runs), index=index, key=Key.RUN, bind="query-params", on_change=_change_run)
    return runs.get(run_id)


def choose_value(label: str, every: str, names: Collection[str], key: Key) -> str | None:
    """One of the names, or None for all of them."""
    return st.selectbox(
        label,
        list(names),
        index=None,
        key=key,
        placeholder=every,
        bind="query-params",
        on_change=start_over,
        disabled=not names,
    )


def show_filters(project: Project, run: RunFolder) -> Filters:
    """The filters of one run; every change starts over at the first page."""
    left, middle, right, more = st.columns([3, 3, 3, 2], vertical_alignment="bottom")
    with left:
        species = choose_value("Species", "All species", project.species(run), Key.SPECIES)
    with middle:
        camera = choose_value("Camera", "All cameras", project.cameras(run), Key.CAMERA)
    with right:
        show = st.segmented_control("Show", [TO_DECIDE, ALL], default=TO_DECIDE, required=True, key=Key.SHOW,
                                    persist_state="session", on_change=start_over, width="stretch")  # fmt: skip
    with more, st.popover("More", icon=":material/tune:", width="stretch"):
        which = st.segmented_control("Crops", [FLAGGED, EVERY_CROP], default=FLAGGED, required=True,
                                     key=Key.FLAGGED_ONLY, persist_state="session", on_change=start_over)  # fmt: skip
        own = float(run.info.settings.get("false_alarm_rate", DEFAULT_RATE))
        rate = st.select_slider(
            "False-alarm rate", sorted({*RATES, own}), value=own, key=rate_key(run.run_id), persist_state="session",
            format_func=lambda one: f"{one:.1%}", on_change=start_over, disabled=which != FLAGGED,
            help="The share of normal crops that you accept to see flagged. Smaller: fewer crops, the oddest only. "
                 f"This run was made with {own:.1%}.")  # fmt: skip
        order = st.selectbox("Order", list(ORDER_WORDS), format_func=ORDER_WORDS.__getitem__, key=Key.ORDER,
                             persist_state="session", on_change=start_over)  # fmt: skip
        size = st.selectbox("Cards a page", PAGE_SIZES, index=1, key=Key.PAGE_SIZE, persist_state="session",
                            on_change=start_over)  # fmt: skip
    return Filters(species=species, camera=camera, flagged_only=which != EVERY_CROP, undecided_only=show != ALL,
                   order=order, false_alarm_rate=None if rate == own else rate, page_size=size)  # fmt: skip
