"""The groups of a run while they are made: the work starts by itself, and its panel is shown."""

import streamlit as st

from core.errors import AnomalureError
from core.runs.folder import RunFolder
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.jobs.groups import GroupsRequest, open_work
from ui.shared.state import Key
from ui.shared.words import escape_markdown
from ui.work import start
from ui.work.panel import Panel, is_running

PANEL = Panel(
    kind=GroupsRequest.kind,
    what="grouping",
    key=Key.GROUPS_WATCHED,
    preparing="reading the crops",
    stopping="Stopping.",
    title=lambda work: f"Groups of {work.path.parent.name}",
)


def show_making(project: Project, run: RunFolder) -> None:
    """Make the groups, unless that is under way or has failed; say so, and draw the page again at the end."""
    request = GroupsRequest(run=run.run_id)
    work = open_work(project.path / request.work_id)
    if not is_running(work) and not _has_failed(work):
        try:
            start.start(project, request)
        except (AnomalureError, OSError) as error:
            st.error(escape_markdown(f"The groups could not be made: {error}"), icon=":material/error:")
            return
    st.info(
        "Crops that look alike are being grouped. This takes some seconds, and for 100,000 crops about a minute.",
        icon=":material/workspaces:",
    )
    PANEL.show(project, work)


def _has_failed(work: WorkFolder) -> bool:
    """Whether it ended without groups; a person then starts it again. Work that is done made groups of other crops."""
    return work.path.is_dir() and bool(work.kind) and work.status is not Status.DONE
