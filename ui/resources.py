"""What outlives a rerun: the only place with Streamlit's caches."""

from pathlib import Path

import streamlit as st

from core.photos import PHOTO_SUFFIXES
from core.project import Project
from core.runs import RunFolder
from ui.explore_colours import Colouring, colour_points
from ui.explore_run import RunPoints, find_first_runs, read_run_points, read_verdicts, stamp_run
from ui.folders import PhotoCount, SubFolder, count_photos, list_subfolders
from ui.project_place import find_project_folder

FOLDERS_KEPT_S = 20


@st.cache_resource(max_entries=8, show_spinner=False)
def _open_project(folder: str) -> Project:
    return Project(folder)


def open_project() -> Project:
    """The project of this dashboard; made if it is missing.

    Raises:
        AnomalureError: If its folder cannot be made or written to.
    """
    return _open_project(str(find_project_folder()))


@st.cache_resource(ttl=FOLDERS_KEPT_S, max_entries=100, show_spinner=False)
def list_folder(folder: str) -> list[SubFolder]:
    """The folders in a folder, with how many photos they hold."""
    return list_subfolders(Path(folder), suffixes=PHOTO_SUFFIXES)


@st.cache_resource(ttl=FOLDERS_KEPT_S, max_entries=100, show_spinner=False)
def count_folder_photos(folder: str) -> PhotoCount:
    """How many photos lie in a folder and below, as far as can be told quickly."""
    return count_photos(Path(folder), suffixes=PHOTO_SUFFIXES)


@st.cache_resource(max_entries=4, show_spinner="Reading the crops…")
def _load_run_points(path: str, stamp: str) -> RunPoints:
    return read_run_points(RunFolder.open(Path(path)))


def load_run_points(run: RunFolder) -> RunPoints:
    """The crops of a run for the Explore page; read again when the run has gone on or was scored anew.

    Raises:
        AnomalureError: If there is nothing that could be laid out.
    """
    return _load_run_points(str(run.path), stamp_run(run))


@st.cache_resource(max_entries=24, show_spinner=False)
def _load_colouring(_project: Project, _points: RunPoints, stamp: str, by: str, state: str) -> Colouring:
    facts = _points.facts
    if by == "verdict":
        facts = facts.assign(verdict=read_verdicts(_project, _points))
    elif by == "run":
        facts = facts.assign(first_run=find_first_runs(_project, _points))
    return colour_points(facts, by)


def load_colouring(project: Project, points: RunPoints, by: str) -> Colouring:
    """What the points of a run are coloured by."""
    state = ""
    if by == "verdict":
        state = str(len(project.store.verdicts()))  # only ever appended
    elif by == "run":
        state = ",".join(run.run_id for run in project.runs())
    return _load_colouring(project, points, points.stamp, by, state)
