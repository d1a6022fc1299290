"""The filters of the Review page: run, species, camera, and which crops."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import streamlit as st

from core.errors import AnomalureError
from core.records import CropKind, Decision
from core.review.filters import RANKED, QueueFilters
from core.review.index import ReviewIndex
from core.review.rankings import latest_sequence
from core.runs.folder import RunFolder
from core.settings.run import SETTINGS
from core.study.project import Project
from models.guesses.of_run import find_index_names
from ui.review.address import put_into_address, take_from_address
from ui.review.guesses import HELP, choose_shown, prepare_guesses
from ui.review.noise import PREFIX, find_noise_views, select_noise
from ui.shared.messages import notice
from ui.shared.run_choice import FIRST_ORDER, change_selection, shown_since, start_over
from ui.shared.state import Key, rate_key
from ui.shared.words import DECISION_WORDS, count, escape_markdown

RATES = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
TO_DECIDE, ALL = "To decide", "All"
FLAGGED, EVERY_CROP = "Flagged", "Every crop"
SHOW_WORDS = {TO_DECIDE: "To decide", ALL: "Decided too"}
WHOLE_FRAMES = "whole frames"
ORDER_WORDS = {
    "score": "Most anomalous first",
    "event": "By event, the most anomalous event first",
    "doubt": "Nearest to the limit first",
    "time": "Oldest first",
    "file": "By file name",
    "likely": "Likely anomalies first, by your verdicts",
    "learn": "Most informative first",
}
GIVEN = "In the order of the selection"
NARROWING = (
    *(
        "species",
        "kind",
        "camera",
        "guess",
        "captured_from",
        "captured_to",
        "score_from",
        "score_to",
        "p_value_from",
        "p_value_to",
    ),
    *("decided_by", "decided_as", "crop_ids", "only"),
)
FIELD_PX = 138
DEFAULT_RATE = next(one.default for one in SETTINGS if one.name == "false_alarm_rate")


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The reviewer's choice: the filters of the queue, and the selection that they apply to, or an empty text."""

    queue: QueueFilters
    selection: str = ""

    @property
    def narrowed(self) -> bool:
        """Whether something besides flagged and undecided leaves crops out."""
        return any(getattr(self.queue, name) is not None for name in NARROWING)


def look_on() -> None:
    """Switch from the flagged crops to all crops, likely anomalies first according to the decisions so far."""
    st.session_state[Key.FLAGGED_ONLY] = EVERY_CROP
    st.session_state[Key.SHOW] = TO_DECIDE
    st.session_state[Key.ORDER] = "likely"
    start_over()


def _take_choice(project: Project, run: RunFolder) -> None:
    """What was chosen from the list: a selection, or the DBSCAN noise of a saved view, which becomes a selection."""
    chosen = str(st.session_state.get(Key.SELECTION) or "")
    if not chosen.startswith(PREFIX):
        change_selection()
        return
    try:
        name, side = find_noise_views(project, run.run_id)[chosen]
        st.session_state[Key.SELECTION] = select_noise(project, run, name, side).selection_id
    except AnomalureError as error:
        notice(str(error))
        st.session_state[Key.SELECTION] = None
    st.session_state[Key.ORDER] = FIRST_ORDER  # the oddest first
    start_over()


def _leave_selection() -> None:
    st.session_state[Key.SELECTION] = None
    change_selection()


def choose_value(
    label: str,
    every: str,
    names: Collection[str],
    key: Key,
    *,
    words: Mapping[str, str] | None = None,
    help: str | None = None,
    width: int | Literal["stretch"] = "stretch",
) -> str | None:
    """One of the names, or None for all of them; ``words`` says how they are shown."""
    return st.selectbox(
        label,
        list(names),
        index=None,
        key=key,
        placeholder=every,
        # A bound widget would write into the address what it shows.
        bind=None if words else "query-params",
        persist_state="session" if words else None,
        on_change=start_over,
        disabled=not names,
        format_func=lambda name: words.get(name, name) if words else name,
        help=help,
        width=width,
    )


