"""Make photos with subtle anomalies, to try out a heat-map model where no real anomaly is known."""

from pathlib import Path

import streamlit as st

from core.errors import AnomalureError
from core.squares.making import IMAGES, make_squares
from core.squares.square import SquareSettings
from core.study.project import Project, check_name
from ui.forms.folder_choice import show_folder_choice
from ui.shared.messages import plain_errors
from ui.shared.state import Key
from ui.shared.words import count, escape_markdown

ROOM = "made"
"""The project's folder for photos that were made."""


def show_making(project: Project) -> None:
    """Draw the form, and make the photos at a click."""
    with st.expander("Make photos with anomalies", icon=":material/draw:", key="localize-making"):
        st.caption(
            "Copies of photos, each with one square that is a little brighter. A table beside them says where it is. "
            "Look through the copies to see what a model finds."
        )
        folder = show_folder_choice(
            Key.LOCALIZE_MADE_FROM,
            Key.LOCALIZE_MADE_FROM_BROWSER,
            label="Folder of photos to copy",
            help="The photos themselves are left as they are.",
            open_first=False,
        )
        with st.grid(3, min_column_width=220):
            radius = st.slider("Radius in pixels", 2, 400, (30, 300), key=Key.LOCALIZE_MADE_R, help="Half the side.")
            ratio = st.slider(
                "Brightness",
                1.01,
                2.0,
                (1.05, 1.15),
                0.01,
                key=Key.LOCALIZE_MADE_RATIO,
                help="1.1 is a tenth brighter.",
            )
            name = st.text_input("Name of the copies", "anomalies", key=Key.LOCALIZE_MADE_NAME).strip()
        clicked = st.button("Make", key="localize-make", icon=":material/draw:", disabled=folder is None)
        if not clicked or folder is None:
            return
        with plain_errors():
            _make(project, folder, name, radius, ratio)


def _make(project: Project, folder: Path, name: str, radius: tuple[int, int], ratio: tuple[float, float]) -> None:
    check_name(name, what="folder")
    settings = SquareSettings(least_r=radius[0], most_r=radius[1], least_ratio=ratio[0], most_ratio=ratio[1])
    bar = st.progress(0.0)

    def follow(done: int, total: int) -> None:
        bar.progress(done / total, f"{done:,} of {total:,} photos")

    try:
        made = make_squares(folder, project.path / ROOM / name, settings=settings, on_progress=follow)
    except AnomalureError:
        bar.empty()
        raise
    bar.empty()
    st.success(
        f"{count(len(made.squares), 'photo')} in {escape_markdown(str(made.folder / IMAGES))}, and the table "
        f"{escape_markdown(made.table.name)} beside it.",
        icon=":material/check:",
    )
    if made.too_small or made.failures:
        left = [*made.too_small, *(file_name for file_name, _ in made.failures)]
        st.warning(
            f"{count(len(made.too_small), 'photo')} smaller than the square, {len(made.failures):,} unreadable. "
            f"The first: {escape_markdown(left[0])}",
            icon=":material/broken_image:",
        )
