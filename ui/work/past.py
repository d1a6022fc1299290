"""Earlier works of one kind in a list: how each ended, and, opened, its result and what can be done next."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import streamlit as st

from core.study.project import Project
from core.work.folder import Status, WorkFolder
from ui.shared.messages import plain_errors
from ui.shared.words import escape_markdown
from ui.work.panel import Panel
from ui.work.words import STATUS_ICONS

SHOWN_AT_FIRST = 10

Work = TypeVar("Work", bound=WorkFolder)


def show_past(
    project: Project,
    works: Sequence[Work],
    panel: Panel,
    *,
    key: str,
    describe: Callable[[Work, Status], str],
    caption: Callable[[Work], str],
) -> None:
    """One line for each work, newest first.

    Args:
        project: The study.
        works: Newest first.
        panel: How the page follows this kind of work.
        key: Distinguishes the keys of this kind; empty for runs.
        describe: The line, Markdown.
        caption: What stands over an opened work that can be read, plain text.
    """
    if not works:
        return
    st.subheader(f"Earlier {panel.what}s", anchor=False)
    show_all = f"all-{panel.what}s"
    everything = len(works) <= SHOWN_AT_FIRST or st.session_state.get(show_all, False)
    for work in works if everything else works[:SHOWN_AT_FIRST]:
        with plain_errors():
            _show(project, work, panel, key, describe, caption)
    if len(works) > SHOWN_AT_FIRST:
        st.toggle(f"Show all {len(works):,} {panel.what}s", key=show_all)


def _show(
    project: Project,
    work: Work,
    panel: Panel,
    key: str,
    describe: Callable[[Work, Status], str],
    caption: Callable[[Work], str],
) -> None:
    status = work.status
    line = st.expander(
        describe(work, status), icon=STATUS_ICONS[status], key=f"past-{key}{work.name}", on_change="rerun"
    )
    if not line.open:
        return
    with line:
        if status is not Status.BROKEN:
            st.caption(escape_markdown(caption(work)))
        if status is Status.RUNNING:
            panel.show_running(work)
            st.button("Follow", key=f"follow-{key}{work.name}", on_click=panel.follow, args=(work.name,))
        else:
            panel.show_end(project, work)
