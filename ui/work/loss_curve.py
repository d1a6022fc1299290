"""The loss of a training as a figure. Knows no Streamlit."""

from collections.abc import Sequence

import plotly.graph_objects as go

from core.work.trainings import CurvePoint
from ui.shared.palettes import FINE, ODD

CURVE_PX = 280


def build_loss_figure(points: Sequence[CurvePoint], *, epochs: int, best_epoch: int | None = None) -> go.Figure:
    """Loss by epoch: of the crops that are learnt from as a line, of those held out as a line with marks.

    Args:
        points: Of the training so far.
        epochs: How many there will be.
        best_epoch: The one that was kept, marked; None: the lowest so far.
    """
    figure = go.Figure(
        go.Scatter(
            x=[round(point.epoch, 3) for point in points],
            y=[float(f"{point.loss:.4g}") for point in points],
            mode="lines",
            name="crops learnt from",
            line={"color": FINE[0], "width": 2},
            hovertemplate="epoch %{x:.1f}: %{y:.3g}<extra></extra>",
        )
    )
    held = [(point.epoch, point.held_out) for point in points if point.held_out is not None]
    if held:
        best = best_epoch if best_epoch is not None else min(held, key=lambda item: item[1])[0]
        sizes = [13 if round(epoch) == round(best) else 6 for epoch, _ in held]
        symbols = ["star" if round(epoch) == round(best) else "circle" for epoch, _ in held]
        figure.add_trace(
            go.Scatter(
                x=[epoch for epoch, _ in held],
                y=[float(f"{loss:.4g}") for _, loss in held],
                mode="lines+markers",
                name="crops held out (star: kept)",
                line={"color": ODD[0], "width": 2, "dash": "dot"},
                marker={"size": sizes, "symbol": symbols},
                hovertemplate="epoch %{x:.0f}, held out: %{y:.3g}<extra></extra>",
            )
        )
    figure.update_layout(
        margin={"l": 48, "r": 8, "t": 8, "b": 36},
        height=CURVE_PX,
        xaxis_title="Epoch",
        yaxis_title="Loss",
        xaxis_range=[0, epochs],
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return figure
