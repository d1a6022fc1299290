"""How often guesses are right: the crops of the wildlife season in the truth's boxes, by species.

    python bench/guesses.py [--images DIR --truth COCO_FILE --split SPLIT]

Three of the five species (deer, turkey, raccoon) are not among the 1,000 classes, so no guess about them can be right.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from core.formats.recognise import read_labels  # noqa: E402  (the project must be on the path first)
from core.settings.run import RunSettings  # noqa: E402
from models.bundles.training import embed_labelled  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.sections import CLASSES, find_section  # noqa: E402
from models.encoders.spec import bundled_encoder  # noqa: E402
from models.guesses.guess import guess_group, guess_names, say_guess  # noqa: E402
from models.guesses.names import find_own_names  # noqa: E402

WILDLIFE = ROOT.parent / "shared" / "data" / "wildlife"
SPEED_ROWS = 100_000


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", type=Path, default=WILDLIFE / "images")
    options.add_argument("--truth", type=Path, default=WILDLIFE / "annotations.json")
    options.add_argument("--split", default="season")
    asked = options.parse_args()
    encoder = load_encoder((bundled_encoder(),))
    photos = [photo for photo in read_labels(asked.truth).photos if photo.split == asked.split]
    crops = embed_labelled(photos, asked.images, encoder=encoder, settings=RunSettings())
    scores = crops.rows()[:, find_section((bundled_encoder(),), crops.sections, CLASSES)]
    print_table(scores, np.array(crops.species, dtype=object))
    many = np.resize(scores.astype(np.float16), (SPEED_ROWS, scores.shape[1]))
    started = time.process_time()
    guess_names(many)
    print(f"\n{SPEED_ROWS:,} crops: {time.process_time() - started:.1f} s of processor time")


def print_table(scores: np.ndarray, species: np.ndarray) -> None:
    """A row for each species: how often a guess is right, and what its crops look like instead."""
    names, shares = guess_names(scores)
    own = find_own_names(sorted(set(species)))
    called = np.array([[own.get(name, name) for name in row] for row in names], dtype=object)
    print("| species | crops | first guess right | one of three right | first guesses | as a group |")
    print("|---|---|---|---|---|---|")
    for name, n in Counter(species).most_common():
        rows = species == name
        right = called[rows] == name
        first = ", ".join(f"{one} {k / n:.0%}" for one, k in Counter(called[rows, 0]).most_common(4))
        group = say_guess(guess_group(called[rows], shares[rows]))
        figures = f"{right[:, 0].mean():.2f} | {right.any(axis=1).mean():.2f}"
        print(f"| {name or 'whole frames'} | {n} | {figures} | {first} | {group} |")


if __name__ == "__main__":
    main()
