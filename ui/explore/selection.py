"""The selected crops: their pictures, and actions on all of them at once."""

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.errors import AnomalureError
from core.formats.exported import EXPORT_COLUMNS, GUESS_COLUMNS, MOST_LIKE_COLUMN, say_species, tabulate_guesses
from core.records import Decision
from core.runs.folder import RunFolder
from core.store.guesses import shows_guesses
from core.study.project import Project
from models.guesses.of_run import find_index_names
from ui.board.rows import is_best_fit
from ui.explore.photo import show_photo
from ui.explore.picks import say_pick
from ui.explore.run import RunPoints, read_rows
from ui.explore.verdicts import Batch, decide_all, find_last_batch, forget_batch, keep_batch, take_back
from ui.scatter.colours import name_species
from ui.scatter.view import View
from ui.shared.cards import build_card, crop_url
from ui.shared.csv_download import make_csv
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.reviewer import read_reviewer
from ui.shared.routes import REVIEW, go_to
from ui.shared.state import Key, crop_key
from ui.shared.words import DECISION_WORDS, count, escape_markdown, name_crop, say_score

CARDS_A_PAGE = 12
CARD_WIDTH_PX = 190
MOST_SPECIES_NAMED = 6
BULK_ICONS = {
    Decision.ANOMALY: ":material/flag:",
    Decision.NORMAL: ":material/check:",
    Decision.UNSURE: ":material/question_mark:",
}


def describe_selection(facts: pd.DataFrame) -> str:
    """Species, mean score and flags of selected crops, in Markdown-free words."""
    species = name_species(facts).value_counts()
    named = [f"{name} {n:,}" for name, n in species.head(MOST_SPECIES_NAMED).items()]
    if len(species) > MOST_SPECIES_NAMED:
        named.append(f"{len(species) - MOST_SPECIES_NAMED} more species")
    parts = [", ".join(named)]
    if facts["score"].notna().any():
        parts.append(f"mean score {facts['score'].mean():.2f}")
    parts.append(f"{int(facts['flagged'].sum()):,} flagged")
    return " · ".join(parts)


@st.fragment
def show_selection(project: Project, view: View, points: RunPoints, mask: np.ndarray | None) -> None:
    """The selected crops of a run, the most anomalous first.

    A decision redraws only this part, unless the points are coloured by verdict.
    """
    if st.session_state.pop(Key.EXPLORE_DECIDED, False) and view.colour == "verdict":
        st.rerun()
    show_notice()
    with plain_errors():
        _show_undo(project)
        if view.pick is None or mask is None:
            st.info(
                "Nothing is selected. Draw a box or a lasso around points, or choose noise, a cluster or a species "
                "above: the crops are then shown here, to be reviewed, decided or exported. A click on a point shows "
                "its photo.",
                icon=":material/lasso_select:",
            )
            return
        facts = _leave_out_people(project, points, points.facts[mask])
        facts = facts.sort_values(["p_value", "score", "crop_id"], ascending=[True, False, True])
        st.markdown(f"**{escape_markdown(say_pick(view.pick, n=len(facts)))}**")
        if facts.empty:
            st.caption("No crop belongs to this selection now.")
            return
        st.caption(escape_markdown(describe_selection(facts)))
        crop_ids = facts["crop_id"].tolist()
        _show_actions(project, view, points.run, crop_ids)
        _show_gallery(project, points.run, crop_ids)


def _leave_out_people(project: Project, points: RunPoints, facts: pd.DataFrame) -> pd.DataFrame:
    """Crops of people are in no gallery and no export unless somebody asks for them."""
    is_person = facts["crop_id"].isin(project.review_index(points.run).list_people())
    n = int(is_person.sum())
    words = f"Also the {count(n, 'crop')} of people or vehicles"
    if not n or st.checkbox(
        words, key=Key.EXPLORE_WITH_PEOPLE, persist_state="session", help="The Export page says what counts as people."
    ):
        return facts
    return facts[~is_person]


def _show_actions(project: Project, view: View, run: RunFolder, crop_ids: list[str]) -> None:
    n = len(crop_ids)
    reviewer = read_reviewer(project)
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        if st.button(f"Review {count(n, 'crop')}", key="explore-review", type="primary", icon=":material/fact_check:"):
            assert view.pick is not None
            if st.session_state.get(Key.EXPLORE_WITH_PEOPLE):
                st.session_state[Key.WITH_PEOPLE] = (
                    True  # otherwise Review would leave out the people that were included here
                )
            kept = project.save_selection(say_pick(view.pick, n=n), run.run_id, crop_ids, source=_say_source(view))
            # The selection names its run; Review uses that only if the address names no run.
            go_to(REVIEW, **{Key.SELECTION.value: kept.selection_id})
        for decision, icon in BULK_ICONS.items():
            st.button(
                DECISION_WORDS[decision],
                key=f"explore-decide-{decision}",
                icon=icon,
                on_click=_decide,
                args=(project, run, crop_ids, decision),
                disabled=not reviewer,
                help=f"Give the {count(n, 'selected crop')} this verdict at once. Those that are decided already "
                "keep their verdict. You can undo this."
                if reviewer
                else "Give your name in the bar on the left first: it is saved with each decision.",
            )
        st.download_button(
            "CSV",
            key="explore-csv",
            icon=":material/download:",
            mime="text/csv",
            on_click="ignore",
            data=lambda: read_selected_csv(project, run, crop_ids),
            file_name=f"{run.run_id}-selection.csv",
            help="Download the selected crops as a table, with or without a verdict.",
        )


