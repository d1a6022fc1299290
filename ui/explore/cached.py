"""Data that is kept between reruns of the Explore page, in Streamlit's caches."""

from pathlib import Path

import numpy as np
import streamlit as st

from core.runs.folder import RunFolder
from core.study.project import Project
from ui.explore.run import RunPoints, find_first_runs, link_crops, read_first_guesses, read_run_points, read_verdicts
from ui.scatter.colours import Colouring, colour_points


@st.cache_resource(max_entries=4, show_spinner="Reading the crops…")
def _load_run_points(path: str, stamp: str) -> RunPoints:
    return read_run_points(RunFolder.open(Path(path)))


def load_run_points(run: RunFolder) -> RunPoints:
    """The crops of a run for the Explore page; read again when the run has more crops or was scored again.

    Raises:
        AnomalureError: If there are no crops that can be shown.
    """
    return _load_run_points(str(run.path), run.version)


@st.cache_resource(max_entries=4, show_spinner=False)
def _load_links(_one: RunPoints, _other: RunPoints, stamps: tuple[str, str]) -> np.ndarray:
    return link_crops(_one, _other)


def load_links(one: RunPoints, other: RunPoints) -> np.ndarray:
    """For each crop of one run, the row of the same animal among those of another, or -1."""
    return _load_links(one, other, (one.stamp, other.stamp))


@st.cache_resource(max_entries=24, show_spinner=False)
def _load_colouring(_project: Project, _points: RunPoints, stamp: str, by: str, state: str) -> Colouring:
    facts = _points.facts
    if by == "verdict":
        facts = facts.assign(verdict=read_verdicts(_project, _points))
    elif by == "guess":
        facts = facts.assign(guess=read_first_guesses(_project, _points))
    elif by == "run":
        facts = facts.assign(first_run=find_first_runs(_project, _points))
    return colour_points(facts, by)


def load_colouring(project: Project, points: RunPoints, by: str) -> Colouring:
    """The groups by which the points of a run are coloured."""
    state = ""
    if by in ("verdict", "guess"):  # a species that a reviewer named may change how a guess is spelled
        state = str(project.review_index(points.run).sequence)
    elif by == "run":
        state = ",".join(run.run_id for run in project.runs())
    return _load_colouring(project, points, points.stamp, by, state)
