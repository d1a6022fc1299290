"""The whole photo of a selected crop, over the page."""

from typing import Any

import streamlit as st

from core.errors import PhotoUnreadable
from core.photos.found_again import read_same_photo
from core.records import Box, CropKind
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.shared.cards import build_facts, build_photo, photo_url
from ui.shared.words import escape_markdown, say_score


@st.dialog("Photo", width="large", icon=":material/image_search:")
def show_photo(project: Project, run: RunFolder, row: dict[str, Any]) -> None:
    """Open the photo over the page; the box of this crop is drawn on it."""
    try:
        read_same_photo(project.photo_path(run.run_id, row["photo_id"]), row["photo_id"])
    except PhotoUnreadable as error:
        st.warning(escape_markdown(str(error)), icon=":material/link_off:")
    else:
        box = None
        if row["kind"] == CropKind.DETECTION:
            box = Box(float(row["x"]), float(row["y"]), float(row["width"]), float(row["height"]))
        st.html(
            build_photo(
                picture=photo_url(run.run_id, row["photo_id"]),
                width_px=int(row["photo_width"]),
                height_px=int(row["photo_height"]),
                box=box,
            )
        )
    why = say_score(p_value=row["p_value"], judged_by=row["judged_by"], judged_against=row["judged_against"])
    st.html(
        build_facts(
            {
                "Score": why,
                "Species": row["species"],
                "Detector": row["detector_class"],
                "Camera": row["deployment"],
                "File": row["file_name"],
                "Crop": row["crop_id"],
            },
            wide=("Score", "File"),
        )
    )
