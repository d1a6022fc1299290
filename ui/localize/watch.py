"""Follow the training of a heat-map model, and see its photos with what it found."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.jobs.localize import TABLE, LocalizeRequest
from ui.localize.cached import draw_small, read_places
from ui.shared.messages import plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_time
from ui.work.panel import Panel, is_running
from ui.work.words import STATUS_ICONS, STATUS_WORDS

PER_PAGE = 9


def list_works(project: Project) -> list[WorkFolder]:
    """The trainings of the project, the newest first."""
    return WorkFolder.list_all(project.path / LocalizeRequest.room)


def show_past(project: Project, works: list[WorkFolder], *, leave_out: str = "") -> None:
    """The earlier trainings with what they found."""
    past = [work for work in works if work.name != leave_out and not work.problem]
    if not past:
        return
    st.subheader("Earlier heat-map models", anchor=False)
    for work in past:
        status = work.status
        line = f"**{escape_markdown(work.name)}** · {STATUS_WORDS[status]} · {say_time(work.created_at.astimezone())}"
        with st.expander(line, icon=STATUS_ICONS[status], key=f"localize-{work.name}", on_change="rerun") as box:
            if not box.open:
                continue
            with plain_errors():
                if is_running(work):
                    PANEL.show_running(work)
                else:
                    PANEL.show_end(project, work)


def _show_result(project: Project, work: WorkFolder) -> None:
    if work.status is not Status.DONE:
        return
    request, result = work.read_request(LocalizeRequest), work.read_result()
    said = f"Learned from {count(result['learned'], 'photo')}. " if result.get("learned") else ""
    if request.asked is not None:
        said += f"Looked through {count(result.get('asked', 0), 'photo')}, the most odd first."
    st.markdown(said)
    n_failed = result.get("failed", 0) + result.get("learned_failed", 0)
    if n_failed:
        first = result["failures"][0]
        st.warning(
            f"{count(n_failed, 'photo')} could not be used. The first: {escape_markdown(first['file_name'])} "
            f"({escape_markdown(first['why'])})",
            icon=":material/broken_image:",
        )
    table = work.path / TABLE
    if not table.is_file() or request.asked is None:
        return
    places = read_places(str(table), table.stat().st_mtime_ns)
    left, middle, right = st.columns([2, 2, 1], vertical_alignment="bottom")
    with left:
        with_heat = st.toggle(
            "Heat map",
            True,
            key=f"{Key.LOCALIZE_HEAT}-{work.name}",
            help="Orange: how likely each part belongs to the odd patch. The frame is the most likely square.",
        )
    n_pages = max(1, -(-len(places) // PER_PAGE))
    number = 1
    with middle:
        if n_pages > 1:
            number = st.number_input(
                f"Page (of {n_pages:,})", min_value=1, max_value=n_pages, key=f"{Key.LOCALIZE_PAGE}-{work.name}"
            )
    with right:
        st.download_button(
            "Download CSV",
            table.read_bytes(),
            f"{work.name}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"localize-csv-{work.name}",
        )
    _show_photos(work.path, request.asked, places[(number - 1) * PER_PAGE : number * PER_PAGE], with_heat=with_heat)


def _show_photos(model: Path, folder: Path, places: list, *, with_heat: bool) -> None:
    from models.localize.heat_map import FACTS

    stamp = (model / FACTS).stat().st_mtime_ns
    with st.grid(3, min_column_width=260):
        for one in places:
            with st.container():
                try:
                    st.image(draw_small(str(model), stamp, str(folder), one, with_heat), width="stretch")
                except AnomalureError as error:
                    st.warning(escape_markdown(str(error)), icon=":material/broken_image:")
                rarity = "" if one.p_value is None else f" · p = {one.p_value:.2g}"
                st.caption(f"{escape_markdown(one.file_name)} · row {one.row:,}, column {one.column:,}{rarity}")


PANEL = Panel(
    kind=LocalizeRequest.kind,
    what="training",
    key=Key.WATCHED_LOCALIZE,
    preparing="loading the programs",
    stopping="Stopping.",
    say_so_far=lambda work: "When you resume it, it continues from its last checkpoint.",
    show_result=_show_result,
)
