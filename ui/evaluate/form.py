"""The form of the Evaluate page: the run, another run to compare with, and the labels that are the truth."""

from pathlib import Path

import streamlit as st

from core.formats.labelled import LabelFile
from core.runs.folder import RunFolder, Status
from core.species import fold_name
from core.study.project import Project
from ui.evaluate.cached import find_known, load_truth
from ui.evaluate.data import Asked
from ui.forms.folders import read_path
from ui.forms.found_labels import show_found_labels
from ui.forms.label_account import show_label_accounts
from ui.shared.routes import RUN, link_button
from ui.shared.state import Key
from ui.shared.words import escape_markdown

ALL = "all photos"


def ask_what(project: Project) -> Asked | None:
    """Draw the form; returns None until it is complete.

    Raises:
        AnomalureError: If the truth cannot be read.
    """
    runs = {run.run_id: run for run in project.runs() if not run.problem and run.status is Status.DONE}
    if not runs:
        st.info("No run is done yet. Run a bundle over photos whose species are known, then see here how well it does.")
        link_button("To the Run page", RUN, key="evaluate-to-run", icon=":material/play_circle:")
        return None
    names = list(runs)
    if st.session_state.get(Key.EVALUATED_RUN) not in names:
        st.session_state.pop(Key.EVALUATED_RUN, None)
    left, right = st.columns(2)
    chosen = left.selectbox(
        "Run",
        names,
        key=Key.EVALUATED_RUN,
        format_func=lambda name: _say_run(runs[name]),
        bind="query-params",
        persist_state="session",
    )
    others = [name for name in names if name != chosen]
    if st.session_state.get(Key.COMPARED_RUN) not in others:
        st.session_state.pop(Key.COMPARED_RUN, None)
    other = right.selectbox(
        "Compare with",
        others,
        index=None,
        key=Key.COMPARED_RUN,
        persist_state="session",
        format_func=lambda name: _say_run(runs[name]),
        placeholder="no other run",
        help="Another run of the same photos, for example with another bundle.",
        disabled=not others,
    )
    typed = st.text_input(
        "Labels of what the photos show (truth)",
        key=Key.TRUTH_PATH,
        persist_state="session",
        placeholder="labels.json",
        help="A file of labels (COCO, Camtrap DP, CSV), or a folder with one folder a species, that says what these "
        "photos really show.",
    )
    if not (typed or "").strip():
        found = show_found_labels(Path(runs[chosen].info.folder), key=Key.TRUTH_PATH)
        st.info(
            "Give the labels that say what the photos of this run really show"
            + (": click those found, or type the path of others." if found else ".")
        )
        return None
    path = read_path(typed)
    assert path is not None  # there is text
    truth = load_truth(path)
    show_label_accounts(truth.accounts)
    split, known = _ask_details(project, runs[chosen], truth)
    return Asked(runs[chosen], runs[other] if other else None, truth, path, split, known)


def _ask_details(project: Project, run: RunFolder, truth: LabelFile) -> tuple[str | None, tuple[str, ...] | None]:
    splits = sorted({photo.split for photo in truth.photos if photo.split})
    species = sorted(
        {label.species for photo in truth.photos for label in photo.labels if label.species and not label.is_empty}
    )
    bundled = {fold_name(name) for name in find_known(project, run)}
    ours = [name for name in species if fold_name(name) in bundled]
    left, right = st.columns([1, 2])
    options = [ALL, *splits]
    if st.session_state.get(Key.TRUTH_SPLIT) not in options:
        st.session_state.pop(Key.TRUTH_SPLIT, None)
    split = left.selectbox(
        "Photos of the truth",
        options,
        key=Key.TRUTH_SPLIT,
        persist_state="session",
        disabled=not splits,
        help="A split that the file of labels names.",
    )
    if ours:
        right.markdown("Known species")
        right.caption("The bundle's: " + escape_markdown(", ".join(sorted(find_known(project, run)))))
        return (None if split == ALL else split), tuple(sorted(find_known(project, run)))
    known = right.multiselect(
        "Known species",
        species,
        key=Key.KNOWN_SPECIES,
        persist_state="session",
        placeholder="those of the truth's train split",
        help="An animal of another species is an anomaly. No bundle says which are known here.",
    )
    return (None if split == ALL else split), (tuple(known) or None)


def _say_run(run: RunFolder) -> str:
    return f"{run.info.name} ({run.info.bundle or 'first look'})"
