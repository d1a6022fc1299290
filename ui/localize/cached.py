"""Streamlit's caches for heat maps: the places of a table, small drawings, and loaded models."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from core.disk.inside import inside
from core.errors import AnomalureError, PhotoUnreadable
from core.formats.csv import read_csv_rows
from core.photos.reading import read_photo
from core.settings.run import RunSettings

if TYPE_CHECKING:
    from models.localize.heat_map import HeatMapModel
    from models.localize.looking import Place

DRAWN_PX = 560


@st.cache_resource(max_entries=3, show_spinner=False)
def load_model(folder: str, stamp: int) -> "HeatMapModel":
    """The model in a folder, loaded again when it changes."""
    from models.localize.heat_map import HeatMapModel

    return HeatMapModel.load(Path(folder))


@st.cache_data(max_entries=300, show_spinner=False)
def draw_small(model: str, stamp: int, folder: str, one: "Place", with_heat: bool) -> bytes:
    """A small picture of the photo with the found square, as a JPEG; ``with_heat``: and with its heat map."""
    from models.localize.drawing import draw_found

    try:
        inside(Path(folder), one.file_name)  # the table may come with a project of somebody else
        read = read_photo(Path(folder), one.file_name, deployment="", max_megapixels=RunSettings().max_megapixels)
    except PhotoUnreadable as failure:
        raise AnomalureError(f"{one.file_name} cannot be read any more: {failure}") from failure
    if one.photo_id not in ("", read.photo.photo_id):  # tables of earlier versions do not say it
        raise AnomalureError(f"{one.file_name} was changed or replaced since it was looked at. Start again.")
    found = load_model(model, stamp).look(read.pixels)
    stream = BytesIO()
    draw_found(read.pixels, found, longest_px=DRAWN_PX, with_heat=with_heat).save(stream, "JPEG", quality=88)
    return stream.getvalue()


@st.cache_data(max_entries=8, show_spinner=False)
def read_places(path: str, stamp: int) -> "list[Place]":
    """The rows of a table of places, read again when it changes."""
    from models.localize.looking import Place

    try:
        return [
            Place(
                row["file_name"],
                int(row["row"]),
                int(row["column"]),
                int(row["r"]),
                float(row["score"]),
                float(row["p_value"]) if row["p_value"] else None,
                row.get("photo_id", ""),
            )
            for row in read_csv_rows(Path(path))
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise AnomalureError(f"The table of places {path} cannot be read ({error}). Start again.") from error
