"""The controls above a plot of the Explore page: run, map, clusters."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from core.errors import AnomalureError
from core.maps.exploration import Exploration
from core.maps.projection import Projection, ProjectionKind, check_perplexity
from core.runs.folder import RunFolder
from core.study.project import Project
from ui.explore.state import change_side, choose_run
from ui.scatter.view import Method, Side
from ui.shared.messages import notice
from ui.shared.state import side_key

KIND_WORDS = {ProjectionKind.TSNE: "t-SNE", ProjectionKind.UMAP: "UMAP", ProjectionKind.PCA: "PCA"}
METHOD_WORDS = {Method.DBSCAN: "DBSCAN", Method.HDBSCAN: "HDBSCAN"}
ON_MAP, ON_EMBEDDINGS = "The map", "The embeddings"
MOST_NEIGHBOURS = 10_000


def show_run_choice(project: Project, run: RunFolder, side: int) -> None:
    """Choose the run whose crops are shown."""
    key = side_key("run", side)
    runs = {one.run_id: one for one in project.runs() if not one.problem}
    st.session_state[key] = run.run_id
    st.selectbox("Run", list(runs), key=key, on_change=lambda: choose_run(side, runs[st.session_state[key]]))


def show_choices(exploration: Exploration, side: Side, number: int, *, narrow: bool) -> None:
    """Choose how the crops of one plot are laid out and grouped, in one row, or in two if there is little space."""
    if narrow:
        kind = st.container()
        parameters, clusters = st.columns([7, 6], vertical_alignment="bottom")
    else:
        kind, parameters, clusters = st.columns([4, 4, 3], vertical_alignment="bottom")
    _show_map_choice(exploration, side, number, kind, parameters)
    with clusters:
        _show_cluster_choice(side, number)


def _show_map_choice(
    exploration: Exploration, side: Side, number: int, kind: DeltaGenerator, parameters: DeltaGenerator
) -> None:
    kind_key = side_key("kind", number)
    st.session_state[kind_key] = side.projection.kind
    kind.segmented_control(
        "Map",
        list(KIND_WORDS),
        format_func=KIND_WORDS.__getitem__,
        key=kind_key,
        required=True,
        width="stretch",
        on_change=lambda: _choose_kind(number),
        help="Each crop is a dot; crops that look alike to the encoder lie close together. t-SNE and UMAP show groups, "
        "PCA shows the overall spread.",
    )
    with parameters:
        if side.projection.kind is ProjectionKind.TSNE:
            _show_perplexity(exploration, side, number)
        elif side.projection.kind is ProjectionKind.UMAP:
            _show_umap(side, number)


def _choose_kind(number: int) -> None:
    kind = ProjectionKind(st.session_state[side_key("kind", number)])
    change_side(number, projection=Projection(kind=kind), eps=None, view=None)


def read_perplexity(text: str, *, n_crops: int) -> float:
    """Read a perplexity that the user typed.

    Raises:
        AnomalureError: If it is no number, or too high for so many crops.
    """
    try:
        perplexity = float(text.strip().replace(",", "."))
    except ValueError:
        raise AnomalureError(f"The perplexity must be a number such as 30, got {text.strip()!r}.") from None
    check_perplexity(perplexity, n_crops=n_crops)
    return perplexity


def _show_perplexity(exploration: Exploration, side: Side, number: int) -> None:
    key = side_key("perplexity", number)
    presets = [f"{preset.perplexity:g}" for preset in exploration.presets()]
    now = f"{side.projection.perplexity:g}"
    options = sorted({*presets, now}, key=float)
    st.session_state[key] = now

    def choose() -> None:
        try:
            perplexity = read_perplexity(str(st.session_state[key]), n_crops=exploration.n_crops)
        except AnomalureError as error:
            notice(str(error))
        else:
            change_side(number, projection=Projection(perplexity=perplexity), eps=None)

    st.selectbox(
        "Perplexity",
        options,
        key=key,
        accept_new_options=True,
        on_change=choose,
        help="About how many neighbours each crop keeps close to. Small: fine groups; large: the overall picture. "
        "Choose one, or type any other number.",
    )


def _show_umap(side: Side, number: int) -> None:
    near, apart = side_key("neighbors", number), side_key("min_dist", number)
    st.session_state[near], st.session_state[apart] = side.projection.n_neighbors, side.projection.min_dist

    def choose() -> None:
        projection = Projection(
            kind=ProjectionKind.UMAP, n_neighbors=int(st.session_state[near]), min_dist=float(st.session_state[apart])
        )
        change_side(number, projection=projection, eps=None)

    left, right = st.columns(2)
    left.number_input(
        "Neighbours",
        2,
        MOST_NEIGHBOURS,
        key=near,
        on_change=choose,
        help="Small: fine groups; large: the overall picture.",
    )
    right.number_input(
        "Least distance",
        0.0,
        1.0,
        step=0.05,
        key=apart,
        on_change=choose,
        help="How close two crops may lie: 0 packs groups tightly.",
    )


def _show_cluster_choice(side: Side, number: int) -> None:
    # The slider for the radius (eps) is beside the plot.
    method, least, size, where = (side_key(name, number) for name in ("method", "min", "size", "where"))
    st.session_state[method], st.session_state[where] = side.method, ON_MAP if side.on_map else ON_EMBEDDINGS
    st.session_state[least], st.session_state[size] = side.min_samples, side.min_cluster_size
    words = METHOD_WORDS[side.method]
    with st.popover(f"Clusters: {words}", icon=":material/workspaces:", width="stretch"):
        st.segmented_control(
            "Method",
            list(METHOD_WORDS),
            format_func=METHOD_WORDS.__getitem__,
            key=method,
            required=True,
            on_change=lambda: change_side(number, method=Method(st.session_state[method])),
            help="DBSCAN: crops within a radius (eps) of each other form a cluster; crops in no cluster are noise. "
            "HDBSCAN finds clusters of any density, without a radius.",
        )
        if side.method is Method.DBSCAN:
            st.number_input(
                "Neighbours that make a core (min_samples)",
                1,
                MOST_NEIGHBOURS,
                key=least,
                on_change=lambda: change_side(number, min_samples=int(st.session_state[least])),
                help="A crop with this many crops within the radius, itself included, is the core of a cluster. "
                "Larger: more noise.",
            )
        else:
            st.number_input(
                "Smallest cluster",
                2,
                MOST_NEIGHBOURS,
                key=size,
                on_change=lambda: change_side(number, min_cluster_size=int(st.session_state[size])),
                help="Groups of fewer crops are noise.",
            )
        st.segmented_control(
            "Distances on",
            [ON_MAP, ON_EMBEDDINGS],
            key=where,
            required=True,
            on_change=lambda: change_side(number, on_map=st.session_state[where] == ON_MAP, eps=None),
            help="The map: the distances that you see. The embeddings: the distances between the encoder's features, "
            "which no map shows without distortion.",
        )
