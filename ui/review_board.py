"""The cards of a review page: decide, undo, see the photo. Costs what its visible cards cost."""

from typing import Any

import pandas as pd
import streamlit as st

from core.project import Project
from core.queue import ReviewQueue
from core.records import Decision, JudgedBy
from core.runs import RunFolder
from ui.cards import build_card, crop_url
from ui.messages import plain_errors, show_notice
from ui.photo_viewer import show_photo
from ui.review_filters import Filters, start_over
from ui.state import Key, crop_key
from ui.verdicts import remember_decided, show_decision_buttons
from ui.words import count, say_score

CARD_WIDTH_PX = 222


@st.fragment
def show_board(project: Project, run: RunFolder, filters: Filters) -> None:
    """Draw one page of cards; only this part of the page runs again after a decision."""
    show_notice()
    with plain_errors():
        page = int(st.session_state.get(Key.PAGE, 1))
        queue = _read_page(project, run, filters, page)
        if not len(queue.rows) and queue.total:
            st.session_state[Key.PAGE] = page = 1
            queue = _read_page(project, run, filters, page)
        if queue.is_empty:
            show_nothing_here(queue, filters)
            return
        show_tally(queue, filters)
        _show_cards(project, run, queue, show_flag=not filters.flagged_only)
        _show_page_turner(queue, filters)


def _read_page(project: Project, run: RunFolder, filters: Filters, page: int) -> ReviewQueue:
    return project.review_queue(
        run, **filters.for_queue(), limit=filters.page_size, offset=(page - 1) * filters.page_size
    )


def show_tally(queue: ReviewQueue, filters: Filters) -> None:
    """How far the review is: ``12 of 48 flagged decided``."""
    what = "flagged" if filters.flagged_only else "crops"
    left = queue.n_selected - queue.n_decided
    text = f"**{queue.n_decided:,} of {queue.n_selected:,} {what} decided** · "
    text += f"{left:,} to go" if left else "all done"
    st.progress(queue.n_decided / max(queue.n_selected, 1), text=text)


def show_nothing_here(queue: ReviewQueue, filters: Filters) -> None:
    """Why there are no cards, and what to do next."""
    narrowed = filters.species or filters.camera
    where = " for this choice of species and camera" if narrowed else ""
    if filters.undecided_only and queue.n_selected:
        st.success(
            f"All {count(queue.n_selected, 'crop')}{where} decided. Choose **All** above to see them again, "
            "or download the anomalies below.",
            icon=":material/task_alt:",
        )
    elif filters.flagged_only:
        st.info(
            f"Nothing is flagged{where}. Under **More** you can look at every crop, or raise the false-alarm rate.",
            icon=":material/spa:",
        )
    else:
        st.info(f"There are no crops{where}.", icon=":material/spa:")


def _show_cards(project: Project, run: RunFolder, queue: ReviewQueue, *, show_flag: bool) -> None:
    rows = queue.rows.to_dict("records")
    remember_decided({row["crop_id"] for row in rows if row["verdict"]})
    next_up = next((row["crop_id"] for row in rows if not row["verdict"]), None)
    grid = st.grid("auto", min_column_width=CARD_WIDTH_PX, border=True, gap="small", key="cards")
    for nth, row in enumerate(rows):
        with grid.cell():
            _show_card(
                project, run, row, rank=queue.offset + nth + 1, is_next=row["crop_id"] == next_up, show_flag=show_flag
            )


def _show_card(
    project: Project, run: RunFolder, row: dict[str, Any], *, rank: int, is_next: bool, show_flag: bool
) -> None:
    crop_id = row["crop_id"]
    decision = Decision(row["verdict"]) if row["verdict"] else None
    st.html(
        build_card(
            picture=crop_url(crop_id, run_id=run.run_id),
            rank=rank,
            species=row["verdict_species"] or row["species"],
            is_guess=is_best_fit(run, row),
            flagged=show_flag and bool(row["flagged"]),
            camera=row["deployment"],
            decision=decision,
            is_next=is_next,
            reviewer=row["reviewer"],
            captured_at=None if pd.isna(row["captured_at"]) else row["captured_at"],
            why=say_score(p_value=row["p_value"], judged_by=row["judged_by"], judged_against=row["judged_against"]),
        )
    )
    show_decision_buttons(project, row, with_shortcuts=is_next)
    if st.button("Photo", key=crop_key("photo", crop_id), icon=":material/zoom_out_map:", help="See the whole photo"):
        show_photo(project, run, row)


def is_best_fit(run: RunFolder, row: dict[str, Any]) -> bool:
    """Whether the crop's species is only the known one that it fits best, not one that was told."""
    by_fit = run.info.settings.get("species_from", "fit") == "fit" and row["judged_by"] == JudgedBy.SPECIES_MODEL
    return by_fit and not row["verdict_species"]


def _show_page_turner(queue: ReviewQueue, filters: Filters) -> None:
    n_pages = -(-queue.total // filters.page_size)
    first, last = queue.offset + 1, queue.offset + len(queue.rows)
    left, middle, right = st.columns([2, 4, 2], vertical_alignment="center")
    left.caption(f"{first:,} to {last:,} of {queue.total:,}")
    if n_pages > 1:
        with middle:
            st.pagination(n_pages, key=Key.PAGE, width="stretch")
    if filters.undecided_only and (queue.rows["verdict"] != "").any():
        right.button(
            "Put decided away",
            key="tidy",
            icon=":material/done_all:",
            on_click=start_over,
            width="stretch",
            help="Decided cards leave, and the next ones move up.",
        )
