"""The part of the page below the plot: quick selections, the selected crops, and figures of the run."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from core.maps.clusters import NOISE
from core.records import Decision
from core.study.project import Project
from ui.explore.cached import load_colouring
from ui.explore.picks import BOTH, FLAG_ONLY, NEITHER, NOISE_ONLY, sort_agreement
from ui.explore.run import RunPoints, read_verdicts
from ui.explore.selection import show_selection
from ui.explore.shown import Shown
from ui.explore.state import change_view
from ui.scatter.charts import MOST_VIOLINS, build_day_figure, build_hour_figure, build_score_figure
from ui.scatter.colours import name_species
from ui.scatter.data import count_clusters
from ui.scatter.view import Pick, PickKind, View
from ui.shared.state import Key
from ui.shared.words import count

SELECTED, SCORES, AGREEMENT, ACTIVITY = "Selected crops", "Scores by species", "Flags and noise", "Hours and days"
FIGURE_CONFIG = {"displayModeBar": False, "scrollZoom": False}
AGREEMENT_WORDS = {
    BOTH: ("Both", "Flagged and noise: the strongest candidates."),
    FLAG_ONLY: ("Flag only", "Flagged, but in a cluster: perhaps a group of anomalies, or a model that is too strict."),
    NOISE_ONLY: ("Noise only", "Noise, but not flagged: unlike every other crop, although the scores call it normal."),
    NEITHER: ("Neither", "Neither flagged nor noise."),
}


def choose(kind: PickKind, value: str = "", *, side: int = 0) -> None:
    """Select crops, from a callback; an empty value selects none, where a value is needed."""
    needs_value = kind is not PickKind.NOISE
    pick = None if needs_value and not value else Pick(kind, side, value)
    st.session_state.pop(Key.EXPLORE_PAGE, None)
    change_view(lambda view: replace(view, pick=pick))


def show_below(project: Project, view: View, shown: Sequence[Shown], masks: dict[int, np.ndarray]) -> None:
    """Everything below the plots; with two plots, the figures describe the first."""
    one = shown[0]
    what = st.segmented_control(
        "Below",
        [SELECTED, SCORES, AGREEMENT, ACTIVITY],
        default=SELECTED,
        required=True,
        key=Key.EXPLORE_BELOW,
        persist_state="session",
        label_visibility="collapsed",
    )
    if what == SELECTED:
        _show_quick_picks(view, one)
        source = next((side for side in shown if view.pick is not None and side.number == view.pick.side), one)
        show_selection(project, view, source.points, masks.get(source.number))
    elif what == SCORES:
        _show_scores(project, one.points)
    elif what == AGREEMENT:
        _show_agreement(one)
    else:
        _show_activity(project, one.points)


def _show_quick_picks(view: View, one: Shown) -> None:
    noise, cluster, species, clear, _ = st.columns([3, 4, 4, 2, 1], vertical_alignment="bottom")
    labels = one.labels
    n_clusters, n_noise = (0, 0) if labels is None else count_clusters(labels)
    noise.button(
        f"Noise ({n_noise:,})",
        key="explore-pick-noise",
        icon=":material/scatter_plot:",
        width="stretch",
        on_click=choose,
        args=(PickKind.NOISE,),
        disabled=not n_noise,
        help="Select the crops that belong to no cluster.",
    )
    sizes = np.bincount(labels[labels != NOISE], minlength=n_clusters) if labels is not None else np.empty(0, int)
    order = np.argsort(-sizes, kind="stable")
    _show_pick_list(
        "Cluster", PickKind.CLUSTER, cluster, view, {str(k + 1): f"Cluster {k + 1} ({sizes[k]:,})" for k in order}
    )
    counts = name_species(one.points.facts).value_counts()
    _show_pick_list(
        "Species", PickKind.SPECIES, species, view, {str(name): f"{name} ({n:,})" for name, n in counts.items()}
    )
    clear.button(
        "Clear",
        key="explore-pick-clear",
        width="stretch",
        disabled=view.pick is None,
        on_click=lambda: change_view(lambda now: replace(now, pick=None)),
    )


def _show_pick_list(label: str, kind: PickKind, place, view: View, options: dict[str, str]) -> None:  # type: ignore[no-untyped-def]
    key = f"explore-pick-{kind}"
    pick = view.pick
    st.session_state[key] = pick.value if pick is not None and pick.kind is kind and pick.value in options else None
    place.selectbox(
        label,
        list(options),
        format_func=options.__getitem__,
        key=key,
        label_visibility="collapsed",
        placeholder=f"One {label.lower()}",
        disabled=not options,
        index=None,
        on_change=lambda: choose(kind, st.session_state[key] or ""),
    )


def _is_dark() -> bool:
    return st.context.theme.type == "dark"


def _show_scores(project: Project, points: RunPoints) -> None:
    facts = points.facts
    if not facts["score"].notna().any():
        st.info("This run's crops have no scores yet.", icon=":material/hourglass_top:")
        return
    species = load_colouring(project, points, "species").groups
    dark = _is_dark()
    st.plotly_chart(
        build_score_figure(facts, colours={one.name: one.dark if dark else one.light for one in species}, dark=dark),
        key="explore-scores",
        config=FIGURE_CONFIG,
    )
    more = f" The {MOST_VIOLINS} species with most crops are shown." if len(species) > MOST_VIOLINS else ""
    st.caption(
        f"Each shape is the spread of one species' scores. Crops to the right of the upright line are flagged.{more}"
    )


def _show_agreement(one: Shown) -> None:
    if one.labels is None:
        st.info(
            "The crops are not grouped yet, so there is no noise to compare the flags with.",
            icon=":material/hourglass_top:",
        )
        return
    who = pd.Series(sort_agreement(one.points.facts, one.labels)).value_counts()
    st.caption(
        "Two independent signs of an anomaly: the crop is flagged, or it is noise, which means that it is in no "
        "cluster at this radius (eps). Choose a group to see its crops."
    )
    for column, (name, (title, words)) in zip(st.columns(4), AGREEMENT_WORDS.items(), strict=True):
        n = int(who.get(name, 0))
        with column.container(border=True, height="stretch"):
            st.metric(
                title, f"{n:,}", f"{n / max(one.points.n, 1):.1%} of the crops", delta_color="off", delta_arrow="off"
            )
            st.button(
                f"Show {count(n, 'crop')}",
                key=f"explore-agree-{name}",
                width="stretch",
                disabled=not n,
                on_click=_choose_agreement,
                args=(name,),
            )
            st.caption(words)


def _choose_agreement(name: str) -> None:
    st.session_state[Key.EXPLORE_BELOW] = SELECTED
    choose(PickKind.AGREEMENT, name)


def _show_activity(project: Project, points: RunPoints) -> None:
    facts = points.facts
    verdicts = read_verdicts(project, points)
    odd = (facts["flagged"] & (verdicts != Decision.NORMAL)) | (verdicts == Decision.ANOMALY)
    times = facts["captured_at"]
    known = times.notna()
    if not known.any():
        st.info(
            "The photos of this run have no time, so the hours and days of its anomalies are unknown.",
            icon=":material/schedule:",
        )
        return
    hours, days = st.columns(2, gap="medium")
    dark = _is_dark()
    hours.plotly_chart(build_hour_figure(times[odd], times, dark=dark), key="explore-hours", config=FIGURE_CONFIG)
    days.plotly_chart(build_day_figure(times[odd], times, dark=dark), key="explore-days", config=FIGURE_CONFIG)
    without = (
        f" {count(int((odd & ~known).sum()), 'anomaly', 'anomalies')} without a time left out."
        if (odd & ~known).any()
        else ""
    )
    st.caption(
        f"Anomalies: {count(int(odd.sum()), 'crop')} flagged and not rejected, or accepted in the review. "
        f"Times are the cameras' own.{without}"
    )
