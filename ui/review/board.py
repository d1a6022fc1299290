"""The review board in the page: its first data, and the message when there is nothing to decide.

The board itself is the scripts in ui/board/browser: they draw the crops, take keys and touches, and send each decision
to the routes of ui/board/addresses.py. The page's script does not run again for a decision.
"""

import hashlib
from datetime import datetime
from typing import Any

import streamlit as st

from core.review.index import QueueView, ReviewIndex
from core.store.guesses import shows_guesses
from core.study.project import Project
from ui.board.addresses import SCRIPTS
from ui.board.odd_parts import can_show_odd_parts
from ui.board.reconstructions import can_reconstruct
from ui.board.rows import list_last, list_rows, name_species, to_query
from ui.review.filters import Filters
from ui.server.reviewer_pass import make_pass
from ui.shared.acting import find_signed_in
from ui.shared.reviewer import read_reviewer, take_named_on_board
from ui.shared.state import Key
from ui.shared.words import count

FIRST_ROWS = 60
LAST_SHOWN = 40

_board = st.components.v2.component(
    "anomalure_review_board",
    html='<div class="mount"></div>',
    css=SCRIPTS.read_text("style.css"),
    js=SCRIPTS.make_loader(),
)


def show_board(project: Project, index: ReviewIndex, filters: Filters) -> None:
    """Draw the board over the crops that match."""
    view = index.open_view(filters.queue)
    if not len(view.places):
        show_nothing_here(view, filters)
        return
    data = build_data(project, index, filters, view, reviewer=read_reviewer(project))
    _board(key=Key.BOARD, data=data, on_reviewer_change=lambda: take_named_on_board(project, Key.BOARD))


def build_data(
    project: Project, index: ReviewIndex, filters: Filters, view: QueueView, *, reviewer: str
) -> dict[str, Any]:
    """The board's first data, as JSON values; it asks the routes for the rest.

    ``token`` changes with the list; the board keeps its state until then.
    """
    run = index.run
    rows = index.rows(view.places[:FIRST_ROWS], false_alarm_rate=filters.queue.false_alarm_rate)
    query = to_query(filters.queue, selection=filters.selection)
    shown = index.guesses is not None and shows_guesses(project.store)
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    with project.store.reading():
        n_today, first_today = project.store.count_decided(reviewer=reviewer, since=today)
        last = project.store.last_verdicts(run=run.run_id, reviewer=reviewer, limit=LAST_SHOWN)
    return {
        "token": hashlib.blake2b(f"{run.path}{sorted(query.items())}{shown}".encode(), digest_size=8).hexdigest(),
        "project": hashlib.blake2b(str(project.path).encode(), digest_size=6).hexdigest(),
        "run": run.run_id,
        "query": query,
        "total": len(view.places),
        "selected": view.n_selected,
        "decided": view.n_decided,
        "flaggedOnly": filters.queue.flagged_only,
        "rows": list_rows(index, rows),
        "guesses": shown,
        "rebuilds": can_reconstruct(run),
        "showsOddParts": can_show_odd_parts(run),
        "species": name_species(index),
        "last": list_last(last),
        "today": {"n": n_today, "first": None if first_today is None else f"{first_today.isoformat()}Z"},
        "pass": make_pass(project, reviewer=reviewer, who=find_signed_in()),
        "reviewer": reviewer,
    }


def show_nothing_here(view: QueueView, filters: Filters) -> None:
    """Why there are no crops, and what to do next."""
    where = " for this choice" if filters.narrowed else ""
    kind = "flagged crop" if filters.queue.flagged_only else "crop"
    if filters.queue.undecided_only and view.n_selected:
        st.success(
            f"All {count(view.n_selected, kind)}{where} decided. Choose **Decided too** above to see them again, "
            "or download the anomalies.",
            icon=":material/task_alt:",
        )
    elif filters.queue.flagged_only:
        st.info(
            f"Nothing is flagged{where}. Choose **Every crop** above, or raise the false-alarm rate under **More**.",
            icon=":material/spa:",
        )
    else:
        st.info(f"There are no crops{where}.", icon=":material/spa:")
