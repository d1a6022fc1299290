"""Follow the training of a bundle: started here, in another tab or from the command line."""

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from models.jobs.bundle import BundleRequest
from ui.shared.messages import notice, plain_errors
from ui.shared.routes import RUN, link_button
from ui.shared.state import Key
from ui.train.card import read_card
from ui.work.panel import Panel


def _show_result(project: Project, work: WorkFolder) -> None:
    name = work.name
    if work.status is not Status.DONE:
        PANEL.show_curve(work)
        return
    if not (project.bundles_dir / name).exists():
        st.info("The bundle of this training is no longer there.", icon=":material/info:")
        return
    active = project.store.active_bundle() == name
    st.success("The bundle is made" + (", and it is the active one." if active else "."), icon=":material/task_alt:")
    with st.container(horizontal=True):
        if not active:
            st.button(
                "Activate",
                key=f"activate-{name}",
                type="primary",
                icon=":material/check_circle:",
                help="New runs use this bundle from now on, unless another one is chosen.",
                on_click=_activate,
                args=(project, name),
            )
        else:
            link_button("Start a run", RUN, key=f"to-run-{name}", icon=":material/play_circle:")
    PANEL.show_curve(work)
    with (
        st.expander("Its card: what it was trained on, and what it cannot do", icon=":material/article:"),
        plain_errors(),
    ):
        st.markdown(read_card(project, name))


def _activate(project: Project, name: str) -> None:
    try:
        project.store.activate_bundle(name)
    except AnomalureError as error:
        notice(str(error))


PANEL = Panel(
    kind=BundleRequest.kind,
    what="training",
    key=Key.WATCHED_TRAINING,
    preparing="reading the labels and loading the encoder",
    stopping="Stopping after the current step; the progress so far is kept.",
    say_kept=lambda work: "The encoder as trained so far is kept." if work.can_resume else "",
    show_result=_show_result,
)
