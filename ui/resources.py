"""What outlives a rerun: the only place with Streamlit's caches."""

from pathlib import Path

import streamlit as st

from core.photos import PHOTO_SUFFIXES
from core.project import Project
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
