"""What outlives a rerun: the only place with Streamlit's caches."""

from pathlib import Path

import numpy as np
import streamlit as st

from core.errors import AnomalureError
from core.formats.label_source import read_label_source
from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.label_summary import LabelSummary, summarise_labels
from core.photos import PHOTO_SUFFIXES
from core.project import Project
from core.runs import RunFolder
from ui.evaluation_data import Asked, Measured, measure
from ui.explore_colours import Colouring, colour_points
from ui.explore_run import RunPoints, find_first_runs, link_crops, read_run_points, read_verdicts, stamp_run
from ui.folders import PhotoCount, SubFolder, count_photos, list_subfolders
from ui.project_place import open_shown_project

FOLDERS_KEPT_S = 20
MOST_PHOTOS_OPENED = 3_000
"""Of more labelled photos the files are not opened for their times: somebody waits."""


def open_project() -> Project:
    """The project of this dashboard, the same for all sessions and routes; made if it is missing.

    Raises:
        AnomalureError: If its folder cannot be made or written to.
    """
    return open_shown_project()


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


@st.cache_resource(max_entries=4, show_spinner=False)
def _load_links(_one: RunPoints, _other: RunPoints, stamps: tuple[str, str]) -> np.ndarray:
    return link_crops(_one, _other)


def load_links(one: RunPoints, other: RunPoints) -> np.ndarray:
    """For each crop of one run, the place of the same animal among those of another, or -1."""
    return _load_links(one, other, (one.stamp, other.stamp))


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
        state = str(project.review_index(points.run).sequence)
    elif by == "run":
        state = ",".join(run.run_id for run in project.runs())
    return _load_colouring(project, points, points.stamp, by, state)


@st.cache_resource(max_entries=4, show_spinner=False)
def _read_labels(images: str, labels: str, species: str, stamp: tuple[int, ...]) -> LabelFile:
    return read_label_source(
        Path(images), labels=Path(labels) if labels else None, species=Path(species) if species else None
    )


def read_labels_of(images: Path, labels: Path | None, species: Path | None) -> LabelFile:
    """Labels of a folder of photos; read again when a file of them has changed.

    Raises:
        AnomalureError: If they cannot be used.
    """
    return _read_labels(str(images), str(labels or ""), str(species or ""), _stamp(images, labels, species))


@st.cache_resource(max_entries=4, show_spinner=False)
def _summarise_labels(_labels: LabelFile, images: str, labels: str, species: str, stamp: tuple[int, ...]):  # type: ignore[no-untyped-def]
    few = len(_labels.photos) <= MOST_PHOTOS_OPENED
    return summarise_labels(_labels, Path(images), read_times=few)


def summarise_labels_of(images: Path, labels: Path | None, species: Path | None) -> LabelSummary:
    """What is in the labels of a folder; of many photos the times are taken from the labels alone.

    Raises:
        AnomalureError: If they cannot be used.
    """
    read = read_labels_of(images, labels, species)
    stamp = _stamp(images, labels, species)
    summary: LabelSummary = _summarise_labels(read, str(images), str(labels or ""), str(species or ""), stamp)
    return summary


def _stamp(*paths: Path | None) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path is not None and path.exists() else 0 for path in paths)


def read_card(project: Project, bundle: str) -> str:
    """The card of a bundle, Markdown.

    Raises:
        AnomalureError: If it cannot be read.
    """
    path = project.bundles_dir / bundle / "MODEL_CARD.md"
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AnomalureError(f"The card of {bundle} cannot be read ({error.strerror}).") from error


@st.cache_resource(max_entries=4, show_spinner="Reading the labels…")
def _load_truth(path: str, stamp: float) -> LabelFile:
    return read_labels(Path(path))


def load_truth(path: Path) -> LabelFile:
    """A file or folder of labels, read again when it changes.

    Raises:
        AnomalureError: If it is not there or cannot be read.
    """
    if not path.exists():
        raise AnomalureError(f"There is no file or folder {path}. Give the labels that say what the photos show.")
    return _load_truth(str(path), path.stat().st_mtime)


@st.cache_resource(max_entries=16, show_spinner=False)
def _load_known(path: str) -> tuple[str, ...]:
    from models.bundle import Bundle  # loads torch, for which no page but Evaluate should wait

    return Bundle.load(Path(path)).species


def find_known(project: Project, run: RunFolder) -> tuple[str, ...]:
    """The species that the run's bundle knows; none for a first look, or where the bundle is gone."""
    path = project.bundles_dir / run.info.bundle
    return _load_known(str(path)) if run.info.bundle and path.is_dir() else ()


@st.cache_resource(max_entries=8, show_spinner="Holding the run against the truth…")
def _measure(
    path: str, stamp: str, _truth: LabelFile, truth: str, split: str | None, known: tuple[str, ...] | None
) -> Measured:
    return measure(RunFolder.open(Path(path)), _truth, split=split, known=known)


def measure_run(run: RunFolder, asked: Asked) -> Measured:
    """A run held against the truth; measured again when the run or the truth changes.

    Raises:
        AnomalureError: As ``core.evaluation.judge_crops``.
    """
    truth = f"{asked.truth_path}:{asked.truth_path.stat().st_mtime}"
    return _measure(str(run.path), stamp_run(run), asked.truth, truth, asked.split, asked.known)
