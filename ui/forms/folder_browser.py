"""Choose a folder on this computer by clicking: usual places, the path, and sub-folders with their number of photos."""

from pathlib import Path

import streamlit as st

from core.disk.names import is_text, show_name
from ui.forms.cached import count_folder_photos, list_folder
from ui.forms.folders import explain_folder, list_places, read_path
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown

MOST_SHOWN = 100
MOST_CRUMBS = 5
ROWS_WITHOUT_SCROLLING = 6
LIST_PX = 280


def _go(folder: Path) -> None:
    st.session_state[Key.BROWSED] = str(folder)
    st.session_state[Key.BROWSER_FILTER] = ""


def _use(folder: Path, into: Key) -> None:
    st.session_state[into] = str(folder)
    st.session_state[Key.BROWSED] = str(folder)


def _start_folder(into: Key) -> Path:
    browsed = st.session_state.get(Key.BROWSED)
    if browsed is not None:
        return Path(browsed)
    typed = str(st.session_state.get(into, ""))
    return (None if explain_folder(typed) else read_path(typed)) or Path.home()


def _show_places() -> None:
    with st.container(horizontal=True, gap="xsmall"):
        for name, place in list_places():
            icon = "home" if name == "Home" else "hard_drive" if place.parent == place else "folder_open"
            st.button(
                escape_markdown(name),
                key=f"place-{place}",
                on_click=_go,
                args=(place,),
                type="tertiary",
                icon=f":material/{icon}:",
            )


def _show_breadcrumbs(folder: Path) -> None:
    trail = [*reversed(folder.parents), folder][-MOST_CRUMBS:]
    with st.container(horizontal=True, gap="xxsmall", vertical_alignment="center"):
        for nth, step in enumerate(trail):
            if nth:
                st.markdown(":gray[›]", width="content")
            st.button(
                escape_markdown(step.name or str(step)),
                key=f"crumb-{nth}-{step}",
                on_click=_go,
                args=(step,),
                type="tertiary",
                disabled=step == folder,
            )


def _show_subfolders(folder: Path) -> None:
    every = list_folder(str(folder))
    found = [sub for sub in every if is_text(sub.path.name)]
    _say_not_shown([show_name(sub.path.name) for sub in every if not is_text(sub.path.name)])
    if len(found) > MOST_SHOWN:
        part = st.text_input("Find a folder", key=Key.BROWSER_FILTER, placeholder="part of its name").casefold()
        found = [sub for sub in found if part in sub.path.name.casefold()]
    if not found:
        st.caption("There are no folders in this folder.")
    for sub in found[:MOST_SHOWN]:
        st.button(
            f"{escape_markdown(sub.path.name)} :gray[· {sub.photos}]",
            key=f"open-{sub.path}",
            on_click=_go,
            args=(sub.path,),
            type="tertiary",
            icon=":material/folder:",
            width="content",
        )
    if len(found) > MOST_SHOWN:
        st.caption(f"{len(found) - MOST_SHOWN:,} more folders. Type a part of the name to find one.")


def _say_not_shown(names: list[str]) -> None:
    if names:
        st.caption(
            escape_markdown(
                f"{count(len(names), 'folder')} cannot be chosen, because the name is not valid text: "
                f"{', '.join(names)}. Rename it first."
            )
        )


@st.fragment
def show_folder_browser(into: Key = Key.FOLDER) -> None:
    """Draw the browser. "Use this folder" writes the folder to the session key ``into`` and reruns the page."""
    folder = _start_folder(into)
    reason = explain_folder(str(folder))
    if reason:
        folder = Path.home()
        st.caption(reason)
    _show_places()
    _show_breadcrumbs(folder)
    long = len(list_folder(str(folder))) > ROWS_WITHOUT_SCROLLING
    with st.container(height=LIST_PX if long else "content", border=True, gap="xxsmall"):
        _show_subfolders(folder)
    photos = count_folder_photos(str(folder))
    if st.button(
        f"Use this folder ({photos})",
        key="use-folder",
        icon=":material/check:",
        on_click=_use,
        args=(folder, into),
        type="primary",
        disabled=photos.complete and not photos.n,
    ):
        st.rerun()
