"""The picture of a crop as two reviewers see it: nothing of what anybody said about it."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.errors import AnomalureError
from core.project import Project
from core.records import Box, CropKind
from ui.cards import build_crop, build_photo, crop_url, photo_url


def show_crop(row: Mapping[str, Any]) -> None:
    """The crop alone, as large as its column."""
    st.html(build_crop(picture=crop_url(row["crop_id"], run_id=str(row["run"]))))


def show_whole_photo(project: Project, row: Mapping[str, Any]) -> None:
    """The photo with the crop's box, or the crop alone where the run or the photo is gone."""
    try:
        known = project.find_crop(row["crop_id"], str(row["run"]) or None)
        path = project.photo_path(known["run"], row["photo_id"])
    except AnomalureError:
        path = None
    if path is None or not path.is_file():
        show_crop(row)
        st.caption("The photo is no longer where the run found it, so only the crop is shown.")
        return
    box = None
    if row["kind"] == CropKind.DETECTION:
        box = Box(float(known["x"]), float(known["y"]), float(known["width"]), float(known["height"]))
    picture = photo_url(known["run"], row["photo_id"])
    width, height = int(known["photo_width"]), int(known["photo_height"])
    st.html(build_photo(picture=picture, width_px=width, height_px=height, box=box))
