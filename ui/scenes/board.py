"""The findings in the scenes of a run: filters, cards with photo and words, and the buttons that decide."""

from collections.abc import Mapping
from html import escape
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.records import Decision, name_key
from core.runs.folder import RunFolder
from core.scenes.decisions import SceneDecision, keep_decision
from core.scenes.findings import Kind
from core.study.project import Project
from models.scenes.of_run import FINDING_EXPORT, RunFindings, list_run_rows
from ui.reviewers.pictures import show_whole_photo
from ui.reviewers.species import choose_species, read_species
from ui.scenes.found import forget_found
from ui.shared.cards import crop_url
from ui.shared.csv_download import make_csv
from ui.shared.messages import notice, plain_errors, show_notice
from ui.shared.reviewer import read_reviewer
from ui.shared.state import Key
from ui.shared.words import DECISION_WORDS, count, escape_markdown, say_time

SHOWN_AT_FIRST = 12
PICTURES = 4
BOTH, EVERY = "All", "All"
KIND_WORDS = {BOTH: BOTH, str(Kind.UNEXPECTED): "Unexpected", str(Kind.MISSING): "Missing"}
COLOURS = {str(Kind.UNEXPECTED): "orange", str(Kind.MISSING): "blue"}
# What a verdict means for a class that is missing, where there is no crop.
MISSING_WORDS = {Decision.ANOMALY: "Odd", Decision.NORMAL: "Usual", Decision.UNSURE: "Unsure"}
STYLE = """<style>
.scene-pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(95px, 1fr)); gap: 4px; }
.scene-pictures img { width: 100%; height: 110px; object-fit: cover; border-radius: 6px; display: block;
  background: light-dark(#E4E1D6, #0C100E); }
</style>"""


@st.fragment
def show_board(project: Project, run: RunFolder, findings: RunFindings) -> None:
    """Draw the findings that match; only this part runs again after a decision."""
    show_notice()
    with plain_errors():
        rows = [{**row, "scene": int(scene)} for row, scene in zip(
            list_run_rows(project, findings), findings.found["scene"], strict=True
        )]  # fmt: skip
        chosen = _filter(rows)
        _show_tally(run, findings, rows, chosen)
        if not chosen:
            _say_nothing(rows)
            return
        n_shown = int(st.session_state.get(Key.SCENES_SHOWN, SHOWN_AT_FIRST))
        for row in chosen[:n_shown]:
            with st.container(border=True):
                _show_finding(project, run, findings, row)
        if len(chosen) > n_shown:
            st.button(
                f"Show more ({len(chosen) - n_shown:,} left)",
                key="scenes-more",
                on_click=_show_more,
                args=(n_shown + SHOWN_AT_FIRST,),
            )