def show_filters(project: Project, index: ReviewIndex) -> Filters:
    """Draw the filters of one run; every change starts again at the first crop."""
    has_guesses = prepare_guesses(project, index.run) and index.guesses is not None
    _open_arrived(project, index)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        species = choose_value("Species", "All species", list_species(index), Key.SPECIES, width=FIELD_PX)
        camera = choose_value("Camera", "All cameras", index.names("deployment"), Key.CAMERA, width=FIELD_PX)
        guess = _choose_guess(index) if has_guesses else None
        which = st.segmented_control(
            "Crops",
            [FLAGGED, EVERY_CROP],
            default=FLAGGED,
            required=True,
            key=Key.FLAGGED_ONLY,
            bind="query-params",
            on_change=start_over,
            width="content",
        )
        show = st.segmented_control(
            "Show",
            [TO_DECIDE, ALL],
            default=TO_DECIDE,
            required=True,
            key=Key.SHOW,
            bind="query-params",
            on_change=start_over,
            width="content",
            format_func=SHOW_WORDS.__getitem__,
        )
        menu = st.popover("More", icon=":material/tune:", width="content", key=Key.MORE_FILTERS, on_change="rerun")
    with menu:
        own = float(index.own_rate or DEFAULT_RATE)
        rates = sorted({*RATES, own})
        own_key = rate_key(index.run.run_id)
        take_from_address(Key.RATE, own_key, {f"{one:g}": one for one in rates}, default=own)
        rate = st.select_slider(
            "False-alarm rate",
            rates,
            key=own_key,
            persist_state="session",
            format_func=lambda one: f"{one:.1%}",
            on_change=start_over,
            disabled=which != FLAGGED,
            help="The share of normal crops that may be flagged by mistake. A smaller rate flags only the most "
            f"anomalous crops. This run was made with {own:.1%}.",
        )
        put_into_address(Key.RATE, None if rate == own else f"{rate:g}")
        selection, crop_ids = _choose_selection(project, index, with_noise=bool(menu.open))
        order = _choose_order(selection)
        captured_from, captured_to = _choose_days(index)
        score_from, score_to = _choose_scores(index)
        p_value_from, p_value_to = _choose_p_values()
        decided_as = _choose_verdict()
        decided_by = choose_value("Decided by", "Anybody", index.reviewers(), Key.DECIDED_BY)
        with_people = st.checkbox(
            "People and vehicles too",
            key=Key.WITH_PEOPLE,
            bind="query-params",
            on_change=start_over,
            help="The Export page says what counts as people.",
        )
        choose_shown(project, index.run)
    only = _read_only(index)
    queue = QueueFilters(
        species=None if species == WHOLE_FRAMES else species,
        kind=str(CropKind.FRAME) if species == WHOLE_FRAMES else None,
        camera=camera,
        guess=guess,
        flagged_only=which != EVERY_CROP and not selection,
        undecided_only=show != ALL and decided_as is None and decided_by is None,
        decided_since=shown_since(),
        order=order,
        false_alarm_rate=None if rate == own else rate,
        captured_from=captured_from,
        captured_to=captured_to,
        score_from=score_from,
        score_to=score_to,
        p_value_from=p_value_from,
        p_value_to=p_value_to,
        decided_as=decided_as,
        decided_by=decided_by,
        crop_ids=crop_ids,
        with_people=with_people,
        only=only,
        ranking=latest_sequence(index.run) if order in RANKED else None,
    )
    if selection:
        with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
            st.caption(
                f":material/lasso_select: Only the crops that were selected on Explore: "
                f"**{escape_markdown(project.selection(selection).name)}**.",
                width="content",
            )
            st.button(
                "Leave this selection",
                key="leave-selection",
                type="tertiary",
                icon=":material/close:",
                on_click=_leave_selection,
            )
    return Filters(queue=queue, selection=selection)


def list_species(index: ReviewIndex) -> list[str]:
    """What crops can be narrowed to: the species that the run or a reviewer gave them, and whole frames."""
    names = sorted({*index.names("species"), *index.named_species()} - {""}, key=str.casefold)
    has_frames = str(CropKind.FRAME) in index.names("kind")
    return [*names, WHOLE_FRAMES] if has_frames else names


def _open_arrived(project: Project, index: ReviewIndex) -> None:
    """Whoever comes to review a selection sees its crops: the decided ones, too, if nothing else is in it."""
    selection = str(st.session_state.pop(Key.SELECTION_ARRIVED, ""))
    if not selection:
        return
    crop_ids = tuple(project.selection(selection).crop_ids())
    people = bool(st.session_state.get(Key.WITH_PEOPLE))
    view = index.open_view(QueueFilters(crop_ids=crop_ids, order="given", flagged_only=False, with_people=people))
    if view.n_decided == view.n_selected:
        st.session_state[Key.SHOW] = ALL


