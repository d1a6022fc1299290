"""``cli.py synthesize``: photos with blended-in animals, and where they are."""

import argparse
from dataclasses import fields
from pathlib import Path
from typing import Any

from commands.exit_codes import DONE
from commands.options import add_label_source
from commands.progress_line import ProgressLine

ABOUT = "make synthetic anomalies: animals blended into other photos, with boxes as COCO"


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this command."""
    from core.labels.synthesis import SynthesisSettings

    add_label_source(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder for photos and truth")
    parser.add_argument("--split", help="only the photos of this split of the labels")
    parser.add_argument("--species", nargs="+", metavar="S", help="only these animals are cut out; default: all")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="DIR", help="photos to blend into; default: those of --images"
    )
    parser.add_argument(
        "--backgrounds-coco",
        type=Path,
        metavar="FILE",
        help="labels of --backgrounds; default: all of them count as empty",
    )
    help_of = {
        "n_photos": "photos to make",
        "per_photo": "animals in each",
        "least_size": "smallest animal, as a share of the photo's shorter side",
        "most_size": "largest animal, likewise",
        "opacity": "1 is solid; lower lets the background shine through",
        "hue_shift": "degrees by which an animal's colours are turned, so that a known species looks strange",
        "seed": "random seed: another one gives other photos",
    }
    defaults = SynthesisSettings()
    for setting in fields(SynthesisSettings):
        default = getattr(defaults, setting.name)
        parser.add_argument(
            "--" + setting.name.replace("_", "-"),
            type=type(default),
            default=default,
            help=f"{help_of[setting.name]}; default {default}",
        )


def job(arguments: argparse.Namespace) -> tuple[int, dict[str, Any]]:
    """Cut out, blend, write."""
    from core.formats.labelled import Label, LabelledPhoto
    from core.formats.recognise import read_labels
    from core.labels.crops import choose_species, choose_split
    from core.labels.source import read_label_source
    from core.labels.synthesis import SynthesisSettings, synthesize_anomalies
    from core.photos.reading import find_photos
    from core.settings.run import RunSettings
    from core.species import EMPTY

    labels = read_label_source(arguments.images, labels=arguments.coco, species=arguments.labels)
    animals = choose_split(labels, arguments.split)
    wanted = animals if arguments.species is None else choose_species(animals, arguments.species)
    backgrounds, backgrounds_dir = animals, arguments.images
    if arguments.backgrounds is not None:
        backgrounds_dir = arguments.backgrounds
        if arguments.backgrounds_coco is not None:
            backgrounds = list(read_labels(arguments.backgrounds_coco).photos)
        else:
            names = find_photos(backgrounds_dir).file_names
            backgrounds = [LabelledPhoto(name, (Label(EMPTY),)) for name in names]
    chosen = {setting.name: getattr(arguments, setting.name) for setting in fields(SynthesisSettings)}
    with ProgressLine("photos") as line:
        made = synthesize_anomalies(
            wanted,
            arguments.images,
            backgrounds,
            backgrounds_dir,
            arguments.out,
            settings=SynthesisSettings(**chosen),
            run_settings=RunSettings(),
            on_progress=line.show,
        )
    return DONE, {
        "out": str(made.folder),
        "truth": str(made.truth),
        "photos": made.n_photos,
        "animals": made.n_animals,
        "cut_out": made.n_cut_out,
        "backgrounds": made.n_backgrounds,
        "problems": [*labels.problems, *made.problems],
        "labels_read": [one.to_values() for one in labels.accounts],
    }
