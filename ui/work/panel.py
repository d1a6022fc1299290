"""The panel of long work, the same for every kind: waiting, bar, curve, cancel, resume, log."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import Status, WorkFolder
from core.work.progress import Phase, Progress
from ui.shared.messages import notice, plain_errors
from ui.shared.project_place import open_project
from ui.shared.state import Key
from ui.shared.words import escape_markdown
from ui.work import curves, start
from ui.work.words import FINISHING, say_progress

POLL_S = 1.0

# A button to start or resume can stand far below the panel, which would then appear out of sight.
_bring_into_view = st.components.v2.component(
    "anomalure_into_view",
    js="""
export default function ({ parentElement }) {
  (parentElement.host ?? parentElement).scrollIntoView({ block: "center", behavior: "smooth" });
}
""",
)


def _say_nothing(work: WorkFolder) -> str:
    return ""


def _say_name(work: WorkFolder) -> str:
    return work.name


def _show_no_workers(work: WorkFolder) -> None:
    pass


def _show_nothing(project: Project, work: WorkFolder) -> None:
    pass


@dataclass(frozen=True, kw_only=True)
class Panel:
    """How a page follows work of one kind, until somebody closes the panel.

    Attributes:
        kind: The name of the kind's file in ``models/jobs``.
        what: What the page calls it.
        key: The session's key for the name of the work that is followed.
        preparing: What its process does before there is progress to count.
        stopping: What it still does after a cancel.
        say_so_far: What would be kept if it stopped now, in a sentence; empty for nothing.
        say_kept: What is kept of work that ended too early, in a sentence; empty for nothing.
        show_result: Draws the result when it has ended in any way.
        title: What the panel is headed with.
        show_workers: Draws who does it, if several processes do.
    """

    kind: str
    what: str
    key: Key
    preparing: str
    stopping: str
    say_so_far: Callable[[WorkFolder], str] = _say_nothing
    say_kept: Callable[[WorkFolder], str] = _say_nothing
    show_result: Callable[[Project, WorkFolder], None] = _show_nothing
    title: Callable[[WorkFolder], str] = _say_name
    show_workers: Callable[[WorkFolder], None] = _show_no_workers

    def find(self, newest_first: Iterable[WorkFolder]) -> str:
        """The name of the work that was started or resumed here, else of the newest that is running; else empty."""
        watched = str(st.session_state.get(self.key, ""))
        if watched:
            return watched
        running = next((work.name for work in newest_first if work.status is Status.RUNNING), "")
        if running:
            st.session_state[self.key] = running  # the user who saw it run wants to see its end, too
        return running

    def follow(self, name: str) -> None:
        """Follow this work from now on, and bring its panel into view."""
        st.session_state[self.key] = st.session_state[Key.INTO_VIEW] = name

    def close(self) -> None:
        """Close the panel; the work itself continues."""
        st.session_state.pop(self.key, None)

    def show(self, project: Project, work: WorkFolder, *, caption: str = "") -> None:
        """Draw the panel: the bar while the work is running, afterwards its end and its result."""
        with st.container(border=True):
            if st.session_state.pop(Key.INTO_VIEW, "") == work.name:
                _bring_into_view(key=f"into-view-{work.name}")
            st.subheader(escape_markdown(self.title(work)), anchor=False)
            if caption:
                st.caption(escape_markdown(caption))
            if is_running(work):
                _follow(self, work)
                return
            if work.path.is_dir():
                with plain_errors():
                    self.show_end(project, work)
            else:
                # A command that is cancelled before it has begun leaves nothing behind.
                st.info(
                    f"The {self.what} {escape_markdown(work.name)} is gone. It was cancelled before it began, or "
                    "deleted.",
                    icon=":material/info:",
                )
            st.button("Close", key="close-panel", on_click=self.close)

    def show_running(self, work: WorkFolder) -> None:
        """The bar of work that is running, its curve, and Cancel."""
        progress = work.read_progress() or Progress()
        if start.is_ending(work):
            st.progress(1.0, text=FINISHING)
            return
        share = min(progress.done / progress.total, 1.0) if progress.total else 0.0
        is_starting = progress.phase in (Phase.WAITING, Phase.STARTING)
        st.progress(share, text=say_progress(progress) + (f" · {self.preparing}" if is_starting else ""))
        self.show_workers(work)
        self.show_curve(work)
        if work.cancel_requested:
            st.caption(f"{self.stopping} {self.say_so_far(work)}".strip())
        else:
            st.button(
                "Cancel",
                key=f"cancel-{work.name}",
                icon=":material/stop_circle:",
                on_click=start.stop,
                args=(open_project(), work),
                help=f"It can be resumed. {self.say_so_far(work)}".strip() if work.can_resume else None,
            )

    def show_end(self, project: Project, work: WorkFolder) -> None:
        """How the work ended, what the user can do next, and its result."""
        status = work.status
        if status is Status.BROKEN:
            st.error(escape_markdown(work.problem), icon=":material/error:")
            return
        if status is not Status.DONE:
            self._show_stopped(project, work, status)
        self.show_workers(work)
        self.show_result(project, work)

    def _show_stopped(self, project: Project, work: WorkFolder, status: Status) -> None:
        progress = work.read_progress() or Progress()
        why = {
            Status.PREPARED: "is prepared for workers, and none is at it just now. Resume does what is left here.",
            Status.CANCELLED: "was cancelled.",
            Status.FAILED: f"stopped because of an error. {progress.message}",
        }.get(status, "stopped without an end: its process was killed, or the computer was switched off.")
        text = f"This {self.what} {why} {self.say_kept(work)}".strip()
        st.warning(escape_markdown(text), icon=":material/pause_circle:")
        agreed = work.may_ask_for_code and st.checkbox(
            "I trust where its model file comes from: loading a .pt file runs code from it.", key=f"consent-{work.name}"
        )
        st.button(
            "Resume" if work.can_resume else "Start again",
            key=f"resume-{work.name}",
            type="primary",
            icon=":material/play_arrow:",
            on_click=self.resume,
            args=(project, work),
            kwargs={"allow_code": agreed},
        )
        log = start.read_log(project.path, work) if status is not Status.CANCELLED else ""
        if log:
            with st.expander("Log of its process"):
                st.code(log, language=None)

    def resume(self, project: Project, work: WorkFolder, *, allow_code: bool = False) -> None:
        """Resume the work in a process of its own, and follow it.

        ``allow_code``: whether the user agrees that a model file runs code when it is loaded.
        """
        try:
            start.resume(project, work.path.relative_to(project.path).as_posix(), allow_code=allow_code)
        except (OSError, AnomalureError) as error:
            notice(f"The {self.what} could not be resumed: {error}")
        else:
            self.follow(work.name)

    def show_curve(self, work: WorkFolder) -> None:
        """The figure of this kind of work and its picture, if it has them."""
        figure = curves.draw(self.kind, work)
        if figure is not None:
            st.plotly_chart(figure, key=f"curve-{work.name}", config={"displayModeBar": False})
        picture = curves.find_picture(self.kind, work)
        if picture is not None:
            st.image(picture, caption=curves.PICTURE_WORDS[self.kind])


def is_running(work: WorkFolder) -> bool:
    """Whether a process of this dashboard, or any other, is doing this work."""
    return start.is_alive(work) or work.status is Status.RUNNING


@st.fragment(run_every=POLL_S)
def _follow(panel: Panel, work: WorkFolder) -> None:
    if not is_running(work):
        st.rerun()
    panel.show_running(work)