def _choose_guess(index: ReviewIndex) -> str | None:
    """One of the names that come first for a crop of the run, or None for all."""
    guesses = index.guesses
    counts = guesses.count_first() if guesses is not None else {}
    own = find_index_names(index)
    take_from_address(Key.GUESS, Key.GUESS, {name: name for name in counts})
    guess = choose_value(
        "Looks like",
        "Any guess",
        sorted(counts, key=lambda name: str(own.get(name, name)).casefold()),
        Key.GUESS,
        words={name: f"{own.get(name, name)} ({n:,})" for name, n in counts.items()},
        help="Only crops whose first guess is this name. " + HELP,
        width=FIELD_PX,
    )
    put_into_address(Key.GUESS, guess)
    return guess


def _read_only(index: ReviewIndex) -> str | None:
    """What is shown instead of the queue: crops kept apart, as ui/review/apart.py chose for this run."""
    chosen = st.session_state.get(Key.ONLY_APART)
    return chosen[1] if chosen and chosen[0] == index.run.run_id else None


def _choose_selection(project: Project, index: ReviewIndex, *, with_noise: bool) -> tuple[str, tuple[str, ...] | None]:
    run = index.run
    known = {one.selection_id: one for one in project.selections() if one.run_id == run.run_id and not one.problem}
    noise = find_noise_views(project, run.run_id) if with_noise else {}
    if not known and not noise:
        return "", None
    names = {key: f"{one.name} ({count(one.n_crops, 'crop')})" for key, one in known.items()}
    names |= {key: name for key, (name, _) in noise.items()}
    chosen = st.selectbox(
        "Selection",
        list(names),
        index=None,
        key=Key.SELECTION,
        placeholder="All crops",
        persist_state="session",
        on_change=_take_choice,
        args=(project, run),
        format_func=lambda one: names.get(one, one),
        help="Crops that you selected on the Explore page, or that belong to no cluster there.",
    )
    _put_into_address(chosen if chosen in known else None)
    if chosen not in known:
        return "", None
    return chosen, tuple(known[chosen].crop_ids())


def _put_into_address(selection: str | None) -> None:
    """The address holds the selection's id; a bound widget would write the name and count that it shows."""
    st.session_state[Key.SELECTION_IN_ADDRESS] = selection
    if selection:
        st.query_params[Key.SELECTION] = selection
    else:
        st.query_params.pop(Key.SELECTION, None)


def _choose_order(selection: str) -> str:
    words = ({"given": GIVEN} if selection else {}) | ORDER_WORDS
    if st.session_state.get(Key.ORDER) not in words:
        st.session_state.pop(Key.ORDER, None)
    return st.selectbox(
        "Order", list(words), format_func=words.__getitem__, key=Key.ORDER, bind="query-params", on_change=start_over
    )


def _choose_days(index: ReviewIndex) -> tuple[date | None, date | None]:
    ranges = index.ranges()
    first, last = ranges["first_day"], ranges["last_day"]
    if first is None or first == last:
        return None, None
    days = st.date_input(
        "Days",
        value=(first, last),
        min_value=first,
        max_value=last,
        key=Key.DAYS,
        bind="query-params",
        on_change=start_over,
    )
    if len(days) != 2 or tuple(days) == (first, last):
        return None, None
    return days[0], days[1]


def _choose_scores(index: ReviewIndex) -> tuple[float | None, float | None]:
    ranges = index.ranges()
    low, high = ranges["score_from"], ranges["score_to"]
    if low is None or not low < high:
        return None, None
    chosen = st.slider(
        "Score",
        min_value=float(low),
        max_value=float(high),
        value=(float(low), float(high)),
        key=Key.SCORE_RANGE,
        bind="query-params",
        on_change=start_over,
        help="0 is a typical crop, and 95% of normal crops are below 1. Higher is more anomalous.",
    )
    return (None if chosen[0] <= low else chosen[0]), (None if chosen[1] >= high else chosen[1])


def _choose_p_values() -> list[float | None]:
    chosen: list[float | None] = []
    for column, (label, key) in zip(
        st.columns(2), {"p-value from": Key.P_VALUE_FROM, "p-value up to": Key.P_VALUE_TO}.items(), strict=True
    ):
        with column:
            chosen.append(
                st.number_input(
                    label,
                    min_value=0.0,
                    max_value=1.0,
                    value=None,
                    step=0.01,
                    format="%.4f",
                    key=key,
                    bind="query-params",
                    on_change=start_over,
                    placeholder="Any",
                )
            )
    return chosen


def _choose_verdict() -> str | None:
    return st.selectbox(
        "Decided as",
        [str(one) for one in Decision],
        index=None,
        key=Key.DECIDED_AS,
        bind="query-params",
        placeholder="Anything",
        on_change=start_over,
        format_func=lambda one: DECISION_WORDS[Decision(one)],
    )
