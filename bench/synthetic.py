"""Compares the recall on synthetic anomalies with the recall on real ones.

    python bench/synthetic.py [--quick] [--json]

`cli.py synthesize` pastes animals into empty photos, to check a bundle where no real anomaly is known. Here the answer
is known: each species of the wildlife season in turn is left out of a bundle, and the share of its real crops that is
flagged stands beside that of its pasted ones, and beside that of pasted animals of the species that the bundle knows:
those are flagged for the pasting alone. Default encoder, truth boxes. Needs ../shared/data.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)

from bench.quality import KNOWN, NOVEL, SPEC, TRUTH, WILDLIFE  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.labels.crops import choose_species  # noqa: E402
from core.labels.synthesis import SynthesisSettings, synthesize_anomalies  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from models.bundles.training import TrainingCrops, embed_labelled  # noqa: E402
from models.encoders.loading import load_encoder  # noqa: E402
from models.encoders.sections import weigh_sections  # noqa: E402
from models.judging.judge import fit_judge  # noqa: E402

RATE = 0.05
N_PHOTOS, QUICK_PHOTOS = 80, 24
OPACITIES = {"solid": 1.0, "mildly transparent": 0.85}
_SYNTHETIC = "synthetic "


def measure(*, quick: bool) -> dict[str, Any]:
    """Species left out to shares flagged: ``real``, and by opacity ``unknown`` and ``known``, both pasted."""
    truth = read_labels(TRUTH)
    images = WILDLIFE / "images"
    encoder = load_encoder(SPEC)

    def embed(photos: list[Any], folder: Path) -> TrainingCrops:
        return embed_labelled(photos, folder, encoder=encoder, settings=RunSettings())

    train = embed([photo for photo in truth.photos if photo.split == "train"], images)
    season_photos = [photo for photo in truth.photos if photo.split == "season"]
    season = embed(season_photos, images)
    novels = (NOVEL,) if quick else (NOVEL, *KNOWN)
    pasted: dict[str, dict[str, TrainingCrops]] = {opacity: {} for opacity in OPACITIES}
    with tempfile.TemporaryDirectory() as folder:
        for opacity, value in OPACITIES.items():
            for species in (NOVEL, *KNOWN):
                made = synthesize_anomalies(
                    choose_species(season_photos, [species]),
                    images,
                    season_photos,
                    images,
                    Path(folder) / f"{species} {opacity}",
                    run_settings=RunSettings(),
                    settings=SynthesisSettings(n_photos=QUICK_PHOTOS if quick else N_PHOTOS, opacity=value),
                )
                pasted[opacity][species] = embed(list(read_labels(made.truth).photos), made.folder / "images")
    figures: dict[str, Any] = {}
    learnt, groups = np.array(train.species, dtype=object), np.array(train.groups(gap_s=60.0), dtype=object)
    for novel in novels:
        known = [species for species in KNOWN if species != novel]
        use = np.isin(learnt, known)
        judge = fit_judge(
            train.rows()[use],
            learnt[use].tolist(),
            groups[use].tolist(),
            sections=train.sections,
            weights=weigh_sections((SPEC,), train.sections),
        )

        def share_flagged(crops: TrainingCrops, species: str, judge: Any = judge) -> float:
            own = np.array(crops.species, dtype=object) == species
            return float((judge.judge(crops.rows()[own]).p_values <= RATE).mean())

        figures[novel] = {
            "real": share_flagged(season, novel),
            "real known": float(np.mean([share_flagged(season, species) for species in known])),
        }
        for opacity, crops in pasted.items():
            figures[novel][f"{opacity}, unknown"] = share_flagged(crops[novel], _SYNTHETIC + novel)
            figures[novel][f"{opacity}, known"] = float(
                np.mean([share_flagged(crops[species], _SYNTHETIC + species) for species in known])
            )
    return figures


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="What the recall on synthetic anomalies says of that on real ones.")
    parser.add_argument("--quick", action="store_true", help="raccoons only and fewer photos; under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    if not TRUTH.is_file():
        print(f"This bench needs the real photos in {WILDLIFE}, which are not here.", file=sys.stderr)
        return 1
    figures = measure(quick=options.quick)
    if options.json:
        print(json.dumps(figures))
        return 0
    names = list(next(iter(figures.values())))
    print(f"| left out; share flagged at {RATE:g} | {' | '.join(names)} |")
    print("|---" * (1 + len(names)) + "|")
    for novel, row in figures.items():
        print(f"| {novel} | {' | '.join(f'{row[name]:.2f}' for name in names)} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
