"""A text field for the path of a file or folder on this computer."""

from pathlib import Path

import streamlit as st

from ui.forms.folders import is_there, read_path
from ui.shared.state import Key


def show_path(
    label: str, *, key: Key, placeholder: str, missing: str, what: str = "file", help: str | None = None
) -> tuple[Path | None, str]:
    """Draw the field.

    Args:
        label: Over the field.
        key: Under which the session keeps the text.
        placeholder: An example.
        missing: What the user should give, in a sentence, said while the field is empty.
        what: What it is the path of, such as ``file or folder``.
        help: What the field is for.

    Returns:
        The path and an empty text, or None and what is wrong, in a sentence.
    """
    path = read_path(st.text_input(label, key=key, persist_state="session", placeholder=placeholder, help=help))
    if path is None:
        return None, missing
    if not is_there(path):
        return None, f"There is no {what} {path}."
    return path, ""
