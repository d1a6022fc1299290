"""Figures of a run: tables in, Plotly figures out. The page's theme gives fonts and background."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from ui.scatter.colours import name_species
from ui.shared.palettes import ODD, QUIET

CURVE_POINTS = 400
MOST_VIOLINS = 30
MOST_VIOLIN_SCORES = 2_000
USUAL_LIMIT = 1.0
"""The score from which 5% of normal crops would be flagged."""
FEWEST_FOR_SHAPE = 5
SEED = 20261125
_SMALL = {"l": 44, "r": 6, "t": 4, "b": 34}


def build_k_distance_figure(k_distances: np.ndarray, *, k: int, knee: float | None) -> go.Figure:
    """The k-distance curve: the distance of each crop to its k-th nearest crop, sorted.

    Args:
        k_distances: Sorted ascending, shape ``(n,)``; infinite ones are left out.
        k: Points within the distance, itself included (min_samples).
        knee: The suggested eps, marked on the curve; None: there is none.

    Source: Ester et al., KDD 1996.
    """
    finite = np.asarray(k_distances, dtype=float)
    finite = finite[np.isfinite(finite)]
    at = np.unique(np.linspace(0, max(len(finite) - 1, 0), min(CURVE_POINTS, len(finite))).astype(int))
    figure = go.Figure(
        go.Scatter(
            x=(at + 1).tolist(),
            y=[float(f"{y:.5g}") for y in finite[at]],
            mode="lines",
            name="distance",
            hovertemplate="eps %{y:.3g}<extra></extra>",
        )
    )
    if knee is not None and len(finite):
        place = int(np.searchsorted(finite, knee))
        figure.add_trace(
            go.Scatter(
                x=[place + 1],
                y=[float(knee)],
                mode="markers",
                name="knee",
                marker={"size": 9, "symbol": "diamond", "color": ODD[0]},
                hovertemplate="suggested: %{y:.3g}<extra></extra>",
            )
        )
    figure.update_layout(
        margin=_SMALL,
        showlegend=False,
        meta={"eps_along": "y"},
        xaxis_title=f"Crops, sorted by k-distance (k = {k:,})",
        yaxis_title="k-distance",
        yaxis_rangemode="tozero",
        xaxis_nticks=4,
        yaxis_nticks=4,
        template=None,
        dragmode=False,
    )
    return figure


def build_noise_share_figure(eps: np.ndarray, shares: np.ndarray) -> go.Figure:
    """The share of crops that are noise at each eps.

    Args:
        eps: Rising, shape ``(m,)``.
        shares: Share of noise among all crops, 0 to 1, shape ``(m,)``.
    """
    figure = go.Figure(
        go.Scatter(
            x=[float(f"{x:.4g}") for x in eps],
            y=[round(100 * float(share), 2) for share in shares],
            mode="lines",
            name="noise",
            hovertemplate="eps %{x:.3g}: %{y:.1f}% noise<extra></extra>",
        )
    )
    figure.update_layout(
        margin=_SMALL,
        showlegend=False,
        meta={"eps_along": "x"},
        xaxis_title="eps",
        yaxis_title="Noise (%)",
        yaxis_range=[0, 102],
        xaxis_nticks=5,
        yaxis_nticks=3,
        template=None,
        dragmode=False,
    )
    return figure


def build_score_figure(
    facts: pd.DataFrame, *, colours: dict[str, str], dark: bool = False, most: int = MOST_VIOLINS
) -> go.Figure:
    """Scores by species: a violin for each, with a line at the lowest score that is flagged.

    Args:
        facts: One row a crop, with ``species, kind, detector_class, score, flagged``; crops without a score are left
            out.
        colours: The colour of each species by its shown name.
        dark: Whether the page is dark.
        most: Number of species that are drawn at most: those with most crops.

    Of a species with very many crops a fixed sample is drawn, which includes all flagged ones.
    """
    table = facts.assign(name=name_species(facts)).dropna(subset=["score"])
    by_one_limit = table.loc[table["flagged"], "score"].min() > table.loc[~table["flagged"], "score"].max()
    common_limit = find_threshold(table) if by_one_limit else None
    names = table["name"].value_counts().index[:most].tolist()
    ink, odd = "#C9CFCB" if dark else "#4A534E", ODD[dark]
    figure = go.Figure()
    for name in reversed(names):  # the first one is on top
        rows = table[table["name"] == name]
        shown = thin_scores(rows)
        colour = colours.get(name, QUIET[dark])
        common = {
            "x": shown["score"].round(4).tolist(),
            "y": [name] * len(shown),
            "name": name,
            "orientation": "h",
            "marker": {"size": 3, "color": colour, "opacity": 0.55},
            "showlegend": False,
            "hovertemplate": "score %{x:.2f}<extra></extra>",
        }
        if len(rows) >= FEWEST_FOR_SHAPE and rows["score"].std() > 0:
            figure.add_trace(
                go.Violin(
                    **common,
                    points="outliers" if len(rows) > 150 else "all",
                    jitter=0.3,
                    pointpos=0,
                    side="both",
                    spanmode="hard",
                    width=0.86,
                    line={"width": 1.2, "color": colour},
                    meanline={"visible": False},
                )
            )
        else:
            figure.add_trace(go.Scatter(**common | {"mode": "markers", "marker": {"size": 7, "color": colour}}))
        threshold = find_threshold(rows) if common_limit is None else common_limit
        if threshold is not None and rows["flagged"].any():
            figure.add_trace(
                go.Scatter(
                    x=[threshold],
                    y=[name],
                    mode="markers",
                    showlegend=False,
                    name="threshold",
                    marker={"symbol": "line-ns", "size": 26, "line": {"width": 2.5, "color": odd}},
                    hovertemplate=f"flagged from {threshold:.2f} on<extra></extra>",
                )
            )
    figure.update_layout(
        height=max(220, 62 * len(names) + 90),
        margin={"l": 10, "r": 10, "t": 10, "b": 50},
        xaxis={"title": "Score (0: an ordinary crop; higher is more anomalous)", "zeroline": True},
        yaxis={"automargin": True, "type": "category"},
        violingap=0.15,
        dragmode=False,
        font={"color": ink},
    )
    return figure


def find_threshold(rows: pd.DataFrame) -> float | None:
    """The score above which crops are flagged; None without flags.

    Units are such that it is 1 at the usual rate. Where that does not part the crops, it is half-way between the
    nearest two.
    """
    flagged, others = rows.loc[rows["flagged"], "score"], rows.loc[~rows["flagged"], "score"]
    if flagged.empty:
        return None
    lowest = float(flagged.min())
    below = others[others < lowest].max()
    if not below >= USUAL_LIMIT and lowest >= USUAL_LIMIT:
        return USUAL_LIMIT
    return lowest if np.isnan(below) else (lowest + float(below)) / 2


def thin_scores(rows: pd.DataFrame, *, most: int = MOST_VIOLIN_SCORES) -> pd.DataFrame:
    """The flagged rows and at most ``most`` others, the same ones each time."""
    if len(rows) <= most:
        return rows
    rest = rows[~rows["flagged"]]
    return pd.concat([rows[rows["flagged"]].head(most), rest.sample(min(most, len(rest)), random_state=SEED)])


def build_hour_figure(times: pd.Series, everything: pd.Series, *, dark: bool = False) -> go.Figure:
    """Anomalies by hour of the day, with the number to expect from the times of all crops.

    Args:
        times: When the anomalies were taken, in the camera's own time; those without a time are left out.
        everything: When all crops were taken.
        dark: Whether the page is dark.
    """
    hours = list(range(24))
    found = _count_by(pd.to_datetime(times).dt.hour, hours)
    usual = _count_by(pd.to_datetime(everything).dt.hour, hours)
    expected = usual * (found.sum() / max(usual.sum(), 1))
    figure = go.Figure(
        [
            go.Bar(
                x=hours,
                y=found.tolist(),
                name="Anomalies",
                marker_color=ODD[dark],
                hovertemplate="%{x} h: %{y}<extra></extra>",
            ),
            go.Scatter(
                x=hours,
                y=expected.round(2).tolist(),
                name="Expected from all crops",
                mode="lines",
                line={"shape": "hvh", "color": QUIET[dark], "width": 2},
                hoverinfo="skip",
            ),
        ]
    )
    figure.update_layout(
        height=300,
        bargap=0.15,
        margin={"l": 10, "r": 10, "t": 30, "b": 40},
        dragmode=False,
        xaxis={"title": "Hour of day", "tickvals": hours[::3]},
        yaxis={"title": "Anomalies"},
        legend={"orientation": "h", "y": 1.12, "x": 0},
    )
    return figure


def build_day_figure(times: pd.Series, everything: pd.Series, *, dark: bool = False) -> go.Figure:
    """Anomalies by day; days with photos but without anomalies are shown as 0.

    Args:
        times: When the anomalies were taken.
        everything: When all crops were taken.
        dark: Whether the page is dark.
    """
    all_days = pd.to_datetime(everything).dropna().dt.floor("D")
    days = pd.date_range(all_days.min(), all_days.max(), freq="D") if len(all_days) else pd.DatetimeIndex([])
    found = _count_by(pd.to_datetime(times).dt.floor("D"), list(days))
    figure = go.Figure(
        go.Bar(
            x=[day.strftime("%Y-%m-%d") for day in days],
            y=found.tolist(),
            marker_color=ODD[dark],
            name="Anomalies",
            hovertemplate="%{x}: %{y}<extra></extra>",
        )
    )
    figure.update_layout(
        height=300,
        margin={"l": 10, "r": 10, "t": 30, "b": 40},
        dragmode=False,
        xaxis={"title": "Day", "type": "date"},
        yaxis={"title": "Anomalies"},
    )
    return figure


def _count_by(values: pd.Series, places: list) -> np.ndarray:
    return values.value_counts().reindex(places, fill_value=0).to_numpy()
