"""The description of a Camtrap DP package: places of the cameras, their clock, who made it. Kept in the project."""

from dataclasses import replace

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.export.choice import Export
from core.export.package_facts import PackageFacts, keep_facts, read_facts, read_place
from core.formats.camtrap_dp_writer import SAMPLING_DESIGNS, Place
from core.study.project import Project
from ui.export.choice import Asked
from ui.shared.messages import notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key
from ui.shared.words import count


def show_package(project: Project, asked: Asked) -> str:
    """Draw it; what is still missing, in a sentence, or nothing."""
    facts = read_facts(project.store)
    with Export(project, asked.choice) as export:
        cameras = list(export.deployments())
    with st.container(border=True):
        st.markdown("**The package**")
        left, right = st.columns(2)
        left.text_input(
            "Title",
            value=facts.title,
            key=Key.EXPORT_TITLE,
            placeholder=project.path.name,
            on_change=_keep,
            args=(project,),
            persist_state="session",
        )
        right.text_input(
            "Contributor",
            value=facts.contributor,
            key=Key.EXPORT_CONTRIBUTOR,
            placeholder=read_reviewer(project) or "Who made it?",
            on_change=_keep,
            args=(project,),
            persist_state="session",
        )
        left.text_input(
            "Zone of the cameras' clocks",
            value=facts.zone,
            key=Key.EXPORT_ZONE,
            on_change=_keep,
            args=(project,),
            persist_state="session",
            help="Such as +02:00, or Europe/Berlin if the clocks follow summer time.",
        )
        right.selectbox(
            "Sampling design",
            SAMPLING_DESIGNS,
            index=SAMPLING_DESIGNS.index(facts.sampling_design),
            key=Key.EXPORT_DESIGN,
            on_change=_keep,
            args=(project,),
            persist_state="session",
            help="How the places of the cameras were chosen, in Camtrap DP's words.",
        )
        return _show_places(project, facts, cameras)


def _show_places(project: Project, facts: PackageFacts, cameras: list[str]) -> str:
    table = pd.DataFrame(
        {
            "Camera": cameras,
            "Latitude": [facts.places[name].latitude if name in facts.places else None for name in cameras],
            "Longitude": [facts.places[name].longitude if name in facts.places else None for name in cameras],
        }
    )
    edited = st.data_editor(
        table,
        hide_index=True,
        width="stretch",
        disabled=["Camera"],
        key=f"{Key.EXPORT_PLACES}-{len(cameras)}",
        column_config={
            "Latitude": st.column_config.NumberColumn(min_value=-90.0, max_value=90.0, format="%.5f"),
            "Longitude": st.column_config.NumberColumn(min_value=-180.0, max_value=180.0, format="%.5f"),
        },
    )
    st.caption("Degrees, WGS84; you can paste from a spreadsheet. Round them to protect a rare species.")
    places: dict[str, Place] = {}
    for name, latitude, longitude in edited.itertuples(index=False):
        try:
            place = read_place(latitude, longitude, where=name)
        except AnomalureError:
            continue  # half a place, while it is being typed
        if place is not None:
            before = facts.places.get(name)
            same = before is not None and (before.latitude, before.longitude) == (place.latitude, place.longitude)
            places[name] = before if same and before is not None else place
    if any(facts.places.get(name) != place for name, place in places.items()):
        keep_facts(project.store, replace(facts, places={**facts.places, **places}))
    without = [name for name in cameras if name not in places]
    if without:
        named = ", ".join(name or "(no name)" for name in without[:5])
        return f"{count(len(without), 'camera')} without coordinates, which Camtrap DP demands: {named}."
    return ""


def _keep(project: Project) -> None:
    state = st.session_state
    try:
        facts = replace(
            read_facts(project.store),
            title=str(state.get(Key.EXPORT_TITLE, "")).strip(),
            contributor=str(state.get(Key.EXPORT_CONTRIBUTOR, "")).strip(),
            zone=str(state.get(Key.EXPORT_ZONE, "")).strip() or "+00:00",
            sampling_design=str(state.get(Key.EXPORT_DESIGN)),
        )
        keep_facts(project.store, facts)
    except AnomalureError as error:
        notice(str(error))
