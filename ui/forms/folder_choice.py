"""Ask for a folder of photos and say what is in it."""

from pathlib import Path

import streamlit as st

from ui.forms.cached import count_folder_photos
from ui.forms.folder_browser import show_folder_browser
from ui.forms.folders import explain_folder, read_path
from ui.shared.state import Key
from ui.shared.words import escape_markdown


def show_folder_choice(
    key: Key, browser_key: Key, *, help: str, label: str = "Folder of photos", open_first: bool = True
) -> Path | None:
    """Ask for a folder of photos, as a path or by clicking. None while there is no usable folder; the page says why.

    ``open_first``: the folders of this computer are listed while there is no path.
    """
    text = st.text_input(
        label,
        key=key,
        persist_state="session",
        icon=":material/folder:",
        placeholder="Paste a path, or choose below",
        help=help,
    )
    with st.expander(
        "Choose on this computer",
        icon=":material/folder_open:",
        key=browser_key,
        expanded=open_first and not text.strip(),
        on_change="rerun",
    ) as browser:
        if browser.open:
            show_folder_browser(key)
    if not text.strip():
        return None
    problem = explain_folder(text)
    if problem:
        st.error(escape_markdown(problem), icon=":material/folder_off:")
        return None
    folder = read_path(text)
    found = count_folder_photos(str(folder))
    if found.complete and not found.n:
        st.error(
            f"There are no photos in {escape_markdown(str(folder))} or the folders in it. "
            "Anomalure reads jpg, png, webp and tiff.",
            icon=":material/image_not_supported:",
        )
        return None
    st.caption(f":material/photo_library: {found} in this folder and below.")
    return folder
