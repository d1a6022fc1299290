"""``cli.py yolo``: labelled photos as a YOLO dataset."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from commands.exit_codes import DONE
from commands.options import add_label_source, add_settings, read_seed, read_settings
from commands.progress_line import ProgressLine

if TYPE_CHECKING:
    from core.labels.yolo import YoloDataset

ABOUT = "write a YOLO dataset (images, labels, data.yaml) from labelled photos"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    add_dataset(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for the dataset")
    parser.add_argument("--seed", type=read_seed, default=0, help="random seed of the choice of events")
    add_settings(parser)


def add_dataset(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """The labelled photos and classes to write."""
    add_label_source(parser, required=required)
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument(
        "--by-species", action="store_true", help="one class for each species; default: a single class, animal"
    )
    parser.add_argument("--val-share", type=float, default=0.2, help="share of the photos held out, by whole events")


def write_dataset(arguments: argparse.Namespace, out_dir: Path) -> "YoloDataset":
    """The dataset that the options ask for."""
    from core.labels.crops import choose_split
    from core.labels.source import read_label_source
    from core.labels.yolo import write_yolo_dataset

    labels = read_label_source(arguments.images, labels=arguments.coco, species=arguments.labels)
    with ProgressLine("photos") as line:
        return write_yolo_dataset(
            choose_split(labels, arguments.split),
            arguments.images,
            out_dir,
            settings=read_settings(arguments),
            by_species=arguments.by_species,
            val_share=arguments.val_share,
            seed=arguments.seed,
            file_problems=labels.problems,
            on_progress=line.show,
        )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Read, split, write."""
    made = write_dataset(arguments, arguments.out)
    return DONE, {
        "out": str(made.folder),
        "classes": list(made.class_names),
        "photos": made.n_photos,
        "boxes": made.n_boxes,
        "problems": list(made.problems),
    }
