"""Follow a download of a model."""

import streamlit as st

from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.jobs.model import DownloadWork, ModelRequest
from ui.shared.state import Key
from ui.shared.words import escape_markdown
from ui.work.panel import Panel


def list_downloads(project: Project) -> list[DownloadWork]:
    """The downloads of the project, the newest first."""
    return DownloadWork.list_all(project.path / ModelRequest.room)


def _show_result(project: Project, work: WorkFolder) -> None:
    if work.status is not Status.DONE:
        return
    result = work.read_result()
    compared = (
        "Its checksum is the one that its publisher states."
        if result.get("is_checked")
        else "Its publisher states no checksum, so that of the file was recorded and is compared from now on."
    )
    st.success(f"{escape_markdown(str(result.get('model', '')))} is here. {compared}", icon=":material/task_alt:")


PANEL = Panel(
    kind=ModelRequest.kind,
    what="download",
    key=Key.WATCHED_MODEL,
    preparing="asking its server",
    stopping="Stopping. What is there of it is kept.",
    show_result=_show_result,
)
