"""Published models in a form: their names with what is known of them, and what keeps one from being used."""

import streamlit as st

from models.published.cache import State, find_state, has_agreed
from models.published.table import find_model
from ui.shared.words import escape_markdown


def say_name(name: str) -> str:
    """A name for a list of choices; those on this computer are ticked."""
    model = find_model(name)
    return f"{name} ✓" if model is not None and find_state(model) is State.HERE else name


def show_published(name: str) -> str:
    """Say what a published model is and whether it is here; returns what keeps it from being used, or nothing."""
    model = find_model(name)
    if model is None:
        return ""
    here = find_state(model) is State.HERE
    size = "" if model.size_mb is None else f" ({model.say_size()})"
    where = "It is on this computer." if here else f"It is downloaded once{size}, when it is first used."
    st.caption(f"{escape_markdown(model.about)} Licence: {escape_markdown(model.licence)}. {where}")
    if not has_agreed(model):
        return f"{model.name} has terms that you must agree to first. {model.terms} Get it on the Models page."
    return ""
