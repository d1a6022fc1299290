"""Plotly figures of a label file, made from tables."""

import pandas as pd
import plotly.graph_objects as go

from core.labels.summary import USUAL_NIGHT, is_night
from core.species import EMPTY
from ui.shared.palettes import FINE, ODD, QUIET

FEW_CROPS = 20
"""A species with fewer crops shares its p-values with other small species; its bar has another colour."""
ROW_PX = 26
LEAST_PX, MOST_PX = 160, 560
_MARGIN = {"l": 8, "r": 12, "t": 8, "b": 36}


def build_species_figure(counts: pd.DataFrame) -> go.Figure:
    """Number of photos by species, the largest on top; species with under ``FEW_CROPS`` boxes in another colour.

    Args:
        counts: ``species, boxes, photos, cameras``, as ``LabelSummary.count_species``.
    """
    rows = counts.iloc[::-1]
    colours = [
        QUIET[0] if species == EMPTY else ODD[0] if boxes < FEW_CROPS else FINE[0]
        for species, boxes in zip(rows["species"], rows["boxes"], strict=True)
    ]
    hover = "%{y}: %{x} photos, %{customdata[0]} boxes, %{customdata[1]} cameras<extra></extra>"
    figure = go.Figure(
        go.Bar(
            x=rows["photos"],
            y=rows["species"],
            orientation="h",
            marker_color=colours,
            customdata=rows[["boxes", "cameras"]],
            hovertemplate=hover,
        )
    )
    figure.update_layout(
        margin=_MARGIN, height=min(max(LEAST_PX, ROW_PX * len(rows) + 60), MOST_PX), xaxis_title="Photos", bargap=0.35
    )
    return figure


def build_size_figure(table: pd.DataFrame) -> go.Figure:
    """Size of the boxes by species: the side of a square of the same area, as a share of the photo's side.

    Args:
        table: ``species, size_share``; rows without a size are left out.
    """
    figure = go.Figure()
    sized = table.dropna(subset=["size_share"])
    for name in sized["species"].value_counts().index[::-1]:
        shares = sized.loc[sized["species"] == name, "size_share"]
        figure.add_trace(
            go.Box(
                x=(shares * 100).round(1),
                name=name,
                marker_color=FINE[0],
                boxpoints="outliers",
                hovertemplate="%{x:.0f}%<extra></extra>",
            )
        )
    figure.update_layout(
        margin=_MARGIN,
        showlegend=False,
        xaxis_title="Size of the box, % of the photo's side",
        height=min(max(LEAST_PX, ROW_PX * sized["species"].nunique() + 60), MOST_PX),
    )
    return figure


def build_hour_figure(by_hour: pd.Series, *, night: tuple[int, int] = USUAL_NIGHT) -> go.Figure:
    """Number of animal labels by hour of the day; night hours are grey.

    Args:
        by_hour: Counts with the hours 0 to 23 as index.
        night: The hours in which night begins and ends.
    """
    is_dark = [is_night(int(hour), night) for hour in by_hour.index]
    figure = go.Figure(
        go.Bar(
            x=[f"{hour:02d}" for hour in by_hour.index],
            y=by_hour.to_numpy(),
            marker_color=[QUIET[1] if dark else FINE[0] for dark in is_dark],
            hovertemplate="%{x} h: %{y} labels<extra></extra>",
        )
    )
    figure.update_layout(margin=_MARGIN, height=LEAST_PX + 40, xaxis_title="Hour", yaxis_title="Labels", bargap=0.15)
    return figure


def build_camera_figure(table: pd.DataFrame, *, most: int = 30) -> go.Figure:
    """Number of photos by camera, the largest on top.

    Args:
        table: ``file_name, deployment``, one row for each label.
        most: How many cameras are shown.
    """
    photos = table.drop_duplicates("file_name")["deployment"].replace("", "unknown").value_counts().head(most)
    figure = go.Figure(
        go.Bar(
            x=photos.to_numpy()[::-1],
            y=photos.index[::-1].astype(str),
            orientation="h",
            marker_color=FINE[0],
            hovertemplate="%{y}: %{x} photos<extra></extra>",
        )
    )
    figure.update_layout(
        margin=_MARGIN, height=min(max(LEAST_PX, ROW_PX * len(photos) + 60), MOST_PX), xaxis_title="Photos", bargap=0.35
    )
    return figure
