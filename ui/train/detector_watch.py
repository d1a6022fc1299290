"""Follow a detector's training, and see the detectors of the project."""

import streamlit as st

from core.study.project import Project
from core.work.detector_trainings import DetectorTrainingFolder, list_detector_trainings
from core.work.folder import Status
from core.work.progress import Phase, Progress
from ui.run.past import STATUS_ICONS
from ui.shared.messages import notice, plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_duration, say_time
from ui.work.detector_curve import build_detector_figure
from ui.work.detector_process import TEACHINGS, DetectorAsked, start_teaching
from ui.work.watched import Watched, show_outside_work
from ui.work.words import PHASE_WORDS, STATUS_WORDS

POLL_S = 2.0
WATCHED = Watched(Key.WATCHED_DETECTOR)


def find_watched_detector(project: Project) -> str:
    """The training to follow: the one started or resumed here, else the newest that goes on; empty without any."""
    return WATCHED.find((one.name, one.status) for one in list_detector_trainings(project.detectors_dir))


def show_watched_detector(project: Project, name: str) -> None:
    """The panel of one training: its bar and curve while it goes on, what became of it afterwards."""
    training = DetectorTrainingFolder(project.detectors_dir / name)
    with st.container(border=True):
        st.subheader(escape_markdown(name), anchor=False)
        if TEACHINGS.goes_on(project.path, name, training):
            _follow(project, name)
            return
        if not training.path.exists():
            said = TEACHINGS.read_words(project.path, name)
            more = escape_markdown(said.splitlines()[-1]) if said else ""
            st.error(f"The training could not start. {more}", icon=":material/error:")
        else:
            with plain_errors():
                _show_end(project, training)
        st.button("Close", key="close-detector", on_click=WATCHED.put_away)


def show_detectors(project: Project, *, leave_out: str = "") -> None:
    """The detectors of the project and unfinished trainings, newest first."""
    trainings = [one for one in list_detector_trainings(project.detectors_dir) if one.name != leave_out]
    if not trainings:
        return
    st.subheader("Detectors of this project", anchor=False)
    for training in trainings:
        status = training.status
        line = f"**{escape_markdown(training.name)}** · {STATUS_WORDS[status]}"
        if status is not Status.BROKEN:
            line += f" · {say_time(training.info.created_at.astimezone())}"
        with st.expander(line, icon=STATUS_ICONS[status]), plain_errors():
            _show_end(project, training)


def say_teaching(progress: Progress) -> str:
    """Phase, place and time left in one line of Markdown."""
    doing = "Teaching the detector" if progress.phase is Phase.TRAINING else PHASE_WORDS[progress.phase]
    parts = [f"**{doing}**"]
    if progress.total:
        unit = "epoch" if progress.phase is Phase.TRAINING else "photo"
        parts.append(f"{progress.done:,} of {count(progress.total, unit)}")
    if progress.phase is Phase.TRAINING and progress.message:
        parts.append(escape_markdown(progress.message.rstrip(".")))
    if progress.seconds_left is not None and progress.done < progress.total:
        parts.append(f"{say_duration(progress.seconds_left)} left")
    return " · ".join(parts)


@st.fragment(run_every=POLL_S)
def _follow(project: Project, name: str) -> None:
    training = DetectorTrainingFolder(project.detectors_dir / name)
    if not TEACHINGS.goes_on(project.path, name, training):
        st.rerun()
    preparing = "reading the labels and loading what it starts from"
    if show_outside_work(TEACHINGS, project.path, name, training, preparing=preparing, key=f"stop-detector-{name}"):
        return
    progress = training.read_progress() or Progress()
    share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
    st.progress(share, text=say_teaching(progress))
    _show_curve(training)
    if training.cancel_requested:
        st.caption("Stopping after the epoch in hand; what was learnt is kept.")
    else:
        st.button(
            "Cancel",
            key=f"cancel-detector-{name}",
            icon=":material/stop_circle:",
            on_click=training.request_cancel,
            help="It stops after this epoch and can be resumed.",
        )


def _show_curve(training: DetectorTrainingFolder) -> None:
    epochs = training.read_curve()
    if epochs:
        st.plotly_chart(
            build_detector_figure(epochs), key=f"detector-curve-{training.name}", config={"displayModeBar": False}
        )


def _show_end(project: Project, training: DetectorTrainingFolder) -> None:
    status = training.status
    if status is Status.BROKEN:
        st.error(escape_markdown(training.problem), icon=":material/error:")
        return
    if training.is_trained:
        card = training.read_result()
        best = card.get("best", {})
        photos, boxes = card.get("photos", {}).get("train", 0), card.get("boxes", {}).get("train", 0)
        st.caption(
            f"Held-out photos: mAP {best.get('map50', 0):.2f} at 50% overlap, "
            f"precision {best.get('precision', 0):.2f}, recall {best.get('recall', 0):.2f} "
            f"(epoch {best.get('epoch', 0)}). Learnt from {count(photos, 'photo')} with {boxes:,} boxes."
        )
        for line in card.get("not_used", [])[:5]:
            st.caption(f":orange[:material/warning:] Not used: {escape_markdown(line)}")
        st.markdown("Choose it by its name: for a run on the page Run, for a bundle on this page.")
        st.caption("On the command line it is this folder, after --detector:")
        st.code(str(training.model), language=None)
        _show_curve(training)
        return
    progress = training.read_progress()
    message = progress.message if progress and progress.message else "It stopped without an end."
    st.warning(escape_markdown(message), icon=":material/pause_circle:")
    if training.can_resume:
        st.button(
            "Resume",
            key=f"resume-detector-{training.name}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=_resume,
            args=(project, training.name),
        )
    _show_curve(training)


def _resume(project: Project, name: str) -> None:
    try:
        start_teaching(DetectorAsked(project=project.path, name=name, resume=True))
    except OSError as error:
        notice(f"The training could not be resumed: {error}.")
    else:
        WATCHED.follow(name)
