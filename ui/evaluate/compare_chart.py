"""A Plotly figure of a comparison: the mean of each pair with its interval."""

from collections.abc import Sequence

import plotly.graph_objects as go

from models.comparison.table import Row, Standing
from ui.shared.palettes import COLOURS, QUIET

MOST_SHOWN = 20


def build_comparison_figure(rows: Sequence[Row], *, dark: bool = False) -> go.Figure:
    """The best pairs from above to below: those that cannot be told from the best in colour, the others in grey.

    Where events are too few to say, the points are hollow.
    """
    shown = list(reversed(rows[:MOST_SHOWN]))
    names = [f"{row.encoder}, {row.one_class}" for row in shown]
    figure = go.Figure()
    for standings, label, colour, symbol in (
        ((Standing.BEST, Standing.ALIKE), "best, or not told from it", COLOURS[0][dark], "circle"),
        ((Standing.WORSE,), "worse", QUIET[dark], "circle"),
        ((Standing.NOT_KNOWN,), "too few events to say", QUIET[dark], "circle-open"),
    ):
        own = [(name, row) for name, row in zip(names, shown, strict=True) if row.standing in standings]
        if not own:
            continue
        lows = [100 * (row.auroc - (row.interval or [row.auroc])[0]) for _, row in own]
        highs = [100 * ((row.interval or [row.auroc])[-1] - row.auroc) for _, row in own]
        figure.add_trace(
            go.Scatter(
                x=[100 * row.auroc for _, row in own],
                y=[name for name, _ in own],
                mode="markers",
                name=label,
                marker={"color": colour, "size": 9, "symbol": symbol},
                error_x={"type": "data", "symmetric": False, "array": highs, "arrayminus": lows, "thickness": 1.4},
                hovertemplate="%{y}: %{x:.1f}%<extra></extra>",
            )
        )
    figure.update_layout(
        height=90 + 24 * len(shown),
        margin={"l": 10, "r": 10, "t": 10, "b": 44},
        dragmode=False,
        xaxis={"title": "AUROC, mean over unknown species, %"},
        yaxis={"automargin": True, "type": "category", "categoryorder": "array", "categoryarray": names},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure
