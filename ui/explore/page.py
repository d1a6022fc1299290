"""The Explore page: one plot or two, with their controls above and the selected crops below."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.pictures import Picture
from core.maps.projection import Projection, ProjectionKind
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.explore.below import show_below
from ui.explore.cached import load_colouring, load_links, load_run_points
from ui.explore.controls import show_choices, show_run_choice
from ui.explore.follow import POLL_S, Waited, follow, keep_ready_soon, wait_for_map, wait_for_tree
from ui.explore.photo import show_photo
from ui.explore.picks import resolve_pick
from ui.explore.run import describe_point, read_rows
from ui.explore.saved import show_saved_views
from ui.explore.shown import Shown
from ui.explore.stand_in import PCA, find_stand_in, say_stand_in
from ui.explore.state import change_side, change_view, keep_view, open_view, settle_run, show_address
from ui.review.guesses import prepare_guesses
from ui.scatter.colours import COLOUR_WORDS
from ui.scatter.data import build_plot_data
from ui.scatter.groupings import check_grouping, find_grouping, find_missing_tree
from ui.scatter.memory import offer_draft, offer_facts
from ui.scatter.plot import show_plot
from ui.scatter.view import Outline, Pick, PickKind, View
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.state import Key, side_key
from ui.shared.words import escape_markdown
from ui.work.waiting import show_no_run

MOST_OUTLINES = 8  # all outlines have to fit into an address


@st.fragment
def show_explore(project: Project) -> None:
    """Everything on the page; a change redraws only this fragment."""
    with plain_errors():
        view = open_view()
        runs: list[RunFolder] = []
        for number in range(len(view.sides)):
            view, run, note = settle_run(project, view, number)
            if run is None:
                st.title("Explore")
                show_no_run(project)
                return
            if note:
                st.warning(escape_markdown(note), icon=":material/link_off:")
            runs.append(run)
        with_guesses = True in [prepare_guesses(project, run) for run in runs]
        if view.colour == "guess" and not with_guesses:
            view = replace(view, colour="species")
        keep_view(view)
        _show_head(project, view, runs, with_guesses=with_guesses)
        show_notice()
        columns = st.columns(len(view.sides), gap="medium")
        shown = []
        for number, (column, run) in enumerate(zip(columns, runs, strict=True)):
            with column, plain_errors():
                shown.append(_prepare(project, view, number, run))
        masks = _select(view, shown)
        for one in shown:
            with columns[one.number]:
                _show_side(project, view, one, masks)
        show_address(view)
        if shown:
            show_below(project, view, shown, masks)


def _show_head(project: Project, view: View, runs: list[RunFolder], *, with_guesses: bool) -> None:
    title, run, colour, saved, compare = st.columns([3, 4, 3, 2, 2], vertical_alignment="bottom")
    title.title("Explore")
    if view.is_comparing:
        run.empty()
    else:
        with run:
            show_run_choice(project, runs[0], 0)
    key = side_key("colour", 0)
    st.session_state[key] = view.colour
    colour.selectbox(
        "Colour by",
        [by for by in COLOUR_WORDS if by != "guess" or with_guesses],
        format_func=COLOUR_WORDS.__getitem__,
        key=key,
        on_change=lambda: change_view(lambda now: replace(now, colour=st.session_state[key])),
    )
    with saved:
        show_saved_views(project, view)
    if view.is_comparing:
        compare.button(
            "One plot",
            icon=":material/crop_square:",
            key="explore-single",
            width="stretch",
            on_click=lambda: change_view(_stop_comparing),
        )
    else:
        compare.button(
            "Compare",
            icon=":material/splitscreen_right:",
            key="explore-compare",
            width="stretch",
            on_click=lambda: change_view(lambda now: _start_comparing(now, Exploration(runs[0]))),
            help="Two plots side by side: two perplexities, or two runs. Crops selected in one are also shown "
            "in the other.",
        )


def _start_comparing(view: View, exploration: Exploration) -> View:
    """A second plot of the same crops with another map, because two equal maps could not be compared.

    Both begin with all of their map, so that they are drawn equally large.
    """
    first = view.sides[0]
    others = [PCA]
    with suppress(AnomalureError):  # the plots show this error
        others = [*reversed(exploration.presets()), PCA]
    other = next((one for one in others if one != first.projection), PCA)
    return replace(view, sides=(replace(first, view=None), replace(first, projection=other, eps=None, view=None)))


def _stop_comparing(view: View) -> View:
    pick = view.pick if view.pick is None or view.pick.side == 0 else None
    return replace(view, sides=view.sides[:1], pick=pick)


def _prepare(project: Project, view: View, number: int, run: RunFolder) -> Shown:
    """Read what a plot needs, and start the computation of what is missing."""
    side = view.sides[number]
    if view.is_comparing:
        show_run_choice(project, run, number)
    points = load_run_points(run)
    exploration = points.exploration
    show_choices(exploration, side, number, narrow=view.is_comparing)
    exploration.check(side.projection)
    picture = exploration.picture(side.projection)
    one = Shown(number, points, picture)
    if picture is None or not picture.is_final:
        one.waited = _wait_for(project, exploration, side.projection, is_drawn=False)
        one.waited.start_unless_tried()
        one.picture = picture = picture or find_stand_in(exploration, side.projection)
        if picture is not None:
            one.waited = _wait_for(project, exploration, side.projection, is_drawn=True)
    elif side.projection.kind is ProjectionKind.TSNE:
        keep_ready_soon(project, exploration)  # the user may choose another perplexity next
    if picture is not None and picture.is_final and picture.projection.kind is side.projection.kind:
        with plain_errors():
            check_grouping(side)
            missing = find_missing_tree(exploration, side)
            if missing is not None:
                if one.waited is None:  # one computation at a time
                    one.waited = wait_for_tree(project, exploration, missing)
                    one.waited.start_unless_tried()
                return one
            one.grouping = find_grouping(exploration, side, shown=picture.projection, points=picture.points)
            if one.grouping is None:
                one.waits_for = "Grouping the crops…"
            else:
                one.labels = one.grouping.label(side)
    return one


def _wait_for(project: Project, exploration: Exploration, projection: Projection, *, is_drawn: bool) -> Waited:
    """The page is redrawn when the map is finished, or when there is a first picture to show."""
    return wait_for_map(
        project,
        exploration,
        projection,
        is_there=lambda: (
            exploration.has(projection) or (not is_drawn and find_stand_in(exploration, projection) is not None)
        ),
    )


def _select(view: View, shown: list[Shown]) -> dict[int, np.ndarray]:
    """Which points of each plot are selected; crops selected in one plot are also selected in the other."""
    pick = view.pick
    if pick is None:
        return {}
    source = next((one for one in shown if one.number == pick.side and one.picture is not None), None)
    if source is None or source.picture is None:
        return {}
    hidden = {*view.off, *(name for name, strength in view.fade.items() if strength == 0)}
    points = _find_places(view, pick, source)
    if points is None:
        return {}
    mask = resolve_pick(pick, points=points, facts=source.points.facts, labels=source.labels, hidden=hidden)
    masks = {source.number: mask}
    for other in shown:
        if other is not source:
            places = load_links(source.points, other.points)[mask]
            masks[other.number] = np.zeros(other.points.n, dtype=bool)
            masks[other.number][places[places >= 0]] = True
    return masks


def _find_places(view: View, pick: Pick, source: Shown) -> np.ndarray | None:
    """The points to which an outline applies; None while the map that it was drawn on is not there."""
    picture = source.picture
    assert picture is not None
    if pick.kind is not PickKind.OUTLINE:
        return picture.points
    drawn_on = pick.on or view.sides[pick.side].projection
    if drawn_on == picture.projection and picture.is_final:
        return picture.points
    return source.points.exploration.points(drawn_on)


def _show_side(project: Project, view: View, one: Shown, masks: dict[int, np.ndarray]) -> None:
    side, number = view.sides[one.number], one.number
    exploration = one.points.exploration
    if one.waited is not None:
        follow(one.waited, narrow=view.is_comparing)
    elif one.waits_for:
        _await_grouping()
    if one.picture is None:
        return
    points, stamp = one.points, one.points.stamp
    message, draft = one.waits_for, None
    if one.picture.projection != side.projection:
        message = say_stand_in(one.picture.projection, side.projection)
    if one.picture.projection != side.projection or not one.picture.is_final:
        draft = _offer_draft(one, side.projection)
    facts = offer_facts(lambda place: describe_point(project, points, place), key=f"{exploration.folder}/{stamp}")
    data = build_plot_data(
        view=view,
        side=number,
        points=one.picture.points,
        points_key=f"{stamp}/{one.picture.projection.key}",
        run_name=points.run.info.name,
        projection=one.picture.projection,
        species=load_colouring(project, points, "species"),
        colouring=load_colouring(project, points, view.colour),
        grouping=one.grouping,
        selected=masks.get(number),
        facts=facts,
        message=message,
        draft=draft,
    )
    show_plot(f"explore-plot-{number + 1}", data, _answers(number, one.picture, side.projection))
    _show_opened(project, one)


def _show_opened(project: Project, one: Shown) -> None:
    """The photo of the crop whose point was clicked, over the page."""
    number, row = st.session_state.get(Key.EXPLORE_OPENED, (None, -1))
    if number != one.number:
        return
    del st.session_state[Key.EXPLORE_OPENED]
    if 0 <= row < one.points.n:
        rows = read_rows(project, one.points.run, [str(one.points.facts["crop_id"].iloc[row])])
        if rows:
            show_photo(project, one.points.run, rows[0])


def _offer_draft(one: Shown, projection: Projection) -> dict[str, Any]:
    """The address of the pictures of a map that is being computed, so that the page is not redrawn for each."""
    exploration, stamp = one.points.exploration, one.points.stamp
    address = offer_draft(lambda: exploration.picture(projection), key=f"{stamp}/{projection.key}")
    drawn = one.picture.iteration if one.picture is not None and one.picture.projection == projection else -1
    return {"address": address, "after": drawn, "uirevision": f"{stamp}/{projection.key}", "title": projection.label}


def _answers(number: int, picture: Picture, wanted: Projection) -> dict[str, Any]:
    def looks(value: Any) -> None:
        off = tuple(str(name) for name in value["off"])
        fade = {str(name): float(share) for name, share in value["fade"].items()}
        change_view(lambda view: replace(view, off=off, fade=fade))

    def view_changed(edges: Any) -> None:
        if picture.projection.kind is not wanted.kind:
            return  # a stand-in map has other units, so its visible part is not kept
        change_side(number, view=tuple(float(edge) for edge in edges) if len(edges) == 4 else None)

    def pick(drawn: Any) -> None:
        corners = tuple((float(x), float(y)) for x, y in drawn["outline"])
        if len(corners) >= 3 and (drawn["draft"] or not picture.is_final):
            notice("This map is still being computed, and its points move. Select crops when it is ready.")
            return
        st.session_state.pop(Key.EXPLORE_PAGE, None)
        change_view(lambda view: replace(view, pick=_add(view.pick, corners, is_more=bool(drawn["more"]))))

    def _add(before: Pick | None, corners: Outline, *, is_more: bool) -> Pick | None:
        if len(corners) < 3:
            return None
        fresh = Pick(PickKind.OUTLINE, number, outlines=(corners,), on=picture.projection)
        if not is_more or before is None or replace(before, outlines=fresh.outlines) != fresh:
            return fresh
        if len(before.outlines) == MOST_OUTLINES:
            notice(f"A selection can have at most {MOST_OUTLINES} outlines. Draw without Shift to begin a new one.")
            return before
        return replace(before, outlines=(*before.outlines, corners))

    return {
        "eps": lambda eps: change_side(number, eps=float(eps)),
        "looks": looks,
        "view": view_changed,
        "pick": pick,
        "open": lambda row: st.session_state.__setitem__(Key.EXPLORE_OPENED, (number, int(row))),
        "lost": lambda _: None,
    }


@st.fragment(run_every=POLL_S)
def _await_grouping() -> None:
    """Redraw the page after a while, when the clusters may be there."""
    if st.session_state.pop("explore-waited", False):
        st.rerun()
    st.session_state["explore-waited"] = True
