"""Choose the labels of the photos, and see what is in them before the training."""

from dataclasses import dataclass, replace
from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.formats.labelled import LabelFile
from core.labels.summary import USUAL_NIGHT
from ui.forms.cached import account_in, read_labels_of, summarise_labels_of
from ui.forms.folders import is_there, read_path
from ui.forms.found_labels import show_found_labels
from ui.forms.label_account import show_label_accounts
from ui.forms.label_charts import build_camera_figure, build_hour_figure, build_size_figure, build_species_figure
from ui.shared.messages import plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown

MOST_NAMED = 8
EVERY_SPLIT = "all"


@dataclass(frozen=True, kw_only=True)
class LabelChoice:
    """What was chosen; ``problem`` says in a sentence what is missing, and is empty when nothing is."""

    labels: Path | None = None
    species: Path | None = None
    split: str | None = None
    problem: str = ""
    n_photos: int = 0
    n_boxes: int = 0
    has_animals: bool = True


def show_label_choice(images: Path | None) -> LabelChoice:
    """Draw the choice of labels for a folder of photos, and what is in them."""
    left, right = st.columns(2)
    with left:
        labels = read_path(
            st.text_input(
                "File of labels",
                key=Key.TRAIN_LABELS,
                persist_state="session",
                icon=":material/label:",
                placeholder="Empty: folders by species",
                help="COCO or COCO Camera Traps JSON, MegaDetector JSON, a Camtrap DP datapackage.json or a CSV. Names "
                "in it are matched to photos by their longest common ending. Empty: each folder inside the folder of "
                "photos has the name of its species.",
            )
        )
        found = images is not None and labels is None and show_found_labels(images, key=Key.TRAIN_LABELS)
    with right:
        species = read_path(
            st.text_input(
                "Second file, for the species (optional)",
                key=Key.TRAIN_SPECIES,
                persist_state="session",
                placeholder="A CSV of file_name and species",
                help="For boxes without species, such as MegaDetector's: a CSV that says which species each photo "
                "shows.",
            )
        )
    for path in (labels, species):
        if path is not None and not is_there(path):
            return LabelChoice(problem=f"There is no file {path}.")
    if images is None:
        return LabelChoice(problem="Choose the folder that holds the labelled photos.")
    if labels is None and not _is_readable(images):
        how = "click one of those found, or type its path" if found else "type its path"
        return LabelChoice(
            problem=f"Choose the file of labels: {how}. Without one, each folder in the folder of photos must have the "
            "name of its species."
        )
    with plain_errors():
        read = read_labels_of(images, labels, species)
        if labels is None:
            _name_folders(read)
            if not _ask_whether_species(images):
                why = "click one of those found" if found else "type its path"
                return LabelChoice(problem=f"Choose the file of labels: {why}, or say that the folders are species.")
        show_label_accounts(account_in(images, labels, species))
        split = _show_split(read)
        _show_content(images, labels, species, split)
        used = [photo for photo in read.photos if split is None or photo.split == split]
        n_boxes = sum(label.box is not None for photo in used for label in photo.labels)
        given = [label for photo in used for label in photo.labels]
        has_animals = n_boxes > 0 or any(label.species and not label.is_empty for label in given)
        if not has_animals and not any(label.is_empty for label in given):
            return LabelChoice(problem="These labels name neither animals nor empty photos to train on.")
        return LabelChoice(
            labels=labels, species=species, split=split, n_photos=len(used), n_boxes=n_boxes, has_animals=has_animals
        )
    return LabelChoice(problem="These labels cannot be used.")


def _is_readable(images: Path) -> bool:
    """Whether the folders can be species; not if a file of labels lies there."""
    try:
        read_labels_of(images, None, None)
    except AnomalureError:
        return False
    return True


def _ask_whether_species(images: Path) -> bool:
    """Whether somebody said so of this folder; nobody trains cameras as species by mistake."""
    return st.checkbox(
        "These folders are species, not cameras or places", key=f"{Key.TRAIN_FOLDERS}-{images}", persist_state="session"
    )


