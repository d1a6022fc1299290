"""``cli.py labels``: what a file of labels holds, as numbers and pictures."""

import argparse
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from core.errors import WrongUsage, did_you_mean

ABOUT = "count what a file of labels holds, before and after some are left out, and draw it"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="COCO, MegaDetector JSON, Camtrap DP or CSV")
    parser.add_argument("--images", type=Path, metavar="DIR", help="count which of the photos are in this folder")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="write pictures to this folder")
    parser.add_argument("--split", nargs="+", default=[], metavar="S", help="keep only the photos of these splits")
    parser.add_argument("--species", nargs="+", default=[], metavar="S", help="keep only these species")
    parser.add_argument(
        "--least-size",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="keep only boxes of at least this size: the side of a square of the same area, as a share of the photo's "
        "side, 0 to 1",
    )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Read, count, draw."""
    from core.formats.recognise import read_labels
    from core.labels.plots import draw_labels
    from core.labels.summary import summarise_file, summarise_labels
    from core.species import fold_name

    if not 0 <= arguments.least_size <= 1:
        raise WrongUsage(f"--least-size is a share of the photo's side, 0 to 1, got {arguments.least_size:g}.")
    labels = read_labels(arguments.file)
    everything = summarise_labels(labels, arguments.images) if arguments.images else summarise_file(labels)
    _check_known("split", arguments.split, set(everything.table["split"]), str)
    _check_known("species", arguments.species, set(everything.table["species"]), fold_name)
    kept = everything.keep(splits=arguments.split, species=arguments.species, least_size=arguments.least_size)
    drawn = draw_labels(everything, kept, arguments.plots) if arguments.plots else []
    return DONE, {
        "labels_read": [one.to_values() for one in everything.accounts],
        "photos": everything.n_photos,
        "labels": len(everything.table),
        "boxes": int(everything.table["has_box"].sum()),
        "kept_photos": kept.n_photos,
        "kept_labels": len(kept.table),
        "kept_boxes": int(kept.table["has_box"].sum()),
        "boxes_per_photo": {str(n): int(photos) for n, photos in kept.count_boxes_per_photo().items()},
        "species": kept.count_species().to_dict("records"),
        "plots": [str(path) for path in drawn],
        "problems": list(everything.problems),
    }


def _check_known(what: str, asked: Sequence[str], known: Collection[str], fold: Callable[[str], str]) -> None:
    folded = {fold(name) for name in known}
    for name in asked:
        if fold(name) not in folded:
            there = ", ".join(sorted(name for name in known if name)) or "none"
            raise WrongUsage(f"No label has the {what} {name!r}; there are: {there}.{did_you_mean(name, known)}")
