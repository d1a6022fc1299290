"""The whole photo of a crop, with its box and what is known of it, on demand."""

from typing import Any

import pandas as pd
import streamlit as st

from core.project import Project
from core.records import Box, CropKind
from core.runs import RunFolder
from ui.cards import build_facts, build_photo, photo_url
from ui.verdicts import show_decision_buttons
from ui.words import DECISION_WORDS, say_score, say_time

BUTTONS_PX = 360


def list_facts(run: RunFolder, row: dict[str, Any]) -> dict[str, str]:
    """What is known of the photo and the crop, in the order in which it is shown."""
    detected = ""
    if row["detector_class"]:
        detected = f"{row['detector_class']} ({row['detector_confidence']:.0%} sure)"
    elif row["kind"] == CropKind.FRAME:
        detected = "nothing: the whole frame was judged"
    return {
        "Score": say_score(p_value=row["p_value"], judged_by=row["judged_by"], judged_against=row["judged_against"]),
        "Species": row["species"],
        "Detector": detected,
        "Camera": row["deployment"],
        "Time": say_time(None if pd.isna(row["captured_at"]) else row["captured_at"]),
        "Event": row["event_id"],
        "File": row["file_name"],
        "Size": f"{row['photo_width']:,} × {row['photo_height']:,} px",
        "Decision": DECISION_WORDS.get(row["verdict"], "") + (f" by {row['reviewer']}" if row["reviewer"] else ""),
        "Note": row["note"],
        "Run": run.info.name,
        "Crop": row["crop_id"],
    }


@st.dialog("Photo", width="large", icon=":material/image_search:")
def show_photo(project: Project, run: RunFolder, row: dict[str, Any]) -> None:
    """Open the photo over the page; the box of this crop is drawn on it."""
    path = project.photo_path(run.run_id, row["photo_id"])
    if path is None or not path.is_file():
        st.warning(
            "The photo is no longer where the run found it. Put it back, or connect its disk or card.",
            icon=":material/link_off:",
        )
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
    with st.container(width=BUTTONS_PX):
        if show_decision_buttons(project, row, prefix="shown-"):
            st.rerun()
    st.html(build_facts(list_facts(run, row), wide=("Score", "File", "Note")))