def _say_source(view: View) -> str:
    side = view.sides[view.pick.side if view.pick else 0]
    eps = f", eps {side.eps:g}" if side.eps else ""
    return f"Explore: {side.projection.label}, {side.method.upper()}{eps}, min_samples {side.min_samples}"


def read_selected_csv(project: Project, run: RunFolder, crop_ids: list[str]) -> bytes:
    """The selected crops as the bytes of a CSV file, with the columns of every export, most anomalous first."""
    index = project.review_index(run)
    rows = index.rows(sorted(index.find_places(crop_ids).values()))
    guesses = index.guesses if shows_guesses(project.store) else None
    said = [[]] * len(rows) if guesses is None else guesses.say(rows["place"], own_names=find_index_names(index))
    sources = [""] * len(rows) if guesses is None else guesses.say_sources(rows["place"])
    table = (
        row
        | {"species": say_species(row, taken_for=row["species"]), MOST_LIKE_COLUMN: row["species"]}
        | tabulate_guesses(some, source)
        for row, some, source in zip(rows.to_dict("records"), said, sources, strict=True)
    )
    return make_csv(table, columns=(*EXPORT_COLUMNS, *GUESS_COLUMNS, MOST_LIKE_COLUMN))


def _decide(project: Project, run: RunFolder, crop_ids: list[str], decision: Decision) -> None:
    try:
        batch = decide_all(
            project,
            read_rows(project, run, crop_ids),
            decision,
            reviewer=read_reviewer(project),
            keep_decided=True,
            run_id=run.run_id,
        )
    except AnomalureError as error:
        notice(f"The decision was not kept. {error}")
        return
    keep_batch(project, batch)
    st.session_state[Key.EXPLORE_DECIDED] = True


def _show_undo(project: Project) -> None:
    last = find_last_batch(project, read_reviewer(project))
    if last is None:
        return
    word = DECISION_WORDS[last.decision]
    said, undo = st.columns([8, 2], vertical_alignment="center")
    if last.before:
        said.success(f"{count(len(last.before), 'crop')} decided: {word}.", icon=":material/task_alt:")
    else:
        said.info("All of these were decided already, and keep their verdicts.", icon=":material/task_alt:")
    undo.button(
        "Undo" if last.before else "Close",
        key="explore-undo",
        icon=":material/undo:",
        on_click=_undo,
        args=(project, last),
        width="stretch",
    )


def _undo(project: Project, batch: Batch) -> None:
    if not forget_batch(project, batch):
        return  # taken back in another tab
    try:
        n_newer = take_back(project, batch, reviewer=read_reviewer(project)) if batch.before else 0
    except AnomalureError as error:
        keep_batch(project, batch)
        notice(f"The decision was not taken back. {error}")
        return
    if n_newer:
        notice(f"{count(n_newer, 'crop')} got another decision since then, and kept it.")
    st.session_state[Key.EXPLORE_DECIDED] = True


def _show_gallery(project: Project, run: RunFolder, crop_ids: list[str]) -> None:
    n_pages = -(-len(crop_ids) // CARDS_A_PAGE)
    page = int(st.session_state.get(Key.EXPLORE_PAGE, 1))
    if page > n_pages:
        del st.session_state[Key.EXPLORE_PAGE]
        page = 1
    rows = read_rows(project, run, crop_ids[(page - 1) * CARDS_A_PAGE : page * CARDS_A_PAGE])
    grid = st.grid("auto", min_column_width=CARD_WIDTH_PX, border=True, gap="small", key="cards")
    for nth, row in enumerate(rows):
        with grid.cell():
            _show_card(project, run, row, rank=(page - 1) * CARDS_A_PAGE + nth + 1)
    if n_pages > 1:
        st.pagination(n_pages, key=Key.EXPLORE_PAGE)


def _show_card(project: Project, run: RunFolder, row: dict[str, Any], *, rank: int) -> None:
    title = row["verdict_species"] or name_crop(row["species"], kind=row["kind"], detector_class=row["detector_class"])
    st.html(
        build_card(
            picture=crop_url(row["crop_id"], run_id=run.run_id),
            rank=rank,
            title=title,
            is_guess=is_best_fit(run, row),
            flagged=bool(row["flagged"]),
            camera=row["deployment"],
            decision=Decision(row["verdict"]) if row["verdict"] else None,
            reviewer=row["reviewer"],
            captured_at=None if pd.isna(row["captured_at"]) else row["captured_at"],
            why=say_score(p_value=row["p_value"], judged_by=row["judged_by"], judged_against=row["judged_against"]),
        )
    )
    if st.button(
        f"Photo of number {rank}, {escape_markdown(title)}",
        key=crop_key("photo", row["crop_id"]),
        icon=":material/zoom_out_map:",
        help="See the whole photo",
    ):
        show_photo(project, run, row)
