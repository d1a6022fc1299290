"""The project's own choice of encoder and one-class model, filled into the form of a new bundle."""

import streamlit as st

from core.study.defaults import read_bundle_defaults
from core.study.project import Project
from models.encoders.sources.named import read_encoder
from models.encoders.sources.source import FILE, find_source, list_sources
from models.one_class.methods import list_one_class
from ui.shared.state import Key
from ui.shared.words import escape_markdown


def fill_in_defaults(project: Project) -> None:
    """Fill in what the project has chosen by a comparison, where nobody has chosen anything yet, and say so.

    Raises:
        AnomalureError: If the project's choice cannot be read.
    """
    chosen = read_bundle_defaults(project.path)
    if chosen is None:
        return
    specs = read_encoder(chosen.encoder)
    if len(specs) > 1 or specs[0].detector:
        st.info(
            escape_markdown(f"{chosen.say()} This form cannot join the features of {specs[-1].detector}: ")
            + "use `python cli.py train`, or choose others here.",
            icon=":material/info:",
        )
        return
    source = find_source(specs[0])
    name = next(name for name, one in list_sources().items() if one is source)
    values = {Key.TRAIN_START: name, Key.TRAIN_NETWORK: specs[0].backbone, Key.TRAIN_JOIN: False}
    if name == FILE:
        values[Key.TRAIN_WEIGHTS] = specs[0].weights
    if chosen.one_class in list_one_class():
        values[Key.TRAIN_ONE_CLASS] = chosen.one_class
    for key, value in values.items():
        st.session_state.setdefault(key, value)
    st.info(f"{escape_markdown(chosen.say())} They are filled in here.", icon=":material/check_circle:")
