"""``cli.py explore``: lay a run's crops out on a plane, ahead of looking at them."""

import argparse
import json
import queue
import sys
import threading
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine

if TYPE_CHECKING:
    from core.maps.projection import Projection

PATIENCE_S = 3_600.0

ABOUT = "lay a run's crops out for the Explore page: PCA and a ladder of t-SNEs, or one projection"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", required=True, metavar="R")
    parser.add_argument("--projection", choices=("tsne", "umap", "pca"), help="only this one")
    parser.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE; default 30")
    parser.add_argument("--n-neighbors", type=int, default=15, metavar="N", help="of UMAP; default 15")
    parser.add_argument("--min-dist", type=float, default=0.1, metavar="D", help="of UMAP, 0 to 1; default 0.1")
    parser.add_argument("--seed", type=int, default=0, help="of UMAP; default 0")
    parser.add_argument(
        "--clusters",
        type=int,
        metavar="N",
        help="instead, group the crops by their look, N crops within reach making a core",
    )
    parser.add_argument(
        "--wait", action="store_true", help="get ready, then read the projection as a line of JSON from stdin"
    )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.maps.exploration import Exploration
    from core.maps.exploration_work import Cancelled
    from core.maps.projection import Projection, ProjectionKind

    run = open_project(arguments).run(arguments.run)
    exploration = Exploration.of(run)
    asked: Projection | None = None
    if arguments.wait:
        asked = _wait_for_projection()
        if asked is None:
            return DONE, {"run": run.run_id, "crops": exploration.n_crops, "projections": []}
    elif arguments.projection is not None:
        asked = Projection(
            kind=ProjectionKind(arguments.projection),
            perplexity=arguments.perplexity,
            n_neighbors=arguments.n_neighbors,
            min_dist=arguments.min_dist,
            seed=arguments.seed,
        )
    with ProgressLine("thousandths") as line:
        try:
            if arguments.clusters is not None:
                exploration.compute_tree(arguments.clusters, on_progress=line.show_progress)
                return DONE, {"run": run.run_id, "crops": exploration.n_crops, "clusters": arguments.clusters}
            if asked is None:
                made = exploration.compute_ladder(on_progress=line.show_progress)
            else:
                exploration.compute(asked, on_progress=line.show_progress)
                made = [asked]
        except Cancelled:
            return FAILED, {"error": "Cancelled; what was finished is kept. Start it again to go on."}
    return DONE, {"run": run.run_id, "crops": exploration.n_crops, "projections": [one.key for one in made]}


def _wait_for_projection() -> "Projection | None":
    """What the dashboard asks for; None if it ended, or asked for nothing in an hour."""
    import openTSNE.affinity
    import openTSNE.tsne  # noqa: F401  (loading it is what takes long)

    from core.maps.projection import Projection

    lines: queue.Queue[str] = queue.Queue()
    threading.Thread(target=lambda: lines.put(sys.stdin.readline()), daemon=True).start()
    try:
        line = lines.get(timeout=PATIENCE_S)
    except queue.Empty:
        return None
    return Projection.from_values(json.loads(line)) if line.strip() else None
