"""``cli.py explore``: compute maps of a run's crops before somebody looks at them."""

import argparse
from typing import Any

from commands.exit_codes import DONE, FAILED
from commands.options import open_project, read_seed
from commands.progress_line import SHARES, ProgressLine
from core.errors import WrongUsage

ABOUT = "compute maps of a run's crops for the Explore page: PCA and t-SNEs at preset perplexities, or one projection"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("--run", required=True, metavar="R")
    parser.add_argument("--projection", choices=("tsne", "umap", "pca"), help="compute only this projection")
    parser.add_argument("--perplexity", type=float, metavar="P", help="of t-SNE; default 30")
    parser.add_argument("--n-neighbors", type=int, metavar="N", help="of UMAP; default 15")
    parser.add_argument("--min-dist", type=float, metavar="D", help="of UMAP, 0 to 1; default 0.1")
    parser.add_argument("--seed", type=read_seed, default=0, help="of UMAP; default 0")
    parser.add_argument(
        "--clusters",
        type=int,
        metavar="N",
        help="compute only the clusters of the embeddings; N crops within eps make a core point (min_samples)",
    )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Compute the maps; finished ones are kept."""
    from core.maps.exploration import Exploration
    from core.maps.projection import Projection, ProjectionKind
    from core.work.meter import Cancelled
    from models.jobs import registry
    from models.jobs.maps import make_request

    for option, kind in (("perplexity", "tsne"), ("n_neighbors", "umap"), ("min_dist", "umap")):
        if getattr(arguments, option) is not None and arguments.projection != kind:
            raise WrongUsage(f"--{option.replace('_', '-')} needs --projection {kind}.")
    project = open_project(arguments)
    projection = None
    if arguments.projection is not None:
        projection = Projection(
            kind=ProjectionKind(arguments.projection),
            perplexity=30.0 if arguments.perplexity is None else arguments.perplexity,
            n_neighbors=15 if arguments.n_neighbors is None else arguments.n_neighbors,
            min_dist=0.1 if arguments.min_dist is None else arguments.min_dist,
            seed=arguments.seed,
        )
    request = make_request(Exploration(project.run(arguments.run)), projection, min_samples=arguments.clusters)
    with ProgressLine(SHARES) as line:
        try:
            return DONE, registry.do_at_once(project, request, on_progress=line.show_progress)
        except Cancelled:
            return FAILED, {"error": "Cancelled; what was finished is kept. Start it again to continue."}
