"""Follow a check of images, and see its answers on the images."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.jobs.images import TABLE, ImagesRequest
from ui.images.cached import Answer, draw_small, read_answers
from ui.shared.messages import plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_time
from ui.work.panel import Panel, is_running
from ui.work.words import STATUS_ICONS, STATUS_WORDS

PER_PAGE = 24
OUTLIERS, ALL = "Outliers", "All images"


def list_works(project: Project) -> list[WorkFolder]:
    """The checks of the project, the newest first."""
    room = project.path / ImagesRequest.room
    works = [WorkFolder(path) for path in room.glob("*") if path.is_dir()] if room.is_dir() else []
    return sorted(works, key=lambda work: work.path.stat().st_mtime_ns, reverse=True)


def show_past(project: Project, works: list[WorkFolder], *, leave_out: str = "") -> None:
    """The earlier checks with their answers."""
    past = [work for work in works if work.name != leave_out and not work.problem]
    if not past:
        return
    st.subheader("Earlier checks", anchor=False)
    for work in past:
        status = work.status
        made_at = say_time(work.read_request(ImagesRequest).created_at.astimezone())
        line = f"**{escape_markdown(work.name)}** · {STATUS_WORDS[status]} · {made_at}"
        with st.expander(line, icon=STATUS_ICONS[status], key=f"images-{work.name}", on_change="rerun") as box:
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
    request, result = work.read_request(ImagesRequest), work.read_result()
    st.markdown(
        f"**{result.get('outliers', 0):,} of {count(result.get('asked', 0), 'image')}** are unlike the normal ones. "
        f"Compared with {count(result.get('normal', 0), 'normal image')}; about "
        f"{request.settings.false_alarm_rate:.1%} of normal images are called outliers by chance."
    )
    n_failed = result.get("failed", 0) + result.get("normal_failed", 0)
    if n_failed:
        first = result["failures"][0]
        st.warning(
            f"{count(n_failed, 'image')} could not be read. The first: {escape_markdown(first['file_name'])} "
            f"({escape_markdown(first['why'])})",
            icon=":material/broken_image:",
        )
    table = work.path / TABLE
    if not table.is_file() or request.asked is None:
        return
    answers = read_answers(str(table), table.stat().st_mtime_ns)
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    with left:
        which = st.segmented_control(
            "Show", [OUTLIERS, ALL], default=OUTLIERS, required=True, key=f"{Key.IMAGES_SHOWN}-{work.name}"
        )
    with right:
        st.download_button(
            "Download CSV",
            table.read_bytes(),
            f"{work.name}.csv",
            "text/csv",
            icon=":material/download:",
            key=f"images-csv-{work.name}",
        )
    shown = [one for one in answers if which == ALL or one.answer < 0]
    if not shown:
        st.info("No image is an outlier. Show all images to see the least usual ones first.", icon=":material/check:")
        return
    n_pages = -(-len(shown) // PER_PAGE)
    number = 1
    if n_pages > 1:
        number = st.number_input(
            f"Page (of {n_pages:,})", min_value=1, max_value=n_pages, key=f"{Key.IMAGES_PAGE}-{work.name}-{which}"
        )
    _show_images(request.asked, shown[(number - 1) * PER_PAGE : number * PER_PAGE])


def _show_images(folder: Path, answers: list[Answer]) -> None:
    with st.grid(4, min_column_width=200):
        for one in answers:
            with st.container():
                try:
                    st.image(draw_small(str(folder), one), width="stretch")
                except AnomalureError as error:
                    st.warning(escape_markdown(str(error)), icon=":material/broken_image:")
                st.caption(escape_markdown(one.file_name))


PANEL = Panel(
    kind=ImagesRequest.kind,
    what="check",
    key=Key.WATCHED_IMAGES,
    preparing="loading the programs",
    stopping="Stopping.",
    show_result=_show_result,
)
