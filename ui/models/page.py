"""The table of published models, and what can be done with one of them."""

from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.study.project import Project
from core.work.folder import WorkFolder
from models.engines.cache_folder import cache_folder
from models.jobs.model import ModelRequest, ask_for
from models.published.cache import State, agree, find_path, find_state, has_agreed, measure_mb, remove_model
from models.published.entry import DETECTOR, ENCODER, PublishedModel
from models.published.table import list_models
from ui.forms.start_button import start_work
from ui.models.watch import PANEL, list_downloads
from ui.shared.messages import notice, plain_errors
from ui.shared.state import Key
from ui.shared.words import escape_markdown

ALL, DETECTORS, ENCODERS, ARE_HERE = "All", "Detectors", "Encoders", "On this computer"
STATE_WORDS = {State.HERE: "✓ here", State.PART: "partly", State.MISSING: "not here"}
ROW_PX, MOST_ROWS = 35, 9


def show_models(project: Project) -> None:
    """Draw the page."""
    downloads = list_downloads(project)
    watched = PANEL.find(downloads)
    if watched:
        PANEL.show(project, WorkFolder(project.path / ModelRequest.room / watched))
    st.caption(
        "A detector finds the animals, an encoder compares them. A model is downloaded once, and needs no network from "
        f"then on. The files are in `{cache_folder()}`, outside of the project; the folder can be copied to a computer "
        "without a network."
    )
    which = st.segmented_control(
        "Show",
        [ALL, DETECTORS, ENCODERS, ARE_HERE],
        default=ALL,
        required=True,
        key=Key.MODELS_WHICH,
        persist_state="session",
        label_visibility="collapsed",
    )
    shown = _choose(str(which))
    if not shown:
        st.info("No model has been downloaded yet.", icon=":material/info:")
        return
    _show_table(shown)
    by_name = {model.name: model for model in shown}
    if st.session_state.get(Key.MODELS_NAME) not in by_name:
        st.session_state[Key.MODELS_NAME] = next(iter(by_name))
    name = st.selectbox("Model", list(by_name), key=Key.MODELS_NAME)
    with st.container(border=True):
        _show_one(project, by_name[str(name)], busy=bool(watched))


def _choose(which: str) -> list[PublishedModel]:
    models = list(list_models().values())
    if which == ARE_HERE:
        return [model for model in models if find_state(model) is not State.MISSING]
    kind = {DETECTORS: DETECTOR, ENCODERS: ENCODER}.get(which, "")
    return [model for model in models if kind in ("", model.kind)]


def _show_table(models: list[PublishedModel]) -> None:
    """The table; a click on a row chooses its model."""
    event: Any = st.dataframe(
        [_describe(model) for model in models],
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        key=f"{Key.MODELS_TABLE}-{len(models)}-{models[0].name}",
        height=ROW_PX * (min(len(models), MOST_ROWS) + 1) + 3,
        column_config={
            "Name": st.column_config.TextColumn(width="medium"),
            "What it is": st.column_config.TextColumn(width="large"),
            "Licence": st.column_config.TextColumn(width="medium"),
        },
    )
    rows = list(event.selection.rows)
    clicked = models[rows[0]].name if rows and rows[0] < len(models) else ""
    if clicked and clicked != st.session_state.get(Key.MODELS_CLICKED):
        st.session_state[Key.MODELS_NAME] = clicked
    st.session_state[Key.MODELS_CLICKED] = clicked


def _describe(model: PublishedModel) -> dict[str, str]:
    state = find_state(model)
    return {
        "Name": model.name,
        "": STATE_WORDS[state],
        "Size": _say_size(model, state),
        "Licence": model.licence,
        "Commercial use": model.say_commercial(),
        "Trained at": f"{model.input_px} px",
        "What it is": model.about,
        "Network": model.network,
    }


def _say_size(model: PublishedModel, state: State) -> str:
    return f"{measure_mb(model):,.0f} MB" if state is State.HERE else model.say_size()


def _show_one(project: Project, model: PublishedModel, *, busy: bool) -> None:
    """What is known of a model, and the buttons to get or remove it."""
    state = find_state(model)
    st.markdown(f"**{escape_markdown(model.name)}** · {STATE_WORDS[state]} · size {_say_size(model, state)}")
    st.markdown(escape_markdown(model.about))
    licence = f"[{escape_markdown(model.licence)}]({model.licence_address})"
    st.caption(
        f"Licence: {licence}. Commercial use: {model.say_commercial()}. Checksum: {model.say_checksum()}."
        + (f" Classes: {', '.join(model.class_names)}." if model.class_names else "")
    )
    agreed = has_agreed(model)
    if not agreed:
        st.warning(f"{escape_markdown(model.terms)} Read {licence} first.", icon=":material/gavel:")
        agreed = st.checkbox("I have read its licence and agree to it.", key=f"agree-{model.name}")
    left, right, _ = st.columns([1, 1, 4])
    with left:
        if st.button(
            "Get the rest" if state is State.PART else "Get",
            key=f"get-{model.name}",
            type="primary",
            icon=":material/download:",
            disabled=state is State.HERE or not agreed or busy,
            help="The download continues when you close this page, and is resumed if it breaks off.",
            width="stretch",
        ):
            with plain_errors():
                agree(model)
                start_work(project, ask_for(model.name), PANEL, name_key=Key.MODELS_STARTED)
    with right:
        st.button(
            "Remove",
            key=f"remove-{model.name}",
            icon=":material/delete:",
            disabled=state is State.MISSING or busy,
            on_click=_remove,
            args=(model,),
            help="Removes its files from this computer. It can be downloaded again.",
            width="stretch",
        )
    if state is not State.HERE:
        _show_by_hand(model)


def _show_by_hand(model: PublishedModel) -> None:
    with st.expander("Without a network on this computer"):
        st.markdown("Download on another computer, and put each file exactly here:")
        for file in model.files:
            st.code(f"{file.address}\n{find_path(model, file)}", language=None)


def _remove(model: PublishedModel) -> None:
    try:
        freed = remove_model(model)
    except (AnomalureError, OSError) as error:
        notice(f"{model.name} could not be removed: {error}")
    else:
        notice(f"{model.name} was removed; {freed:,.0f} MB are free again.")
