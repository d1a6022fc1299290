"""The cards of the groups in the page: their first data. The cards themselves are the scripts in ui/groups/browser."""

import hashlib

import streamlit as st

from core.study.project import Project
from ui.board.addresses import SCRIPTS as REVIEW_SCRIPTS
from ui.groups.addresses import SCRIPTS
from ui.groups.opened import OpenGroups
from ui.groups.state import build_state
from ui.server.reviewer_pass import make_pass
from ui.shared.acting import find_signed_in
from ui.shared.reviewer import read_reviewer, take_named_on_board
from ui.shared.state import Key

_board = st.components.v2.component(
    "anomalure_groups",
    html='<div class="mount"></div>',
    css=REVIEW_SCRIPTS.read_text("style.css") + SCRIPTS.read_text("style.css"),
    js=SCRIPTS.make_loader(),
)


def show_board(project: Project, opened: OpenGroups) -> None:
    """Draw the cards. They ask the routes of ui/groups/addresses.py for everything later."""
    opened.look_for_names()
    reviewer = read_reviewer(project)
    state = build_state(opened, opened.clamp(None), reviewer=reviewer)
    data = {
        "token": hashlib.blake2b(f"{opened.run.path}{opened.tree.version}".encode(), digest_size=8).hexdigest(),
        "project": hashlib.blake2b(str(project.path).encode(), digest_size=6).hexdigest(),
        "run": opened.run.run_id,
        "state": state,
        "pass": make_pass(project, reviewer=reviewer, who=find_signed_in()),
        "reviewer": reviewer,
    }
    _board(key=Key.GROUPS_BOARD, data=data, on_reviewer_change=lambda: take_named_on_board(project, Key.GROUPS_BOARD))
