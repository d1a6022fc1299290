"""Keeps what the Explore page shows: in the session, for each run, and in the address."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import streamlit as st

from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.projection import Projection, ProjectionKind
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.scatter.view import Address, Side, View
from ui.shared.state import Key

# Beyond this many crops the preset t-SNEs take so long that they are computed only when somebody wants them.
MOST_CROPS_UNASKED = 20_000
NAMES = {"run", "map", "method", "eps", "min", "size", "by", "view"}
ADDRESS_NAMES = NAMES | {name + "2" for name in NAMES} | {"colour", "off", "fade", "rings", "pick"}


def read_address() -> dict[str, list[str]]:
    """The parameters of the address that describe the view."""
    return {name: st.query_params.get_all(name) for name in st.query_params if name in ADDRESS_NAMES}


def open_view() -> View:
    """The view to show: that of a new address, else the last one, else the default."""
    asked = read_address()
    if asked and asked != st.session_state.get(Key.EXPLORE_ADDRESS):
        st.session_state[Key.EXPLORE_VIEW] = View.from_address(asked)
        st.session_state[Key.EXPLORE_ADDRESS] = asked
    kept = st.session_state.get(Key.EXPLORE_VIEW)
    return kept if isinstance(kept, View) else View()


def keep_view(view: View) -> None:
    """Remember the view, also as the last one of its run."""
    st.session_state[Key.EXPLORE_VIEW] = view
    if view.sides[0].run:
        by_run = {**st.session_state.get(Key.EXPLORE_BY_RUN, {}), view.sides[0].run: view}
        st.session_state[Key.EXPLORE_BY_RUN] = by_run


def show_address(view: View) -> None:
    """Make the address a link to this view."""
    address: Address = view.to_address()
    texts = {name: [value] if isinstance(value, str) else list(value) for name, value in address.items()}
    if texts == read_address():
        st.session_state[Key.EXPLORE_ADDRESS] = texts
        return
    others = {name: st.query_params.get_all(name) for name in st.query_params if name not in ADDRESS_NAMES}
    st.session_state[Key.EXPLORE_ADDRESS] = texts
    st.query_params.from_dict({**others, **address})


def change_view(change: Callable[[View], View]) -> None:
    """Change what is shown, from a callback."""
    keep_view(change(open_view()))


def change_side(side: int, **changes: object) -> None:
    """Change one plot, from a callback."""
    change_view(lambda view: view.with_side(side, **changes))


def choose_run(side: int, run: RunFolder) -> None:
    """Show another run in its last view; eps and species are not taken over from the run before."""
    run_id = run.run_id

    def change(view: View) -> View:
        before = st.session_state.get(Key.EXPLORE_BY_RUN, {}).get(run_id)
        if side == 0 and before is not None:
            return replace(before, sides=(before.sides[0], *view.sides[1:]), pick=None)
        fresh = Side(
            run=run_id,
            projection=_keep_map(Exploration(run), view.sides[side].projection),
            method=view.sides[side].method,
        )
        changed = view.with_side(side, **{name: getattr(fresh, name) for name in fresh.__dataclass_fields__})
        return replace(changed, off=(), fade={}, pick=None) if side == 0 else changed

    change_view(change)


def choose_first_map(exploration: Exploration) -> Projection:
    """The map that is shown by default: a t-SNE or, for very many crops, PCA, which is there at once."""
    usual = Projection()
    if exploration.n_crops <= MOST_CROPS_UNASKED or exploration.has(usual):
        presets = exploration.presets()
        return usual if usual in presets or not presets else presets[-1]
    return Projection(kind=ProjectionKind.PCA)


def _keep_map(exploration: Exploration, projection: Projection) -> Projection:
    """The same map of another run, or its default map if it has too few crops for the same one."""
    try:
        exploration.check(projection)
    except AnomalureError:
        with suppress(AnomalureError):
            return choose_first_map(exploration)
    return projection


def settle_run(project: Project, view: View, side: int) -> tuple[View, RunFolder | None, str]:
    """The run of a plot: the requested one, else the one seen last on Review, else the latest.

    Also returns a sentence if the requested run does not exist.
    """
    asked = view.sides[side].run
    runs = {run.run_id: run for run in project.runs() if not run.problem}
    named, end = read_address(), "" if side == 0 else "2"
    has_map = "map" + end in named
    if asked in runs:
        # A link that names only a run. The second plot of a comparison that has just begun is in no link yet.
        if "run" + end in named and not has_map and st.session_state.get(Key.EXPLORE_ADDRESS) == named:
            with suppress(AnomalureError):  # the plot shows this error
                view = view.with_side(side, projection=choose_first_map(Exploration(runs[asked])))
        return view, runs[asked], ""
    latest = project.latest_run()
    if latest is None or latest.problem:
        return view, None, ""
    if asked:
        note = f"There is no run {asked!r} in this project, so the latest is shown."
        return view.with_side(side, run=latest.run_id), latest, note
    first = runs.get(st.session_state.get(Key.RUN_SEEN, ""), latest)
    projection = view.sides[side].projection
    if not has_map:
        projection = choose_first_map(Exploration(first))
    sides = [
        replace(one, run=first.run_id, projection=projection) if number == side else one
        for number, one in enumerate(view.sides)
    ]
    return replace(view, sides=tuple(sides)), first, ""
