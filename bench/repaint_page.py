"""``?n=20000&plot=plain`` draws points with st.plotly_chart inside a fragment, ``&plot=ours`` with our component.

Both are coloured by the clusters of the same tree at the eps that is typed.
"""

from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from core.maps.clusters import ClusterTree, build_tree
from core.maps.projection import Projection
from ui.scatter.colours import colour_points, list_cluster_marks
from ui.scatter.data import build_plot_data, group_by_tree
from ui.scatter.memory import code_labels
from ui.scatter.plot import EVENTS, show_plot
from ui.scatter.view import Side, View

FIRST_EPS = 0.3


@st.cache_resource
def make_points(n: int) -> tuple[np.ndarray, ClusterTree]:
    """Forty groups with a tenth of the points scattered between them, and their tree."""
    rng = np.random.default_rng(20261125)
    centres = rng.uniform(-40, 40, (40, 2))
    points = centres[rng.integers(40, size=n)] + rng.normal(size=(n, 2)) * 2
    points[: n // 10] = rng.uniform(-48, 48, (n // 10, 2))
    points = points.astype(np.float32)
    return points, build_tree(points, min_samples=10)


@st.fragment
def show_plain(points: np.ndarray, tree: ClusterTree) -> None:
    """The obvious way: float32 arrays, one trace, colours as numbers, zoom kept."""
    eps = st.number_input("eps", value=FIRST_EPS, step=0.001, format="%.3f")
    marks = list_cluster_marks()
    codes = code_labels(tree.cut(eps))
    places = np.where(codes == 0, 0, 1 + (codes.astype(int) - 1) % (len(marks) - 1)).astype(np.float32)
    last = len(marks) - 1
    figure = go.Figure(
        go.Scattergl(
            x=points[:, 0],
            y=points[:, 1],
            mode="markers",
            hoverinfo="skip",
            marker={
                "size": 5,
                "color": places,
                "cmin": 0,
                "cmax": last,
                "colorscale": [[k / last, mark["light"]] for k, mark in enumerate(marks)],
            },
        )
    )
    figure.update_layout(height=640, uirevision="keep", title=f"eps {eps:.3f}")
    st.plotly_chart(figure, key="plain")


@st.fragment
def show_ours(points: np.ndarray, tree: ClusterTree) -> None:
    """The plot of the Explore page."""
    facts = pd.DataFrame({"species": np.array(["fox", "hare"])[np.arange(len(points)) % 2]})
    facts = facts.assign(kind="detection", detector_class="animal")
    side = Side(eps=st.session_state.get("eps", FIRST_EPS))
    view = View(sides=(side,), colour="cluster")
    data = build_plot_data(
        view=view,
        side=0,
        points=points,
        run_name="bench",
        projection=Projection(),
        points_key=str(len(points)),
        species=colour_points(facts, "species"),
        colouring=colour_points(facts, "cluster"),
        grouping=load_grouping(len(points)),
        selected=None,
        facts="",
    )

    def keep_eps(eps: Any) -> None:
        st.session_state["eps"] = float(eps)

    show_plot("ours", data, {event: keep_eps if event == "eps" else lambda _: None for event in EVENTS})


@st.cache_resource
def load_grouping(n: int) -> Any:
    """The tree with its curves."""
    points, tree = make_points(n)
    return group_by_tree(tree, key=f"bench-{n}", points=points)


st.set_page_config(layout="wide")
shown = show_ours if st.query_params.get("plot") == "ours" else show_plain
shown(*make_points(int(st.query_params.get("n", "20000"))))
