"""How good a detector became, epoch by epoch, as a figure. Knows no Streamlit."""

from collections.abc import Sequence

import plotly.graph_objects as go

from core.work.detector_trainings import DetectorEpoch
from ui.shared.palettes import FINE, ODD, QUIET

CURVE_PX = 280


def build_detector_figure(epochs: Sequence[DetectorEpoch]) -> go.Figure:
    """mAP at 50% and at 50 to 95% overlap, precision and recall by epoch, on the held-out photos.

    Args:
        epochs: Of the training so far, in order; at least one.
    """
    at = [epoch.epoch for epoch in epochs]
    lines = (
        ("mAP 50-95 (best is kept)", "map50_95", ODD[0], "solid"),
        ("mAP 50", "map50", FINE[0], "solid"),
        ("precision", "precision", QUIET[1], "dot"),
        ("recall", "recall", QUIET[1], "dash"),
    )
    figure = go.Figure()
    for name, field, colour, dash in lines:
        figure.add_trace(
            go.Scatter(
                x=at,
                y=[round(getattr(epoch, field), 4) for epoch in epochs],
                name=name,
                mode="lines+markers",
                line={"color": colour, "width": 2, "dash": dash},
                marker={"size": 5},
                hovertemplate="epoch %{x}: %{y:.2f}<extra></extra>",
            )
        )
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 8, "b": 36},
        height=CURVE_PX,
        xaxis_title="Epoch",
        yaxis_title="On held-out photos",
        yaxis_range=[0, 1.02],
        xaxis_range=[0.5, max(epochs[-1].epochs, 2) + 0.5],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
