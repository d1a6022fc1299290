"""What the forms keep between reruns: Streamlit's caches."""

from pathlib import Path

import streamlit as st

from core.formats.account import LabelAccount
from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.labels.meeting import account_for_folder
from core.labels.source import read_label_source
from core.labels.summary import LabelSummary, summarise_labels
from core.photos.reading import PHOTO_SUFFIXES
from ui.forms.folders import PhotoCount, SubFolder, count_photos, list_subfolders

FOLDERS_KEPT_S = 20
MOST_PHOTOS_OPENED = 3_000
"""If there are more labelled photos, their files are not opened for the capture times: a person waits."""


@st.cache_resource(ttl=FOLDERS_KEPT_S, max_entries=100, show_spinner=False)
def list_folder(folder: str) -> list[SubFolder]:
    """The sub-folders of a folder with their number of photos."""
    return list_subfolders(Path(folder), suffixes=PHOTO_SUFFIXES)


@st.cache_resource(ttl=FOLDERS_KEPT_S, max_entries=100, show_spinner=False)
def count_folder_photos(folder: str) -> PhotoCount:
    """How many photos lie in a folder and its sub-folders, as far as they can be counted quickly."""
    return count_photos(Path(folder), suffixes=PHOTO_SUFFIXES)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_labels(images: str, labels: str, species: str, version: tuple[int, ...]) -> LabelFile:
    return read_label_source(
        Path(images), labels=Path(labels) if labels else None, species=Path(species) if species else None
    )


@st.cache_resource(max_entries=4, show_spinner="Reading the labels…")
def _read_file(path: str, version: tuple[int, ...]) -> LabelFile:
    return read_labels(Path(path))


def read_file_of(path: Path) -> LabelFile:
    """The labels of one file; read again when it has changed.

    Raises:
        AnomalureError: If they cannot be used.
    """
    return _read_file(str(path), _find_version(path))


def read_labels_of(images: Path, labels: Path | None, species: Path | None) -> LabelFile:
    """The labels of a folder of photos; read again when a label file has changed.

    Raises:
        AnomalureError: If they cannot be used.
    """
    return _read_labels(str(images), str(labels or ""), str(species or ""), _find_version(images, labels, species))


@st.cache_resource(max_entries=4, ttl=FOLDERS_KEPT_S, show_spinner=False)
def _account(_labels: LabelFile, images: str, labels: str, species: str, version: tuple[int, ...]):  # type: ignore[no-untyped-def]
    return account_for_folder(_labels, Path(images))


def account_in(images: Path, labels: Path | None, species: Path | None) -> tuple[LabelAccount, ...]:
    """What was made of each file of labels, and how many photos of the folder they name.

    Raises:
        AnomalureError: If they cannot be used.
    """
    read = read_labels_of(images, labels, species)
    version = _find_version(images, labels, species)
    accounts: tuple[LabelAccount, ...] = _account(read, str(images), str(labels or ""), str(species or ""), version)
    return accounts


@st.cache_resource(max_entries=4, show_spinner=False)
def _summarise_labels(_labels: LabelFile, images: str, labels: str, species: str, version: tuple[int, ...]):  # type: ignore[no-untyped-def]
    few = len(_labels.photos) <= MOST_PHOTOS_OPENED
    return summarise_labels(_labels, Path(images), read_times=few)


def summarise_labels_of(images: Path, labels: Path | None, species: Path | None) -> LabelSummary:
    """A summary of the labels of a folder. If there are many photos, capture times come from the labels alone.

    Raises:
        AnomalureError: If they cannot be used.
    """
    read = read_labels_of(images, labels, species)
    version = _find_version(images, labels, species)
    summary: LabelSummary = _summarise_labels(read, str(images), str(labels or ""), str(species or ""), version)
    return summary


def _find_version(*paths: Path | None) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path is not None and path.exists() else 0 for path in paths)
