"""``cli.py crops``: labelled crops as pictures and a table."""

import argparse
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import add_label_source, add_settings, read_seed, read_settings
from commands.progress_line import ProgressLine

ABOUT = "cut labelled crops out, with a CSV of file names and labels, split by event"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_label_source(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for crops and crops.csv")
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument("--val-share", type=float, default=0.2, help="share of the crops held out, by whole events")
    parser.add_argument("--seed", type=read_seed, default=0, help="random seed of the choice of events")
    add_settings(parser)


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Cut out, count, write."""
    from core.labels.crop_folder import write_crop_folder
    from core.labels.crops import choose_split
    from core.labels.meeting import account_for_folder
    from core.labels.source import read_label_source

    labels = read_label_source(arguments.images, labels=arguments.coco, species=arguments.labels)
    read = [one.to_values() for one in account_for_folder(labels, arguments.images)]
    with ProgressLine("photos") as line:
        made = write_crop_folder(
            choose_split(labels, arguments.split),
            arguments.images,
            arguments.out,
            settings=read_settings(arguments),
            val_share=arguments.val_share,
            seed=arguments.seed,
            file_problems=labels.problems,
            on_progress=line.show,
        )
    return DONE, {
        "out": str(made.folder),
        "crops": made.n_crops,
        **made.counts,
        "problems": list(made.problems),
        "labels_read": read,
    }