def _filter(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kind_at, class_at, camera_at, open_at = st.columns([4, 3, 3, 3], vertical_alignment="bottom")
    with kind_at:
        kind = st.segmented_control(
            "What",
            list(KIND_WORDS),
            default=BOTH,
            required=True,
            key=Key.SCENES_KIND,
            persist_state="session",
            format_func=KIND_WORDS.__getitem__,
        )
    name = class_at.selectbox(
        "Species", sorted({row["class"] for row in rows}), index=None, key=Key.SCENES_CLASS, placeholder=EVERY
    )
    camera = camera_at.selectbox(
        "Camera", sorted({row["deployment"] for row in rows}), index=None, key=Key.SCENES_CAMERA, placeholder=EVERY
    )
    only_open = open_at.toggle("Only undecided", key=Key.SCENES_OPEN, persist_state="session")
    return [
        row
        for row in rows
        if kind in (BOTH, row["kind"])
        and name in (None, row["class"])
        and camera in (None, row["deployment"])
        and not (only_open and row["verdict"])
    ]


def _show_tally(
    run: RunFolder, findings: RunFindings, rows: list[dict[str, Any]], chosen: list[dict[str, Any]]
) -> None:
    said, again, download = st.columns([6, 2, 2], vertical_alignment="center")
    n_events = len(findings.labelled.scenes)
    n_odd = len({row["event"] for row in rows})
    decided = sum(bool(row["verdict"]) for row in rows)
    said.markdown(
        f"**{count(len(rows), 'finding')}** in {n_odd:,} of {count(n_events, 'event')}; {decided:,} decided. "
        f"{count(len(chosen), 'finding')} shown."
    )
    if again.button(
        "Look again",
        key="scenes-again",
        icon=":material/refresh:",
        width="stretch",
        help="Look through the run anew, with the species that were corrected meanwhile.",
    ):
        forget_found()
        st.rerun()
    download.download_button(
        "CSV",
        key="scenes-csv",
        icon=":material/download:",
        width="stretch",
        data=lambda: make_csv(chosen, columns=FINDING_EXPORT),
        mime="text/csv",
        on_click="ignore",
        file_name=f"{run.run_id}-scenes.csv",
        disabled=not chosen,
        help="The findings that are shown, with their verdicts, as a table.",
    )


def _say_nothing(rows: list[dict[str, Any]]) -> None:
    if rows:
        st.info("No finding matches these filters.", icon=":material/filter_alt:")
    else:
        st.success(
            "Nothing is unexpected in this run, and nothing is missing, at this false-alarm rate. Raise it to see "
            "more.",
            icon=":material/task_alt:",
        )


def _show_finding(project: Project, run: RunFolder, findings: RunFindings, row: Mapping[str, Any]) -> None:
    pictures, words, buttons = st.columns([3, 5, 4], gap="medium", vertical_alignment="center")
    crop_ids = [one for one in str(row["crop_ids"]).split("; ") if one]
    with pictures:
        _show_pictures(run, crop_ids or findings.all_crop_ids(row["scene"]))
    with words:
        kind = str(row["kind"])
        st.markdown(f":{COLOURS[kind]}-badge[{KIND_WORDS[kind]}] **{escape_markdown(row['class'])}**")
        st.markdown(escape_markdown(row["explanation"]))
        beside = escape_markdown(row["others"].replace("; ", ", ")) or "nothing else"
        st.caption(
            f"Beside it: {beside}. {escape_markdown(row['deployment'])}, {say_time(row['captured_at'])}. "
            f"False-alarm rate from which it is shown: {row['p_value']:.1%}."
        )
        _show_photos(project, run, crop_ids or findings.all_crop_ids(row["scene"]), key=_key_of(row))
    with buttons:
        _show_buttons(project, run, row, crop_ids)


def _show_pictures(run: RunFolder, crop_ids: list[str]) -> None:
    images = "".join(
        f'<img src="{escape(crop_url(crop, run_id=run.run_id))}" alt="A crop of this event" loading="lazy">'
        for crop in crop_ids[:PICTURES]
    )
    st.html(f'{STYLE}<div class="scene-pictures">{images}</div>')
    if len(crop_ids) > PICTURES:
        st.caption(f"The first {PICTURES} of {count(len(crop_ids), 'crop')}.")


def _show_photos(project: Project, run: RunFolder, crop_ids: list[str], *, key: str) -> None:
    """A closed menu: its photos are asked for only when it is open."""
    if not crop_ids:
        return
    menu = st.popover("Whole photo", icon=":material/photo:", key=f"scene-photo-{key}", on_change="rerun")
    if not menu.open:
        return
    index = project.review_index(run)
    rows = index.rows(list(index.find_places(crop_ids[:PICTURES]).values()))
    with menu:
        for row in rows.drop_duplicates("photo_id").to_dict("records"):
            show_whole_photo(project, {str(name): value for name, value in row.items()})


def _show_buttons(project: Project, run: RunFolder, row: Mapping[str, Any], crop_ids: list[str]) -> None:
    key = _key_of(row)
    words = DECISION_WORDS if crop_ids else MISSING_WORDS
    if row["verdict"]:
        by = f" by {escape_markdown(row['reviewer'])}" if row["reviewer"] else ""
        species = f", {escape_markdown(row['verdict_species'])}" if row["verdict_species"] else ""
        st.markdown(f":material/check: **{words[Decision(row['verdict'])]}**{species}{by}")
        st.button(
            "Undo",
            key=f"scene-undo-{key}",
            icon=":material/undo:",
            on_click=_decide,
            args=(project, run, row, crop_ids, ""),
        )
        return
    if crop_ids:
        choose_species(project, {"run": run.run_id}, key=f"scene-species-{key}", placeholder="If it is another")
    with st.container(horizontal=True, gap="xxsmall"):
        for choice in Decision:
            st.button(
                words[choice],
                key=f"scene-{choice}-{key}",
                on_click=_decide,
                args=(project, run, row, crop_ids, str(choice)),
                help=_explain(choice, row, crop_ids),
            )


def _explain(choice: Decision, row: Mapping[str, Any], crop_ids: list[str]) -> str:
    name = escape_markdown(row["class"])
    if crop_ids:
        return f"A verdict for {count(len(crop_ids), 'crop')} of {name} in this event, as on Review."
    return {
        Decision.ANOMALY: f"It is odd that {name} is not here.",
        Decision.NORMAL: f"{name} need not be here.",
        Decision.UNSURE: "It cannot be told.",
    }[choice]


def _decide(project: Project, run: RunFolder, row: Mapping[str, Any], crop_ids: list[str], choice: str) -> None:
    reviewer = read_reviewer(project)
    key = _key_of(row)
    try:
        if not crop_ids:
            keep_decision(
                project.path,
                SceneDecision(
                    run=run.run_id,
                    scene=row["event"],
                    missing=row["class"],
                    verdict=choice,
                    reviewer=reviewer,
                    model=row["model"],
                    probability=row["probability"],
                ),
            )
            return
        index = project.review_index(run)
        crops = index.rows(list(index.find_places(crop_ids).values())).to_dict("records")
        kept = [crop for crop in crops if _is_unseen(crop, row, reviewer=reviewer)]
        chosen = [crop for crop in crops if not _is_unseen(crop, row, reviewer=reviewer)]
        if choice and chosen:
            project.save_verdicts(chosen, choice, reviewer=reviewer, species=read_species(f"scene-species-{key}"))
        elif chosen:
            project.undo_verdicts(chosen, reviewer=reviewer)
        if kept:
            people = ", ".join(dict.fromkeys(str(crop["reviewer"]) or "somebody" for crop in kept))
            notice(
                f"{count(len(kept), 'crop')} of this event kept what {people} decided. Change it on Review if you "
                "disagree."
            )
    except AnomalureError as error:
        notice(f"The decision was not kept. {error}")


def _is_unseen(crop: Mapping[Any, Any], row: Mapping[str, Any], *, reviewer: str) -> bool:
    """Whether another person decided about a crop, and the finding did not show it as that person's decision."""
    if not crop["verdict"] or crop["given_to"] or name_key(str(crop["reviewer"])) == name_key(reviewer):
        return False
    return (crop["verdict"], crop["reviewer"]) != (row["verdict"], row["reviewer"])


def _key_of(row: Mapping[str, Any]) -> str:
    return f"{row['scene']}-{row['kind']}-{row['class']}"


def _show_more(n: int) -> None:
    st.session_state[Key.SCENES_SHOWN] = n
