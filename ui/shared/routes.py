"""The pages of the dashboard: one table of them, and links between them."""

from pathlib import Path
from typing import NamedTuple, NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core.team.roles import Action
from ui.shared.acting import may_here
from ui.shared.messages import notice
from ui.shared.project_place import ROOT
from ui.shared.state import Key


class Page(NamedTuple):
    """A page: the file ``pages/NAME.py`` at the address ``/NAME``, where the name is its title in lower case.

    ``icon`` is a name of a Material symbol, ``help`` one sentence for the navigation. ``named`` is another name, for a
    title that is the name of a package: a page that is run by itself would be imported in its place. ``needs`` is what
    somebody must be allowed to do to have the page.
    """

    title: str
    icon: str
    help: str
    named: str = ""
    needs: Action = Action.LOOK

    @property
    def name(self) -> str:
        """In its address and in the name of its file."""
        return self.named or self.title.lower()

    @property
    def file(self) -> Path:
        """The script of the page."""
        return ROOT / "pages" / f"{self.name}.py"


SECTIONS = {
    "Your photos": (
        Page("Run", "play_circle", "Look through a folder of photos, and see earlier runs.", needs=Action.RUN),
        Page("Groups", "workspaces", "Name the crops of a run group by group: a season in about forty decisions."),
        Page("Review", "fact_check", "Decide about the most anomalous crops."),
        Page("Explore", "bubble_chart", "See all crops at once: crops that look alike lie together."),
        Page(
            "Suggestions",
            "rule",
            "See labels that disagree with the crops that look alike, and mend them.",
            needs=Action.DECIDE,
        ),
        Page(
            "Export",
            "ios_share",
            "Write reviewed crops and their pictures to files for other programs.",
            needs=Action.EXPORT,
        ),
    ),
    "What is normal": (
        Page(
            "Train",
            "school",
            "Learn what is normal from labelled photos, and see earlier trainings.",
            needs=Action.TRAIN,
        ),
        Page(
            "Retrain",
            "model_training",
            "Make the next bundle from verdicts, compare it, and activate it.",
            needs=Action.TRAIN,
        ),
        Page(
            "Evaluate",
            "query_stats",
            "Measure how well a run finds anomalies in photos whose content is known.",
            needs=Action.TRAIN,
        ),
        Page(
            "Models",
            "deployed_code",
            "Get published detectors and encoders, and see which are here.",
            "published",
            Action.TRAIN,
        ),
    ),
    "Other questions": (
        Page(
            "Scenes",
            "landscape",
            "See what is unexpected in an event at a camera, and what is missing from it.",
            needs=Action.TRAIN,
        ),
        Page(
            "Images",
            "imagesmode",
            "Find whole images that are unlike a folder of normal ones, without boxes.",
            needs=Action.TRAIN,
        ),
    ),
    "Team": (
        Page(
            "Reviewers",
            "group",
            "A blind second review, agreement between reviewers, and conflicts to settle.",
            needs=Action.DECIDE,
        ),
        Page("People", "badge", "Who is in the team, what each may do, and who did what."),
    ),
}
"""The navigation: headings, and the pages under each. A new page is a file in ``pages/`` and a row here."""

PAGES = tuple(page for pages in SECTIONS.values() for page in pages)
"""In the order of the navigation."""

_FILES = {page.name: page.file for page in PAGES}
_NEEDS = {page.file: page.needs for page in PAGES}
# The pages that others link to.
RUN, GROUPS, REVIEW = _FILES["run"], _FILES["groups"], _FILES["review"]
PEOPLE = _FILES["people"]
EXPORT, RETRAIN = _FILES["export"], _FILES["retrain"]


def go_to(page: Path, **address: str) -> NoReturn:
    """Open another page of the dashboard with these names and values in its address.

    A widget that is bound to a name in the address keeps others from changing it, even when its page is left.
    So the bindings end first; the page that opens makes its own.
    """
    if not may_here(_NEEDS[page]):
        notice(f"You may not {_NEEDS[page]} in this project.")
        st.rerun()
    context = get_script_run_ctx()
    if context is not None:
        with context.session_state.query_params() as here:
            for name in {*here, *address}:
                binding = here.get_binding_for_param(name)
                if binding is not None:
                    here.unbind_widget(binding.widget_id)
    st.switch_page(str(page), query_params=address)


def link_button(label: str, page: Path, *, key: str, icon: str, run: str = "", is_first: bool = True) -> None:
    """A button that opens another page of the dashboard, with a run chosen there; ``is_first``: what to do next.

    Absent for who may not have that page.
    """
    if not may_here(_NEEDS[page]):
        return
    if st.button(label, key=key, icon=icon, type="primary" if is_first else "secondary"):
        st.session_state.pop(Key.ONLY_APART, None)  # who comes to review does not mean the crops kept apart
        if run:
            # What was chosen before would win over an address that names the default, which is the newest run.
            st.session_state.pop(Key.RUN, None)
        go_to(page, **({Key.RUN.value: run} if run else {}))
