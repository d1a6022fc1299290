"""The picture of a crop for second reviewers: it shows no verdict of anybody."""

from collections.abc import Mapping
from html import escape
from typing import Any
from urllib.parse import quote, urlencode

import streamlit as st

from core.errors import AnomalureError
from core.photos.found_again import read_same_photo
from core.records import Box, CropKind
from core.study.project import Project
from ui.shared.words import escape_markdown

PHOTO_WIDTH_PX = 1600
STYLE = """<style>
.crop-alone { border-radius: 8px; overflow: hidden; background: light-dark(#E4E1D6, #0C100E); }
.crop-alone img { width: 100%; max-height: 26vh; object-fit: contain; display: block; }
.whole-photo { position: relative; border-radius: 8px; overflow: hidden; margin: 0 auto;
  background: light-dark(#E4E1D6, #0C100E); }
.whole-photo img { width: 100%; height: 100%; display: block; }
.whole-photo .box { position: absolute; border: 3px solid #FF7A1A; border-radius: 3px;
  box-shadow: 0 0 0 1.5px rgb(0 0 0 / .65), inset 0 0 0 1.5px rgb(0 0 0 / .65); }
</style>"""


def show_crop(row: Mapping[str, Any]) -> None:
    """The crop alone, as large as its column."""
    address = f"/crops/{quote(str(row['crop_id']), safe='')}.jpg?{urlencode({'run': row['run']})}"
    st.html(f'{STYLE}<div class="crop-alone"><img src="{escape(address)}" alt="The crop"></div>')


def show_whole_photo(project: Project, row: Mapping[str, Any]) -> None:
    """The photo with the crop's box, or the crop alone if the run or the photo is gone or was replaced."""
    try:
        known = project.find_crop(row["crop_id"], str(row["run"]) or None)
        read_same_photo(project.photo_path(known["run"], row["photo_id"]), str(row["photo_id"]))
    except AnomalureError as error:
        show_crop(row)
        st.caption(f"Only the crop is shown. {escape_markdown(str(error))}")
        return
    box = None
    if row["kind"] == CropKind.DETECTION:
        box = Box(float(known["x"]), float(known["y"]), float(known["width"]), float(known["height"]))
    address = f"/photos/{quote(known['run'], safe='')}/{quote(str(row['photo_id']), safe='')}"
    width, height = int(known["photo_width"]), int(known["photo_height"])
    st.html(STYLE + build_whole_photo(f"{address}?{urlencode({'width': PHOTO_WIDTH_PX})}", width, height, box))


def build_whole_photo(address: str, width_px: int, height_px: int, box: Box | None) -> str:
    """HTML of a photo with a box on it; ``box`` in pixels of the upright photo, None for a whole frame."""
    drawn = ""
    if box is not None:
        drawn = (
            f'<div class="box" style="left:{100 * box.x / width_px:.3f}%;top:{100 * box.y / height_px:.3f}%;'
            f'width:{100 * box.width / width_px:.3f}%;height:{100 * box.height / height_px:.3f}%"></div>'
        )
    # As wide as its column, but no higher than the window.
    shape = f"aspect-ratio:{width_px} / {height_px};max-width:calc(66vh * {width_px / height_px:.4f})"
    return f'<div class="whole-photo" style="{shape}"><img src="{escape(address)}" alt="The whole photo">{drawn}</div>'
