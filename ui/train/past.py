"""The earlier trainings of the project: how each ended, its curve, its card and what can be done next."""

import streamlit as st

from core.study.project import Project
from core.work.folder import Status
from core.work.trainings import TrainingFolder
from models.jobs.bundle import BundleRequest
from ui.shared.messages import plain_errors
from ui.shared.words import escape_markdown, say_time
from ui.train.encoder import METHOD_WORDS
from ui.train.watch import PANEL
from ui.work.words import STATUS_ICONS, STATUS_WORDS

SHOWN_AT_FIRST = 10


def describe_training(training: TrainingFolder, status: Status) -> str:
    """One line: name, status, method, when."""
    if status is Status.BROKEN:
        return f"**{escape_markdown(training.name)}** · {STATUS_WORDS[status]}"
    request = training.read_request(BundleRequest)
    parts = [f"**{escape_markdown(training.name)}**", STATUS_WORDS[status]]
    if request.method != "none":
        parts.append(METHOD_WORDS.get(request.method, request.method))
    return " · ".join([*parts, say_time(request.created_at.astimezone())])


def show_past_trainings(project: Project, *, leave_out: str = "") -> None:
    """One line per training, newest first."""
    trainings = [training for training in project.trainings() if training.name != leave_out]
    if not trainings:
        return
    st.subheader("Earlier trainings", anchor=False)
    everything = len(trainings) <= SHOWN_AT_FIRST or st.session_state.get("all-trainings", False)
    for training in trainings if everything else trainings[:SHOWN_AT_FIRST]:
        with plain_errors():
            _show_training(project, training)
    if len(trainings) > SHOWN_AT_FIRST:
        st.toggle(f"Show all {len(trainings):,} trainings", key="all-trainings")


def _show_training(project: Project, training: TrainingFolder) -> None:
    status = training.status
    line = st.expander(
        describe_training(training, status),
        icon=STATUS_ICONS[status],
        key=f"past-training-{training.name}",
        on_change="rerun",
    )
    if not line.open:
        return
    with line:
        if status is not Status.BROKEN:
            st.caption(escape_markdown(str(training.read_request(BundleRequest).images)))
        if status is Status.RUNNING:
            PANEL.show_running(training)
            st.button("Follow", key=f"follow-training-{training.name}", on_click=PANEL.follow, args=(training.name,))
        else:
            PANEL.show_end(project, training)
