"""The frame around every page: navigation, the project's name and counts, who is reviewing. The app's script."""

import streamlit as st

from ui.server.warm_up import wait_for_imports

wait_for_imports()  # before the imports that follow

from core.errors import AnomalureError, NewerVersion
from core.runs.folder import Status
from core.study.project import Project
from core.team.members import Team
from core.team.roles import Action, Role, say_refused
from ui.shared.acting import may_here
from ui.shared.look import apply_look
from ui.shared.messages import plain_errors
from ui.shared.project_place import ROOT, find_project_folder, open_project
from ui.shared.reviewer import ask_to_sign_in, is_closed, show_reviewer
from ui.shared.routes import GROUPS, PEOPLE, REVIEW, RUN, SECTIONS
from ui.shared.words import count, escape_markdown

SIDEBAR_PX = 236
PICTURES = ROOT / "ui"


def start() -> None:
    """The start page: Groups after a first look, Review after a run with a bundle, Run in a new project."""
    page = RUN if may_here(Action.RUN) else REVIEW
    with plain_errors():
        run = open_project().latest_run()
        if run is not None:
            page = REVIEW if run.info.bundle else GROUPS
    st.switch_page(str(page))


def has_people() -> bool:
    """Whether several people share the project: they sign in, or it has a team."""
    return "is_logged_in" in st.user or Team(find_project_folder()).path.exists()


def list_pages(*, closed: bool) -> dict[str, list[st.Page]]:  # type: ignore[valid-type]
    """Every page that this person may have, under its heading; each has an address of its own, for bookmarks.

    While the door is ``closed`` to them, all have one, so that a page opens at its address after signing in.
    """
    sections = {
        heading: [
            st.Page(
                page.file,
                title=page.title,
                icon=f":material/{page.icon}:",
                url_path=page.name,
                help=page.help,
                visibility="hidden" if page.file == PEOPLE and not has_people() else "visible",
            )
            for page in pages
            if closed or may_here(page.needs)
        ]
        for heading, pages in SECTIONS.items()
    }
    sections = {heading: pages for heading, pages in sections.items() if pages}
    first = next(iter(sections.values()))
    first.append(st.Page(start, title="Anomalure", url_path="start", default=True, visibility="hidden"))
    return sections


def is_ours() -> bool:
    """Whether the pages may open the project; if a newer version of Anomalure used it last, that is said instead."""
    try:
        open_project().refuse_newer()
    except NewerVersion as error:
        st.error(escape_markdown(str(error)), icon=":material/error:")
        return False
    except AnomalureError:
        pass  # the sidebar says it
    return True


def show_sidebar(project: Project) -> None:
    """Draw the project's name and its counts."""
    runs = project.runs()
    photos: dict[str, int] = {}  # a folder that was run twice has its photos once
    for run in runs:
        if not run.problem:
            photos[run.info.folder] = max(run.n_files, photos.get(run.info.folder, 0))
    with st.sidebar:
        st.markdown(f"**{escape_markdown(project.path.name)}**", help=escape_markdown(str(project.path)))
        st.caption(f"{count(len(runs), 'run')} · {count(sum(photos.values()), 'photo')}")
        if any(run.status is Status.RUNNING for run in runs[:5]):
            st.caption(":green[:material/progress_activity: a run is under way]")
        show_reviewer(project)


# Own pictures: an icon by name would be fetched from the internet.
st.set_page_config(
    page_title="Anomalure", page_icon=str(PICTURES / "logo.svg"), layout="wide", initial_sidebar_state=SIDEBAR_PX
)
st.logo(str(PICTURES / "wordmark.svg"), size="large", icon_image=str(PICTURES / "logo.svg"))
closed = is_closed()  # before anything of the project is read
page = st.navigation(list_pages(closed=closed), position="hidden" if closed else "sidebar", expanded=True)
apply_look()
if closed:
    ask_to_sign_in()
elif is_ours():
    with plain_errors():
        show_sidebar(open_project())
        if not may_here(Action.DECIDE):
            st.caption(f":material/visibility: {escape_markdown(say_refused(Role.VIEWER, Action.DECIDE))}")
    page.run()