def _name_folders(labels: LabelFile) -> None:
    """Say which folders count as species, because some users have folders for cameras."""
    names = sorted({label.species for photo in labels.photos for label in photo.labels if label.species})
    if len(names) == 1:
        st.caption(
            f":orange[:material/warning:] All photos are taken as one species, **{escape_markdown(names[0])}**, "
            "by the name of their folder. If that is no species, give a file of labels."
        )
        return
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    st.caption(
        ":material/folder: The names of the folders are taken as species: "
        f"{escape_markdown(', '.join(names[:MOST_NAMED]))}{more}. If they are cameras, give a file of labels."
    )


def _show_split(labels: LabelFile) -> str | None:
    splits = sorted({photo.split for photo in labels.photos} - {""})
    if not splits:
        return None
    n_of = {name: sum(photo.split == name for photo in labels.photos) for name in splits}
    chosen = st.selectbox(
        "Part of the labels",
        [EVERY_SPLIT, *splits],
        index=1 + splits.index("train") if "train" in splits else 0,
        format_func=lambda name: (
            f"All ({count(len(labels.photos), 'photo')})" if name == EVERY_SPLIT else f"{name} ({n_of[name]:,})"
        ),
        key=Key.TRAIN_SPLIT,
        persist_state="session",
        help="These labels say which photos are for training and which for testing. Choose those for training.",
    )
    return None if chosen == EVERY_SPLIT else str(chosen)


def _choose_night() -> tuple[int, int]:
    """The hours in which night begins and ends, by the cameras' clocks: short in a northern summer."""
    begins, ends = st.columns(2)
    with begins:
        begin = st.number_input(
            "Night begins (h)",
            min_value=12,
            max_value=23,
            value=USUAL_NIGHT[0],
            key=Key.TRAIN_NIGHT_BEGINS,
            persist_state="session",
        )
    with ends:
        end = st.number_input(
            "Night ends (h)",
            min_value=0,
            max_value=11,
            value=USUAL_NIGHT[1],
            key=Key.TRAIN_NIGHT_ENDS,
            persist_state="session",
        )
    return int(begin), int(end)


def _show_content(images: Path, labels: Path | None, species: Path | None, split: str | None) -> None:
    with st.expander(
        "What is in these labels", icon=":material/bar_chart:", key=Key.TRAIN_LOOK, on_change="rerun"
    ) as box:
        if not box.open:
            return
        with st.spinner("Counting the labels…"):
            summary = summarise_labels_of(images, labels, species)
        table = summary.table if split is None else summary.table[summary.table["split"] == split]
        shown = replace(summary, table=table)
        missing = summary.n_photos - summary.n_found
        st.caption(
            f"{count(summary.n_photos, 'labelled photo')}, {summary.n_found:,} of them in the folder."
            + (f" {missing:,} are missing." if missing else "")
            + (f" Below: those of {escape_markdown(split)}." if split else "")
        )
        warnings = {warning for account in summary.accounts for warning in account.warnings}  # these are shown above
        for problem in [one for one in summary.problems if one not in warnings][:5]:
            st.caption(f":orange[:material/warning:] {escape_markdown(problem)}")
        if table.empty:
            return
        by_hour = shown.count_by_hour()
        night = _choose_night() if by_hour.any() else USUAL_NIGHT
        by_time = shown.count_day_and_night(night)
        charts = [
            ("Photos per species", build_species_figure(shown.count_species())),
            ("Size of the animals", build_size_figure(table)),
            ("Cameras", build_camera_figure(table)),
        ]
        if by_time["day"] + by_time["night"]:
            charts.append(("Hours", build_hour_figure(by_hour, night=night)))
        else:
            st.caption("Neither the labels nor the photos say when they were taken: each photo counts as an event.")
        with st.grid(2, min_column_width=380):
            for title, figure in charts:
                with st.container():
                    st.markdown(f"**{title}**")
                    st.plotly_chart(figure, key=f"look-{title}", config={"displayModeBar": False})
        if by_time["day"] + by_time["night"]:
            st.caption(
                f"Labels by day {by_time['day']:,}, by night (grey) {by_time['night']:,}, time unknown "
                f"{by_time['time unknown']:,}."
            )
