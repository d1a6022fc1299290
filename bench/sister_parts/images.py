"""Images: whole images by colour, texture or embedding, with every one-class model."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bench.targets import Target, at_least, within
from core.evaluation.metrics import compute_auroc
from core.settings.images import COLOUR_SPACES, ImageSettings
from models.images.descriptors.descriptor import list_descriptors, make_descriptor
from models.images.folder import describe_folder
from models.images.model import OUTLIER, fit_images
from models.one_class.methods import list_one_class

ABOUT = "Images: whole images that are unlike normal ones"
SCENES = Path(__file__).resolve().parents[3] / "shared/data/scenes"
LEAST_AUROC = 0.98
QUICK_MODELS = ("isolation_forest", "ocsvm")
USUAL = ("texture", "isolation_forest")
"""What the command and the page choose unless told otherwise. It was chosen on these images, so its figures flatter."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument(
        "--scenes",
        type=Path,
        default=SCENES,
        metavar="DIR",
        help="images as train/NORMAL/, test/NORMAL/ and test/OTHER/; one normal kind, any number of others",
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any] | None:
    """AUROC, and the shares of normal and other test images that are called outliers, by descriptor and model."""
    root: Path = arguments.scenes
    if not (root / "train").is_dir() or not (root / "test").is_dir():
        return None
    (normal,) = (folder.name for folder in sorted((root / "train").iterdir()) if folder.is_dir())
    others = sorted(folder.name for folder in (root / "test").iterdir() if folder.is_dir() and folder.name != normal)
    rows: dict[str, dict[str, Any]] = {}
    for label, name, settings in _list_descriptors(quick=arguments.quick):
        descriptor = make_descriptor(name, settings)
        learned = describe_folder(root / "train" / normal, descriptor)
        width = sum(descriptor.sections)
        asked = {kind: describe_folder(root / "test" / kind, descriptor).stack(width) for kind in (normal, *others)}
        novel = np.concatenate([np.full(len(part), kind != normal) for kind, part in asked.items()])
        together = np.concatenate(list(asked.values()))
        for one_class in QUICK_MODELS if arguments.quick else list_one_class():
            model = fit_images(
                learned.stack(width), learned.content_ids, descriptor=descriptor, name=name, one_class=one_class
            )
            found = model.answer(together)
            odd = found.answers == OUTLIER
            rows.setdefault(label, {})[one_class] = {
                "auroc": compute_auroc(found.scores, novel=novel),
                "false_alarms": float(odd[~novel].mean()),
                "found": float(odd[novel].mean()),
            }
    return {
        "normal": normal,
        "others": others,
        "n_learned": len(learned.file_names),
        "n_normal": int((~novel).sum()),
        "n_others": int(novel.sum()),
        "models": rows,
    }


def _list_descriptors(*, quick: bool) -> list[tuple[str, str, ImageSettings]]:
    """Their names in the table, and what they are made from; ``quick``: one colour space."""
    spaces = COLOUR_SPACES[1:2] if quick else COLOUR_SPACES
    found = []
    for name in list_descriptors():
        if name == "colour_histogram":
            found += [(f"{name}, {space}", name, ImageSettings(colour_space=space)) for space in spaces]
        else:
            found.append((name, name, ImageSettings()))
    return found


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """The best must be good, and the usual choice must keep its promise."""
    best = max(row["auroc"] for rows in figures["models"].values() for row in rows.values())
    usual = figures["models"][USUAL[0]][USUAL[1]]
    return [
        at_least("images: AUROC of the best descriptor and model", best, LEAST_AUROC),
        at_least("images: AUROC of the usual choice", usual["auroc"], LEAST_AUROC),
        within("images: normal ones called outliers at 5%, usual choice", usual["false_alarms"], 0.0, 0.1),
    ]


def print_figures(figures: dict[str, Any]) -> None:
    """AUROC of each, with the false alarms and the share found at a promised 5%."""
    print(
        f"{figures['n_learned']} images of {figures['normal']} are learned; {figures['n_normal']} others of "
        f"{figures['normal']} and {figures['n_others']} of {', '.join(figures['others'])} are asked for. AUROC "
        "(false alarms, found at a promised 5%):\n"
    )
    methods = list(next(iter(figures["models"].values())))
    print(f"| described by | {' | '.join(methods)} |\n|---|{'---|' * len(methods)}")
    for label, rows in figures["models"].items():
        cells = (f"{row['auroc']:.3f} ({row['false_alarms']:.2f}, {row['found']:.2f})" for row in rows.values())
        print(f"| {label} | {' | '.join(cells)} |")


class PART:
    """What ``bench/sisters.py`` calls."""

    ABOUT = ABOUT
    add_options = staticmethod(add_options)
    measure = staticmethod(measure)
    list_targets = staticmethod(list_targets)
    print_figures = staticmethod(print_figures)
