"""The doubtful labels by pairs of species: pictures, and buttons that mend or confirm a label, one by one or all."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.records import NOTHING, PERSON
from core.runs.folder import RunFolder
from core.study.project import Project
from models.suggestions.of_run import (
    FROM_CLASSIFIER,
    FROM_FILE,
    SUGGESTION_EXPORT,
    Suggestions,
    list_suggestion_rows,
    relabel,
)
from ui.reviewers.pictures import show_whole_photo
from ui.reviewers.species import choose_species, read_species
from ui.shared.cards import crop_url
from ui.shared.csv_download import make_csv
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown, say_time

COLUMNS = 4
CROPS_AT_FIRST = 8
PAIRS_AT_FIRST = 5
# Of the first crop, and of the first pair, that is not decided.
KEYS = {"one": "1", "one-keep": "2", "all": "A", "all-keep": "K"}
WORDS_FROM = {
    "file": "by the file",
    "classifier": "by the classifier",
    "group": "by its group",
    "person": "by a person",
}
STYLE = """<style>
.doubtful img { width: 100%; height: 150px; object-fit: contain; border-radius: 6px; display: block;
  background: light-dark(#E4E1D6, #0C100E); }
</style>"""
_Row = Mapping[str, Any]


@st.fragment
def show_board(project: Project, run: RunFolder, suggestions: Suggestions) -> None:
    """Draw the pairs; only this part runs again after a decision."""
    show_notice()
    with plain_errors():
        rows = list_suggestion_rows(project, run, suggestions)
        _show_tally(run, rows)
        pairs = _sort_pairs(rows, only_open=bool(st.session_state.get(Key.SUGGESTIONS_OPEN)))
        if not pairs:
            st.success("Every doubtful label is decided.", icon=":material/task_alt:")
            return
        n_shown = int(st.session_state.get(Key.SUGGESTIONS_PAIRS, PAIRS_AT_FIRST))
        has_keys = True
        for pair, some in list(pairs.items())[:n_shown]:
            has_keys &= not _show_pair(project, run, pair, some, has_keys=has_keys)
        if len(pairs) > n_shown:
            st.button(
                f"Show more ({count(len(pairs) - n_shown, 'pair')} of species left)",
                key="suggestions-more",
                on_click=_show_more,
                args=(n_shown + PAIRS_AT_FIRST,),
            )


def _sort_pairs(rows: Sequence[_Row], *, only_open: bool) -> dict[tuple[str, str], list[_Row]]:
    """The rows by label and suggested species, the pair with the most crops first, decided or not."""
    pairs: dict[tuple[str, str], list[_Row]] = {}
    for row in rows:
        pairs.setdefault((row["label"], row["suggested"]), []).append(row)
    ordered = sorted(pairs, key=lambda pair: (-len(pairs[pair]), pair))
    return {pair: pairs[pair] for pair in ordered if not only_open or any(not row["verdict"] for row in pairs[pair])}


def _show_tally(run: RunFolder, rows: Sequence[_Row]) -> None:
    said, only_open, download = st.columns([6, 3, 2], vertical_alignment="center")
    decided = sum(bool(row["verdict"]) for row in rows)
    said.caption(
        f"{decided:,} of {len(rows):,} decided. Keys, for the first that is not decided: {KEYS['one']} mends a label, "
        f"{KEYS['one-keep']} keeps it; {KEYS['all']} mends all of a pair, {KEYS['all-keep']} keeps all."
    )
    only_open.toggle("Only undecided", key=Key.SUGGESTIONS_OPEN, persist_state="session")
    download.download_button(
        "CSV",
        key="suggestions-csv",
        icon=":material/download:",
        width="stretch",
        data=lambda: make_csv(list(rows), columns=SUGGESTION_EXPORT),
        mime="text/csv",
        on_click="ignore",
        file_name=f"{run.run_id}-suggestions.csv",
        help="All doubtful labels of this run with what was decided about them.",
    )


def _show_pair(
    project: Project, run: RunFolder, pair: tuple[str, str], rows: Sequence[_Row], *, has_keys: bool
) -> bool:
    """Draw a pair of species; whether it took the keys, because something in it is undecided."""
    label, suggested = pair
    name = f"{label}-{suggested}"
    left = {str(row["crop_id"]): "" for row in rows if not row["verdict"]}
    with st.container(border=True):
        head, all_are, all_keep = st.columns([5, 3, 3], vertical_alignment="center")
        head.markdown(
            f"**{escape_markdown(label)}** that looks like **{escape_markdown(suggested)}**: "
            f"{count(len(rows), 'crop')}, {len(left):,} undecided"
        )
        for place, species, key in ((all_are, suggested, "all"), (all_keep, label, "all-keep")):
            place.button(
                escape_markdown(f"All {species}" if key == "all" else f"Keep all {species}"),
                key=f"suggestions-{key}-{name}",
                width="stretch",
                disabled=not left,
                shortcut=KEYS[key] if has_keys and left else None,
                on_click=_decide,
                args=(project, run, left, species),
                help=f"A verdict for each of the {count(len(left), 'crop')} of this pair that are not decided, also "
                "those that are not shown.",
            )
        n_shown = int(st.session_state.get(f"suggestions-shown-{name}", CROPS_AT_FIRST))
        shown = rows[:n_shown]
        first_open = next((row["crop_id"] for row in shown if not row["verdict"]), "") if has_keys else ""
        st.html(STYLE)
        for start in range(0, len(shown), COLUMNS):
            for place, row in zip(st.columns(COLUMNS), shown[start : start + COLUMNS], strict=False):
                with place:
                    _show_crop(project, run, row, has_keys=row["crop_id"] == first_open)
        if len(rows) > n_shown:
            st.button(
                f"Show more ({len(rows) - n_shown:,} left)",
                key=f"suggestions-more-{name}",
                on_click=_show_more_crops,
                args=(name, n_shown + CROPS_AT_FIRST),
            )
    return has_keys and bool(left)


def _show_crop(project: Project, run: RunFolder, row: _Row, *, has_keys: bool) -> None:
    crop_id = str(row["crop_id"])
    address = escape(crop_url(crop_id, run_id=run.run_id))
    alt = escape(f"Labelled {row['label']}, looks like {row['suggested']}")
    st.html(f'<div class="doubtful"><img src="{address}" alt="{alt}" loading="lazy"></div>')
    said = str(row["verdict_species"]) if row["verdict"] else ""
    choices = ((str(row["suggested"]), "one"), (str(row["label"]), "one-keep"))
    with st.container(horizontal=True, gap="xxsmall"):
        for species, key in choices:
            st.button(
                escape_markdown(species),
                key=f"suggestions-{key}-{crop_id}",
                type="primary" if said == species else "secondary",
                icon=":material/check:" if said == species else None,
                shortcut=KEYS[key] if has_keys else None,
                on_click=_decide,
                args=(project, run, {crop_id: row["verdict_id"]}, species),
                help=_explain(row, key),
            )
        _show_menu(project, run, row)
    others = f" · **{escape_markdown(said)}**" if said and said not in {one for one, _ in choices} else ""
    by = f" · {escape_markdown(row['reviewer'])}" if row["reviewer"] else ""
    st.caption(f"{escape_markdown(row['deployment'])}, {say_time(row['captured_at'])}{others}{by}")


def _explain(row: _Row, key: str) -> str:
    if key == "one":
        return escape_markdown(f"It is {row['suggested']}: the label is mended.")
    return escape_markdown(f"It is {row['label']}, as {WORDS_FROM[row['label_from']]}: the label is confirmed.")


def _show_menu(project: Project, run: RunFolder, row: _Row) -> None:
    """A closed menu: its photo is asked for only when it is open."""
    crop_id = str(row["crop_id"])
    menu = st.popover("", icon=":material/more_horiz:", key=f"suggestions-menu-{crop_id}", on_change="rerun")
    if not menu.open:
        return
    index = project.review_index(run)
    rows = index.rows(list(index.find_places([crop_id]).values())).to_dict("records")
    with menu:
        for one in rows:
            show_whole_photo(project, {str(name): value for name, value in one.items()})
        key = f"suggestions-species-{crop_id}"
        with st.container(horizontal=True, gap="xxsmall"):
            for label, species in (("Nothing there", NOTHING), ("People", PERSON)):
                st.button(
                    label,
                    key=f"suggestions-{species}-{crop_id}",
                    on_click=_decide,
                    args=(project, run, {crop_id: row["verdict_id"]}, species),
                )
        choose_species(project, {"run": run.run_id}, key=key, placeholder="Another species")
        another = read_species(key)
        st.button(
            "Save",
            key=f"suggestions-another-{crop_id}",
            disabled=not another,
            on_click=_decide,
            args=(project, run, {crop_id: row["verdict_id"]}, another),
        )
        if row["verdict"] and row["label_from"] in (FROM_FILE, FROM_CLASSIFIER):
            st.button("Undo", key=f"suggestions-undo-{crop_id}", on_click=_undo, args=(project, run, crop_id))


def _decide(project: Project, run: RunFolder, seen: Mapping[str, str], species: str) -> None:
    try:
        kept = relabel(project, run, seen, species=species, reviewer=read_reviewer(project))
    except AnomalureError as error:
        notice(f"The decision was not kept. {error}")
        return
    if kept:
        people = ", ".join(dict.fromkeys(str(row["reviewer"]) or "somebody" for row in kept))
        notice(f"{count(len(kept), 'crop')} kept what {people} decided meanwhile. Press again if you disagree.")


def _undo(project: Project, run: RunFolder, crop_id: str) -> None:
    index = project.review_index(run)
    rows = index.rows(list(index.find_places([crop_id]).values())).to_dict("records")
    try:
        project.undo_verdicts(rows, reviewer=read_reviewer(project))
    except AnomalureError as error:
        notice(f"It was not taken back. {error}")


def _show_more(n: int) -> None:
    st.session_state[Key.SUGGESTIONS_PAIRS] = n


def _show_more_crops(name: str, n: int) -> None:
    st.session_state[f"suggestions-shown-{name}"] = n
