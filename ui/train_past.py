"""The trainings of the project with how they ended; opened, each shows its curve, its card and what can be done."""

import streamlit as st

from core.project import Project
from core.trainings import TrainingFolder
from core.work_folder import RunStatus
from ui.messages import plain_errors
from ui.past_runs import STATUS_ICONS
from ui.run_words import STATUS_WORDS
from ui.train_encoder import METHOD_WORDS
from ui.train_watch import WATCHED, show_training_end, show_training_running
from ui.words import escape_markdown, say_time

SHOWN_AT_FIRST = 10


def describe_training(training: TrainingFolder, status: RunStatus) -> str:
    """One line: name, status, method, when."""
    if status is RunStatus.BROKEN:
        return f"**{escape_markdown(training.name)}** · {STATUS_WORDS[status]}"
    info = training.info
    parts = [f"**{escape_markdown(training.name)}**", STATUS_WORDS[status]]
    if info.method != "none":
        parts.append(METHOD_WORDS.get(info.method, info.method))
    return " · ".join([*parts, say_time(info.created_at.astimezone())])


def show_past_trainings(project: Project, *, leave_out: str = "") -> None:
    """A line a training, newest first."""
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
        describe_training(training, status), icon=STATUS_ICONS[status], key=f"past-training-{training.name}",
        on_change="rerun")  # fmt: skip
    if not line.open:
        return
    with line:
        if status is not RunStatus.BROKEN:
            st.caption(escape_markdown(training.info.images))
        if status is RunStatus.RUNNING:
            show_training_running(training)
            st.button("Follow", key=f"follow-training-{training.name}", on_click=WATCHED.follow, args=(training.name,))
            return
        show_training_end(project, training)
