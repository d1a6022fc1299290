"""Saved views: what the page shows is kept under a name."""

import streamlit as st

from core.errors import AnomalureError
from core.store.saved_views import LONGEST_NAME, SavedView, list_views, remove_view, save_view
from core.study.project import Project
from ui.explore.state import keep_view
from ui.scatter.view import View
from ui.shared.messages import notice
from ui.shared.state import Key
from ui.shared.words import escape_markdown


def show_saved_views(project: Project, view: View) -> None:
    """A menu of the saved views, with a field to save the current one under a name."""
    menu = st.popover(
        "Views",
        icon=":material/bookmarks:",
        width="stretch",
        key=Key.EXPLORE_MENU,
        on_change="rerun",
        help="Return to an earlier view: its map, clusters, colours, species and selection.",
    )
    if not menu.open:
        return
    with menu:
        st.text_input(
            "Keep this view as",
            key=Key.EXPLORE_NAME,
            max_chars=LONGEST_NAME,
            placeholder="A name",
            on_change=_save,
            args=(project, view),
        )
        views = list_views(project.store)
        if not views:
            st.caption("No view is saved yet. The address of this page is also a link to what you see.")
        for saved in views:
            opened, removed = st.columns([5, 1], vertical_alignment="center")
            opened.button(
                escape_markdown(saved.name),
                key=f"explore-open-{saved.view_id}",
                width="stretch",
                icon=":material/bookmark:",
                on_click=_open,
                args=(saved,),
                help=f"Kept on {saved.created_at:%d %b %Y}.",
            )
            removed.button(
                "Remove",
                key=f"explore-remove-{saved.view_id}",
                icon=":material/delete:",
                type="tertiary",
                on_click=_remove,
                args=(project, saved),
            )


def _save(project: Project, view: View) -> None:
    name = str(st.session_state.get(Key.EXPLORE_NAME, ""))
    if not name.strip():
        return
    try:
        save_view(project.store, name, view.to_address())
    except AnomalureError as error:
        notice(str(error))
    else:
        st.session_state[Key.EXPLORE_NAME] = ""


def _open(saved: SavedView) -> None:
    st.session_state.pop(Key.EXPLORE_PAGE, None)
    keep_view(View.from_address(saved.address))


def _remove(project: Project, saved: SavedView) -> None:
    try:
        remove_view(project.store, saved.view_id)
    except AnomalureError as error:
        notice(str(error))
