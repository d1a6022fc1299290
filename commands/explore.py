"""``cli.py explore``: lay a run's crops out on a plane, ahead of looking at them."""

import argparse
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project
from commands.progress_line import ProgressLine

ABOUT = "lay a run's crops out for the Explore page: PCA and a ladder of t-SNEs, or one projection"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", required=True, metavar="R")
    parser.add_argument("--projection", choices=("tsne", "umap", "pca"), help="only this one")
    parser.add_argument("--perplexity", type=float, default=30.0, metavar="P", help="of t-SNE; default 30")
    parser.add_argument("--n-neighbors", type=int, default=15, metavar="N", help="of UMAP; default 15")
    parser.add_argument("--min-dist", type=float, default=0.1, metavar="D", help="of UMAP, 0 to 1; default 0.1")
    parser.add_argument("--seed", type=int, default=0, help="of UMAP; default 0")


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    from core.explorations import Cancelled, Exploration
    from core.projection import Projection, ProjectionKind

    run = open_project(arguments).run(arguments.run)
    exploration = Exploration.of(run)
    with ProgressLine("thousandths") as line:
        try:
            if arguments.projection is None:
                made = exploration.compute_ladder(on_progress=line.show_progress)
            else:
                projection = Projection(
                    kind=ProjectionKind(arguments.projection), perplexity=arguments.perplexity,
                    n_neighbors=arguments.n_neighbors, min_dist=arguments.min_dist, seed=arguments.seed)  # fmt: skip
                exploration.compute(projection, on_progress=line.show_progress)
                made = [projection]
        except Cancelled:
            return FAILED, {"error": "Cancelled; what was finished is kept. Start it again to go on."}
    return DONE, {"run": run.run_id, "crops": exploration.n_crops, "projections": [one.key for one in made]}
