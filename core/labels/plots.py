"""Draws what a file of labels holds, as pictures: before and after some of its labels were left out."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd

from core.disk.files import write_whole
from core.errors import AnomalureError
from core.labels.summary import LabelSummary

BEFORE, AFTER = "#9a9a94", "#0072b2"
MOST_ROWS = 40
SIZES = np.linspace(0, 1, 21)
_WIDTH_IN, _HEIGHT_IN, _ROW_IN, _DPI = 8.0, 4.5, 0.24, 130


def draw_labels(before: LabelSummary, after: LabelSummary, folder: Path) -> list[Path]:
    """Write one PNG each of species, boxes per photo, sizes of boxes, hours and cameras.

    A picture without anything in it, such as hours where no label has a time, is left out.

    Args:
        before: All labels.
        after: What is left of them; the same where nothing was left out.
        folder: Made if it is missing.

    Raises:
        AnomalureError: If the pictures cannot be written.
    """
    shown: dict[str, tuple[str, str, Callable[[LabelSummary], pd.Series]]] = {
        "species": ("Photos by species", "Photos", lambda one: one.count_species().set_index("species")["photos"]),
        "boxes": ("Photos by number of boxes", "Photos", LabelSummary.count_boxes_per_photo),
        "sizes": ("Boxes by size (% of the photo's side)", "Boxes", _count_sizes),
        "hours": ("Labels of animals by hour of the day", "Labels", LabelSummary.count_by_hour),
        "cameras": ("Photos by camera", "Photos", _count_cameras),
    }
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, (title, unit, count) in shown.items():
            whole, left = count(before), count(after)
            if whole.sum() > 0:
                path = folder / f"{name}.png"
                write_whole(path, _draw(whole, left, title=title, unit=unit, across=name in ("species", "cameras")))
                written.append(path)
    except OSError as error:
        raise AnomalureError(f"The pictures cannot be written to {folder} ({error.strerror or error}).") from error
    return written


def _count_sizes(summary: LabelSummary) -> pd.Series:
    counts, _ = np.histogram(summary.table["size_share"].dropna(), bins=SIZES)
    return pd.Series(counts, index=[f"{100 * low:.0f}" for low in SIZES[:-1]])


def _count_cameras(summary: LabelSummary) -> pd.Series:
    photos = summary.table.drop_duplicates("file_name")["deployment"]
    return photos[photos != ""].value_counts()


def _draw(before: pd.Series, after: pd.Series, *, title: str, unit: str, across: bool) -> bytes:
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    n_more = max(0, len(before) - MOST_ROWS) if across else 0
    before = before.iloc[:MOST_ROWS] if across else before
    after = after.reindex(before.index, fill_value=0)
    height = max(_HEIGHT_IN / 2, 1.2 + _ROW_IN * len(before)) if across else _HEIGHT_IN
    figure = Figure(figsize=(_WIDTH_IN, height), layout="constrained")
    axes = figure.add_subplot()
    places, names = np.arange(len(before)), [str(name)[:40].replace("$", r"\$") for name in before.index]
    is_same = bool((before == after).all())
    if across:
        if not is_same:
            axes.barh(places, before, color=BEFORE, height=0.8, label="all labels")
        axes.barh(places, after, color=AFTER, height=0.5 if not is_same else 0.7, label="kept")
        axes.set_yticks(places, names)
        axes.invert_yaxis()
        axes.set_xlabel(unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    else:
        if not is_same:
            axes.bar(places, before, color=BEFORE, width=0.9, label="all labels")
        axes.bar(places, after, color=AFTER, width=0.6 if not is_same else 0.8, label="kept")
        step = max(1, len(names) // 24)
        axes.set_xticks(places[::step], names[::step])
        axes.set_ylabel(unit)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_title(title + (f" (the first {MOST_ROWS} of {MOST_ROWS + n_more})" if n_more else ""), loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if not is_same:
        axes.legend(frameon=False)
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    return stream.getvalue()
