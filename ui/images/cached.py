"""Streamlit's caches for the Images page: the answers of a check, and small pictures with their answers on them."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from core.disk.inside import inside
from core.errors import AnomalureError, PhotoUnreadable
from core.formats.csv import read_csv_rows
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from models.images.drawing import draw_answer

DRAWN_PX = 360


@dataclass(frozen=True)
class Answer:
    """A row of the table of answers."""

    file_name: str
    answer: int
    p_value: float
    photo_id: str


@st.cache_data(max_entries=500, show_spinner=False)
def draw_small(folder: str, one: Answer) -> bytes:
    """A small picture of the image with its answer on it, as a JPEG."""
    try:
        inside(Path(folder), one.file_name)  # the table may come with a project of somebody else
        read = read_photo(Path(folder), one.file_name, deployment="", max_megapixels=RunSettings().max_megapixels)
    except PhotoUnreadable as failure:
        raise AnomalureError(f"{one.file_name} cannot be read any more: {failure}") from failure
    if one.photo_id not in ("", read.photo.photo_id):  # tables of earlier versions do not say it
        raise AnomalureError(f"{one.file_name} was changed or replaced since it was checked. Start the check again.")
    small = Image.fromarray(read.pixels)
    small.thumbnail((DRAWN_PX, DRAWN_PX))
    if max(small.size) < DRAWN_PX:  # the words need some room
        small = small.resize([max(1, round(side * DRAWN_PX / max(small.size))) for side in small.size])
    stream = BytesIO()
    draw_answer(np.asarray(small), one.answer, one.p_value).save(stream, "JPEG", quality=88)
    return stream.getvalue()


@st.cache_data(max_entries=8, show_spinner=False)
def read_answers(path: str, stamp: int) -> list[Answer]:
    """The rows of a table of answers, read again when it changes."""
    try:
        return [
            Answer(row["file_name"], int(row["answer"]), float(row["p_value"]), row.get("photo_id", ""))
            for row in read_csv_rows(Path(path))
        ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise AnomalureError(f"The table of answers {path} cannot be read ({error}). Start the check again.") from error
