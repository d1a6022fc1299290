"""Follow a detector's training, and see the detectors of the project."""

import streamlit as st

from core.study.project import Project
from core.work.detector_trainings import DetectorTrainingFolder
from core.work.folder import Status, WorkFolder
from models.jobs.detector import DetectorRequest
from ui.shared.messages import plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_time
from ui.work.panel import Panel, is_running
from ui.work.words import STATUS_ICONS, STATUS_WORDS


def show_detectors(project: Project, *, leave_out: str = "") -> None:
    """The detectors of the project and unfinished trainings, newest first."""
    trainings = [one for one in DetectorTrainingFolder.list_all(project.detectors_dir) if one.name != leave_out]
    if not trainings:
        return
    st.subheader("Detectors of this project", anchor=False)
    for training in trainings:
        status = training.status
        line = f"**{escape_markdown(training.name)}** · {STATUS_WORDS[status]}"
        if status is not Status.BROKEN:
            line += f" · {say_time(training.created_at.astimezone())}"
        with st.expander(line, icon=STATUS_ICONS[status]), plain_errors():
            if is_running(training):
                PANEL.show_running(training)
            else:
                PANEL.show_end(project, training)


def _show_result(project: Project, work: WorkFolder) -> None:
    training = DetectorTrainingFolder(work.path)
    if training.is_trained:
        card = training.read_result()
        best = card.get("best", {})
        photos, boxes = card.get("photos", {}).get("train", 0), card.get("boxes", {}).get("train", 0)
        st.caption(
            f"Held-out photos: mAP {best.get('map50', 0):.2f} at 50% overlap, "
            f"precision {best.get('precision', 0):.2f}, recall {best.get('recall', 0):.2f} "
            f"(epoch {best.get('epoch', 0)}). Trained on {count(photos, 'photo')} with {boxes:,} boxes."
        )
        for line in card.get("not_used", [])[:5]:
            st.caption(f":orange[:material/warning:] Not used: {escape_markdown(line)}")
        st.markdown("Choose it by its name: for a run on the Run page, for a bundle on this page.")
        st.caption("On the command line, give this folder to --detector:")
        st.code(str(training.model), language=None)
    PANEL.show_curve(work)


PANEL = Panel(
    kind=DetectorRequest.kind,
    what="training",
    key=Key.WATCHED_DETECTOR,
    preparing="reading the labels and loading the model to start from",
    stopping="Stopping after this epoch; the progress so far is kept.",
    say_kept=lambda work: "The detector as trained so far is kept." if work.can_resume else "",
    show_result=_show_result,
)
