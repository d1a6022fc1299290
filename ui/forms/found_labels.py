"""Label files in a folder of photos or in the folders above it, to be chosen with one click."""

import os
from pathlib import Path

import streamlit as st

from core.disk.names import is_text
from ui.shared.state import Key
from ui.shared.words import escape_markdown

LABEL_SUFFIXES = {".json", ".csv"}
MOST_SHOWN = 4


def show_found_labels(folder: Path, *, key: Key, levels_up: int = 2) -> bool:
    """Offer the label files near a folder for the text field with this key. Returns whether there are any.

    Two levels up: photos are often in ``images/train`` beside a file of labels for all splits.
    """
    found = [path for place in (folder, *list(folder.parents)[:levels_up]) for path in _list_labels(place)]
    if not found:
        return False
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.caption("Found:", width="content")
        for path in found[:MOST_SHOWN]:
            st.button(
                escape_markdown(path.name),
                key=f"labels-{path}",
                type="tertiary",
                icon=":material/description:",
                help=escape_markdown(str(path)),
                on_click=st.session_state.__setitem__,
                args=(key, str(path)),
            )
    return True


def _list_labels(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return sorted(
                Path(entry.path)
                for entry in entries
                if os.path.splitext(entry.name)[1].lower() in LABEL_SUFFIXES
                and not entry.name.startswith(".")
                and is_text(entry.name)
            )
    except OSError:
        return []
