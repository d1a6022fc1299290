"""Plotly figures of the curves of runs that were compared with the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from core.evaluation.curves import Curves
from ui.shared.palettes import COLOURS, ODD, QUIET

DASHES = ("solid", "dash")
HEIGHT_PX = 340
_MARGIN = {"l": 10, "r": 10, "t": 10, "b": 44}


@dataclass(frozen=True)
class NamedCurves:
    """The curves of one run, the name that the page shows, and the point on the curves at which it flags."""

    name: str
    curves: Curves
    flagged_share: float
    recall_flagged: float
    false_alarm_rate: float


def build_roc_figure(runs: Sequence[NamedCurves], *, dark: bool = False) -> go.Figure:
    """Share of anomalies found against share of normal crops flagged; the diamond is the run's own threshold."""
    figure = _start(
        runs,
        lambda item: (item.curves.false_alarms, item.curves.recall),
        dark=dark,
        hover="%{y:.1%} of the anomalies at %{x:.1%} false alarms",
    )
    for i, item in enumerate(runs):
        _mark(figure, item.false_alarm_rate, item.recall_flagged, i, item, dark=dark)
    _add_chance(figure, [0, 1], [0, 1], dark=dark)
    return _finish(figure, "Normal crops flagged", "Anomalies found")


def build_precision_recall_figure(runs: Sequence[NamedCurves], *, dark: bool = False) -> go.Figure:
    """How many of the reviewed crops are anomalies, as more of the anomalies are found."""
    figure = _start(
        runs,
        lambda item: (item.curves.recall, item.curves.precision),
        dark=dark,
        hover="%{y:.1%} of the reviewed are anomalies when %{x:.1%} are met",
    )
    for i, item in enumerate(runs):
        if item.flagged_share > 0:
            precision = item.recall_flagged * item.curves.prevalence / item.flagged_share
            _mark(figure, item.recall_flagged, precision, i, item, dark=dark)
    chance = max((item.curves.prevalence for item in runs), default=0)
    _add_chance(figure, [0, 1], [chance, chance], dark=dark)
    return _finish(figure, "Anomalies found", "Anomalies among reviewed crops")


def build_effort_figure(runs: Sequence[NamedCurves], *, recall: float, dark: bool = False) -> go.Figure:
    """How many of all crops have to be reviewed, most anomalous first, to find a share of the anomalies."""
    figure = _start(
        runs,
        lambda item: (item.curves.reviewed, item.curves.recall),
        dark=dark,
        hover="%{y:.1%} of the anomalies in the first %{x:.1%}",
    )
    for i, item in enumerate(runs):
        _mark(figure, item.flagged_share, item.recall_flagged, i, item, dark=dark)
    _add_chance(figure, [0, 1], [0, 1], dark=dark)
    figure.add_hline(
        y=recall,
        line={"color": QUIET[dark], "width": 1, "dash": "dot"},
        annotation_text=f"{recall:.0%}",
        annotation_position="bottom right",
    )
    return _finish(figure, "Crops reviewed, oddest first", "Anomalies found")


def build_species_figure(rows: Sequence[dict[str, Any]], *, rate: float | None, dark: bool = False) -> go.Figure:
    """The share that is flagged of each species, with its interval; anomalies stand out.

    Args:
        rows: ``species, n, novel, share_flagged, interval`` (``[low, high]`` or None), in the order to draw.
        rate: The false-alarm rate that was promised for normal crops; None: not known.
        dark: Whether the page is dark.
    """
    figure = go.Figure()
    for novel, label in ((True, "anomaly"), (False, "known or empty")):
        shown = [row for row in rows if bool(row["novel"]) is novel]
        if not shown:
            continue
        share = [100 * row["share_flagged"] for row in shown]
        lows = [100 * (row["interval"] or [row["share_flagged"]] * 2)[0] for row in shown]
        highs = [100 * (row["interval"] or [row["share_flagged"]] * 2)[1] for row in shown]
        figure.add_trace(
            go.Bar(
                y=[f"{row['species']} ({row['n']:,})" for row in shown],
                x=share,
                orientation="h",
                name=label,
                marker={"color": ODD[dark] if novel else COLOURS[0][dark]},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [max(high - one, 0) for high, one in zip(highs, share, strict=True)],
                    "arrayminus": [max(one - low, 0) for low, one in zip(lows, share, strict=True)],
                    "thickness": 1.2,
                    "color": QUIET[dark],
                },
                hovertemplate="%{y}: %{x:.1f}% flagged<extra></extra>",
            )
        )
    if rate is not None:
        figure.add_vline(
            x=100 * rate,
            line={"color": QUIET[dark], "width": 1.5, "dash": "dot"},
            annotation_text=f"promised {100 * rate:g}%",
            annotation_position="top",
        )
    figure.update_layout(
        height=max(180, 34 * len(rows) + 100),
        margin={"l": 10, "r": 10, "t": 26, "b": 44},
        dragmode=False,
        xaxis={"title": "Flagged, %", "range": [0, 104]},
        yaxis={"automargin": True, "type": "category"},
        legend={"orientation": "h", "y": -0.25},
        bargap=0.3,
    )
    return figure


def _start(runs: Sequence[NamedCurves], pick: Any, *, dark: bool, hover: str) -> go.Figure:
    figure = go.Figure()
    for i, item in enumerate(runs):
        x, y = pick(item)
        figure.add_trace(
            go.Scatter(
                x=x.round(4).tolist(),
                y=y.round(4).tolist(),
                mode="lines",
                name=item.name,
                line={"color": COLOURS[i % len(COLOURS)][dark], "width": 2.5, "dash": DASHES[i % len(DASHES)]},
                hovertemplate=f"{hover}<extra>%{{fullData.name}}</extra>",
            )
        )
    return figure


def _mark(figure: go.Figure, x: float, y: float, i: int, item: NamedCurves, *, dark: bool) -> None:
    figure.add_trace(
        go.Scatter(
            x=[x],
            y=[y],
            mode="markers",
            name=f"flags of {item.name}",
            showlegend=False,
            marker={
                "symbol": "diamond",
                "size": 11,
                "color": COLOURS[i % len(COLOURS)][dark],
                "line": {"width": 1.5, "color": "#1A1F1C" if dark else "#FFFFFF"},
            },
            hovertemplate="what is flagged: %{y:.1%} at %{x:.1%}<extra>%{fullData.name}</extra>",
        )
    )


def _add_chance(figure: go.Figure, x: list[float], y: list[float], *, dark: bool) -> None:
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            mode="lines",
            name="chance",
            hoverinfo="skip",
            line={"color": QUIET[dark], "width": 1, "dash": "dot"},
        )
    )


def _finish(figure: go.Figure, x: str, y: str) -> go.Figure:
    axis = {"range": [-0.01, 1.02], "tickformat": ".0%", "nticks": 6}
    figure.update_layout(
        height=HEIGHT_PX,
        margin=_MARGIN,
        dragmode=False,
        xaxis={**axis, "title": x},
        yaxis={**axis, "title": y},
        legend={"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
    )
    return figure
