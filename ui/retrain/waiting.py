"""What the Retrain page shows while there is nothing to learn from, and what a bundle knows already."""

import streamlit as st

from core.disk.files import read_whole
from core.disk.json import parse_values
from core.study.project import Project
from ui.shared.routes import REVIEW, RUN, link_button


def show_no_verdicts(project: Project) -> None:
    """Say where verdicts come from."""
    if project.latest_run() is None:
        st.info(
            "There is nothing to learn from yet. Run a folder of photos, decide about some crops on the Review "
            "page, then come back.",
            icon=":material/school:",
        )
        link_button("Run a folder", RUN, key="retrain-run", icon=":material/play_circle:")
        return
    st.info(
        "There are no verdicts yet. On the Review page, reject the flags of usual animals and accept those of odd "
        "ones; each decision improves the next bundle.",
        icon=":material/school:",
    )
    link_button("Review", REVIEW, key="retrain-review", icon=":material/fact_check:")


def read_known(project: Project, bundle: str) -> set[str]:
    """The species that a bundle knows, without loading its models."""
    if not bundle:
        return set()
    try:
        manifest = parse_values(read_whole(project.bundles_dir / bundle / "bundle.json"))
        return set(manifest["counts"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()
