"""Streamlit's caches for the Evaluate page: what is kept between reruns."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.formats.labelled import LabelFile
from core.formats.recognise import read_labels
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.evaluate.data import Asked, Measured, measure


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
    from models.bundles.bundle import Bundle  # it loads torch: only the Evaluate page should wait for that

    return Bundle.load(Path(path)).species


def find_known(project: Project, run: RunFolder) -> tuple[str, ...]:
    """The species that the run's bundle knows; none for a first look, or where the bundle is gone."""
    path = project.bundles_dir / run.info.bundle
    return _load_known(str(path)) if run.info.bundle and path.is_dir() else ()


@st.cache_resource(max_entries=8, show_spinner="Comparing the run with the truth…")
def _measure(
    path: str, stamp: str, _truth: LabelFile, truth: str, split: str | None, known: tuple[str, ...] | None
) -> Measured:
    return measure(RunFolder.open(Path(path)), _truth, split=split, known=known)


def measure_run(run: RunFolder, asked: Asked) -> Measured:
    """A run compared with the truth; measured again when the run or the truth changes.

    Raises:
        AnomalureError: As ``core.evaluation.judging.judge_crops``.
    """
    truth = f"{asked.truth_path}:{asked.truth_path.stat().st_mtime}"
    return _measure(str(run.path), run.version, asked.truth, truth, asked.split, asked.known)
