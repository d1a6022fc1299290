"""Follow a training that goes on: started here, in another tab or from the command line."""

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import Status
from core.work.progress import Phase, Progress
from core.work.trainings import TrainingFolder
from ui.shared.messages import notice, plain_errors
from ui.shared.routes import RUN, link_button
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_duration
from ui.train.card import read_card
from ui.work.loss_curve import build_loss_figure
from ui.work.training_process import TRAININGS, TrainingAsked, start_training
from ui.work.watched import Watched, show_outside_work
from ui.work.words import PHASE_WORDS

POLL_S = 1.5
WHY = {
    Status.CANCELLED: "This training was cancelled.",
    Status.INTERRUPTED: "This training stopped without an end: the computer or its process was switched off.",
    Status.FAILED: "This training stopped because of an error.",
}
WATCHED = Watched(Key.WATCHED_TRAINING)


def find_watched(project: Project) -> str:
    """The training to follow: the one started or resumed here, else the newest that goes on; empty without any."""
    return WATCHED.find((one.name, one.status) for one in project.trainings())


def show_watched(project: Project, name: str) -> None:
    """The panel of one training: its bar and curve while it goes on, what became of it afterwards."""
    training = project.training(name)
    with st.container(border=True):
        st.subheader(escape_markdown(name), anchor=False)
        if TRAININGS.goes_on(project.path, name, training):
            _follow(project, name)
        elif not training.path.exists():
            _show_not_started(project, name)
        else:
            with plain_errors():
                show_training_end(project, training)
        if not TRAININGS.goes_on(project.path, name, training):
            st.button("Close", key="close-training", on_click=WATCHED.put_away)


@st.fragment(run_every=POLL_S)
def _follow(project: Project, name: str) -> None:
    training = project.training(name)
    if not TRAININGS.goes_on(project.path, name, training):
        st.rerun()
    preparing = "reading the labels and loading the encoder"
    if not show_outside_work(TRAININGS, project.path, name, training, preparing=preparing, key=f"stop-{name}"):
        show_training_running(training)


def say_training(progress: Progress) -> str:
    """Phase, place, speed and time left in one line of Markdown."""
    parts = [f"**{PHASE_WORDS[progress.phase]}**"]
    if progress.phase in (Phase.TRAINING, Phase.MODELS) and progress.message:
        parts.append(escape_markdown(progress.message.rstrip(".")))
    if progress.total and progress.phase is not Phase.TRAINING:
        parts.append(f"{progress.done:,} of {count(progress.total, 'photo')}")
    if progress.photos_per_s > 0:
        parts.append(f"{progress.photos_per_s:,.1f} {progress.unit}s/s")
    if progress.seconds_left is not None and progress.done < progress.total:
        parts.append(f"{say_duration(progress.seconds_left)} left")
    return " · ".join(parts)


def show_training_running(training: TrainingFolder) -> None:
    """The bar of a training that goes on, its curve, and its Cancel."""
    progress = training.read_progress() or Progress()
    share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    st.progress(share, text=say_training(progress))
    _show_curve(training)
    if training.cancel_requested:
        st.caption("Stopping after the step in hand; what was learnt is kept.")
    else:
        st.button(
            "Cancel",
            key=f"cancel-{training.name}",
            icon=":material/stop_circle:",
            on_click=training.request_cancel,
            help="What the encoder has learnt is kept, and the training can be resumed.",
        )


def _show_curve(training: TrainingFolder) -> None:
    points = training.read_curve()
    if not points:
        return
    epochs = int(training.info.training.get("epochs", 1))
    best = training.read_result().get("best_epoch")
    figure = build_loss_figure(points, epochs=epochs, best_epoch=best)
    st.plotly_chart(figure, key=f"curve-{training.name}", config={"displayModeBar": False})


def _show_not_started(project: Project, name: str) -> None:
    said = TRAININGS.read_words(project.path, name)
    if said:
        st.error(f"The training could not start. {escape_markdown(said.splitlines()[-1])}", icon=":material/error:")
        if len(said.splitlines()) > 1:
            with st.expander("All that it said"):
                st.code(said, language=None)
    else:
        st.error(f"There is no training {escape_markdown(name)}.", icon=":material/error:")


def show_training_end(project: Project, training: TrainingFolder) -> None:
    """What became of a training that has ended, and what can be done next."""
    status = training.status
    if status is Status.BROKEN:
        st.error(escape_markdown(training.problem), icon=":material/error:")
        return
    if status is Status.DONE:
        _show_done(project, training)
        return
    progress = training.read_progress() or Progress()
    more = f" {progress.message}" if status is Status.FAILED and progress.message else ""
    kept = " What the encoder has learnt is kept." if training.can_resume else ""
    st.warning(escape_markdown(WHY[status] + more + kept), icon=":material/pause_circle:")
    st.button(
        "Resume" if training.can_resume else "Start again",
        key=f"resume-{training.name}",
        type="primary",
        icon=":material/play_arrow:",
        on_click=_resume,
        args=(project, training.name),
    )
    _show_curve(training)


def _show_done(project: Project, training: TrainingFolder) -> None:
    name = training.name
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
                help="New runs use this bundle from now on, unless told otherwise.",
                on_click=_activate,
                args=(project, name),
            )
        else:
            link_button("Start a run", RUN, key=f"to-run-{name}", icon=":material/play_circle:")
    _show_curve(training)
    with st.expander("Its card: what it has learnt, and what it cannot do", icon=":material/article:"), plain_errors():
        st.markdown(read_card(project, name))


def _activate(project: Project, name: str) -> None:
    try:
        project.store.activate_bundle(name)
    except AnomalureError as error:
        notice(str(error))


def _resume(project: Project, name: str) -> None:
    try:
        start_training(TrainingAsked(project=project.path, name=name, resume=True))
    except OSError as error:
        notice(f"The training could not be resumed: {error}.")
    else:
        WATCHED.follow(name)
