"""The description of a Camtrap DP package: cameras, their clock, names of species, who made it. Kept in the project."""

from dataclasses import replace
from datetime import datetime
from typing import Any

import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.export.choice import Export
from core.export.package_facts import PackageFacts, keep_facts, read_facts, read_place
from core.export.species_list import keep_species_names, read_species_names
from core.formats.camtrap_dp.times import Place
from core.formats.camtrap_dp.writer import SAMPLING_DESIGNS, is_animal
from core.formats.species_names import UNDETERMINED, SpeciesName, to_key
from core.study.project import Project
from ui.export.choice import Asked
from ui.shared.messages import notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown


def show_package(project: Project, asked: Asked) -> str:
    """Draw it; what is still missing, in a sentence, or nothing."""
    facts = read_facts(project.store)
    with Export(project, asked.choice) as export:
        cameras, species = list(export.deployments()), [name for name in export.species() if is_animal(name)]
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
            placeholder="+02:00 or Europe/Berlin",
            help="Such as +02:00, Europe/Berlin if the clocks follow summer time, or UTC. Camtrap DP demands it.",
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
        without_place = _show_places(project, facts, cameras)
        if species:
            show_names(project, species)
        return without_place if facts.zone else NO_ZONE_HERE if not without_place else f"{NO_ZONE_HERE} {without_place}"


NO_ZONE_HERE = "Camtrap DP demands the zone of the cameras' clocks, and nobody has said it yet."


def _show_places(project: Project, facts: PackageFacts, cameras: list[str]) -> str:
    table = pd.DataFrame(
        {
            "Camera": cameras,
            "Latitude": [facts.places[name].latitude if name in facts.places else None for name in cameras],
            "Longitude": [facts.places[name].longitude if name in facts.places else None for name in cameras],
            "Start": pd.Series([_local(facts.places.get(name), "start") for name in cameras], dtype="datetime64[s]"),
            "End": pd.Series([_local(facts.places.get(name), "end") for name in cameras], dtype="datetime64[s]"),
        }
    )
    key = f"{Key.EXPORT_PLACES}-{len(cameras)}"
    table = _remember_first(key, cameras, table)
    edited = st.data_editor(
        table,
        hide_index=True,
        width="stretch",
        disabled=["Camera"],
        key=key,
        column_config={
            "Latitude": st.column_config.NumberColumn(min_value=-90.0, max_value=90.0, format="%.5f"),
            "Longitude": st.column_config.NumberColumn(min_value=-180.0, max_value=180.0, format="%.5f"),
            "Start": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
            "End": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm"),
        },
    )
    st.caption(
        "Degrees, WGS84; you can paste from a spreadsheet. Round them to protect a rare species. Start and end "
        "are when the camera was set up and taken down, by its clock. Without them the times of its first and last "
        "photo are written, and the trapping effort comes out too small."
    )
    # What is kept meanwhile, here or by somebody else, stands in the facts; of the table only what was typed counts.
    typed = edited[_find_typed(edited, table)]
    places = {name: facts.places[name] for name in cameras if name in facts.places}
    for name, latitude, longitude, start, end in typed.itertuples(index=False):
        places.pop(name, None)
        try:
            place = read_place(latitude, longitude, where=name)
        except AnomalureError:
            continue  # half a place, while it is being typed
        if place is not None:
            before = facts.places.get(name)
            places[name] = replace(
                place, start=_read_edited(start, before, "start"), end=_read_edited(end, before, "end")
            )
    if any(facts.places.get(name) != place for name, place in places.items()):
        keep_facts(project.store, replace(facts, places={**facts.places, **places}))
    without = [name for name in cameras if name not in places]
    if without:
        named = ", ".join(name or "(no name)" for name in without[:5])
        return f"{count(len(without), 'camera')} without coordinates, which Camtrap DP demands: {named}."
    return ""


def _remember_first(key: str, names: list[str], table: pd.DataFrame) -> pd.DataFrame:
    """The table that an editor was first drawn with, as long as it is on the page and about these names.

    Another table makes Streamlit draw another editor, and what is being typed into the old one is lost.
    """
    first = st.session_state.get(f"{key}-first")
    if key in st.session_state and first is not None and first[0] == names:
        return first[1]  # type: ignore[no-any-return]
    st.session_state[f"{key}-first"] = names, table
    return table


def _find_typed(edited: pd.DataFrame, first: pd.DataFrame) -> pd.Series:
    """Which rows somebody has changed."""
    return ~(edited.eq(first) | (edited.isna() & first.isna())).all(axis=1)


def _local(place: Place | None, which: str) -> datetime | None:
    """The start or end of a deployment by its camera's clock; None if it is not known."""
    moment: datetime | None = getattr(place, which, None)
    return None if moment is None else moment.replace(tzinfo=None)


def _read_edited(cell: Any, before: Place | None, which: str) -> datetime | None:
    """A time as it was edited; with the zone that it had if it is still the same."""
    given = None if pd.isna(cell) else pd.Timestamp(cell).to_pydatetime()
    kept: datetime | None = getattr(before, which, None)
    return kept if given == _local(before, which) else given


def show_names(project: Project, species: list[str]) -> None:
    """Draw the scientific names of these species, to be filled in once; what is wrong with one is said below."""
    kept = read_species_names(project.store)
    known = [kept.get(to_key(name)) for name in species]
    n_without = sum(one is None for one in known)
    with st.expander(
        "Scientific names" + (f": {count(n_without, 'species', 'species')} without" if n_without else ""),
        icon=":material/translate:",
        expanded=bool(n_without),
    ):
        key = f"{Key.EXPORT_NAMES}-{len(species)}"
        table = pd.DataFrame(
            {
                "Species": species,
                "Scientific name": [one.scientific if one else "" for one in known],
                "Language": [one.language if one else UNDETERMINED for one in known],
            }
        )
        table = _remember_first(key, species, table)
        edited = st.data_editor(table, hide_index=True, width="stretch", disabled=["Species"], key=key)
        st.caption(
            "Kept in the project. The language is that of the local name: eng, deu, fra, ... or und if it is not said. "
            "Without a scientific name the local one is written among the observation's tags."
        )
        names = dict(kept)
        for local, scientific, language in edited[_find_typed(edited, table)].itertuples(index=False):
            try:
                if str(scientific or "").strip():
                    names[to_key(local)] = SpeciesName(local, str(scientific).strip(), str(language or "").strip())
                else:
                    names.pop(to_key(local), None)
            except AnomalureError as error:
                st.caption(f":orange[:material/error:] {escape_markdown(str(error))}")
        if names != kept:
            keep_species_names(project.store, names.values())
            st.rerun()  # the heading counts those without


def _keep(project: Project) -> None:
    state = st.session_state
    try:
        facts = replace(
            read_facts(project.store),
            title=str(state.get(Key.EXPORT_TITLE, "")).strip(),
            contributor=str(state.get(Key.EXPORT_CONTRIBUTOR, "")).strip(),
            zone=str(state.get(Key.EXPORT_ZONE, "")).strip(),
            sampling_design=str(state.get(Key.EXPORT_DESIGN)),
        )
        keep_facts(project.store, facts)
    except AnomalureError as error:
        notice(str(error))
