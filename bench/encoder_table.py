"""Compares every encoder with every one-class model, on crops of the wildlife season and on whole frames of one camera.

Part of bench/quality.py. Nothing is chosen by hand: each pair is fitted and asked once, with one seed.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.whole_frames import embed_whole_frames
from core.evaluation.metrics import compute_auroc, compute_review_share
from core.formats.labelled import LabelFile
from core.runs.parts import Encoder
from core.settings.run import RunSettings
from core.settings.training import TrainingSettings
from models.bundles.training import TrainingCrops, embed_labelled
from models.contrastive.crops import keep_crops
from models.contrastive.training import train_encoder
from models.encoders.loading import EncoderSpec, load_encoder
from models.encoders.patch_maps import load_patch_encoder
from models.encoders.sections import weigh_sections
from models.encoders.spec import bundled_encoder
from models.judging.judge import fit_judge
from models.judging.normaliser import Normaliser
from models.judging.patch_distance import PatchBank
from models.one_class.methods import fit_one_class, list_one_class

QUICK_MODELS = ("ocsvm", "knn", "mahalanobis")
FOLDS = 2
"""For the scale of scores only; a bundle uses five."""
EPOCHS = 3
TRAINED_PX = 128
HALVES = (0, 1, 2)
FRAME_PX = 224
LITE2_NAME = "EfficientNet-Lite2 (default)"


class HistogramEncoder:
    """A colour histogram, 8 x 8 x 8 bins, as a baseline that ignores shapes. An Encoder of core/runs/parts.py."""

    name, input_px, sections = "colour histogram", 64, (512,)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Shares of the bins, float32, shape ``(n, 512)``."""
        bins = (crops.reshape(len(crops), -1, 3) // 32).astype(np.int64) @ np.array([64, 8, 1])
        return np.stack([np.bincount(row, minlength=512) / len(row) for row in bins]).astype(np.float32)


class PixelEncoder:
    """The pixels themselves, 24 x 24, as a baseline. An Encoder of core/runs/parts.py."""

    name, input_px, sections = "raw pixels", 24, (24 * 24 * 3,)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """0 to 1, float32, shape ``(n, 1728)``."""
        return crops.reshape(len(crops), -1).astype(np.float32) / 255


@dataclass(frozen=True)
class Candidate:
    """An encoder of the table, and how much each of its sections counts."""

    name: str
    encoder: Encoder
    weights: tuple[float, ...] = ()


def load_candidates(
    spec: EncoderSpec, *, detector: Path, truth: LabelFile, images: Path, folder: Path, quick: bool
) -> list[Candidate]:
    """The encoders, the trained ones after training them on the train split."""
    lite = Candidate(LITE2_NAME, load_encoder(bundled_encoder()), weigh_sections((bundled_encoder(),), (1, 1, 1)))
    plain = Candidate("none", load_encoder(spec))
    simple = [Candidate("colour histogram", HistogramEncoder()), Candidate("raw pixels", PixelEncoder())]
    if quick:
        return [lite, plain, *simple]
    features = EncoderSpec(detector=str(detector))
    joined = (spec, features)
    mirrored = EncoderSpec(backbone=spec.backbone, weights=spec.weights, mirrored=True)
    found = [
        lite,
        plain,
        Candidate("mirrored", load_encoder(mirrored)),
        Candidate("joined, features at half", load_encoder(joined), weigh_sections(joined, (1, 1))),
        Candidate("joined as equals", load_encoder(joined)),
    ]
    photos = [photo for photo in truth.photos if photo.split == "train"]
    settings = TrainingSettings(image_px=TRAINED_PX, epochs=EPOCHS)
    crops = keep_crops(photos, images, folder, image_px=TRAINED_PX, settings=RunSettings())
    for method in ("simclr", "triplet"):
        place = folder / method
        place.mkdir()
        trained = train_encoder(crops, place, start=spec, method=method, settings=settings)
        found.append(Candidate(method, load_encoder(trained.spec)))
    untrained = EncoderSpec(backbone=spec.backbone, weights=spec.weights, input_px=TRAINED_PX)
    return [*found, Candidate(f"none, {TRAINED_PX} px as the trained", load_encoder(untrained)), *simple]


def bench_encoders(
    spec: EncoderSpec,
    *,
    detector: Path,
    truth: LabelFile,
    images: Path,
    known: Sequence[str],
    novel: str,
    mammals: Path,
    quick: bool,
) -> dict[str, Any]:
    """The three tables: ``crops``, ``species`` and ``frames``."""
    models = QUICK_MODELS if quick else tuple(list_one_class())
    with tempfile.TemporaryDirectory() as folder:
        candidates = load_candidates(
            spec, detector=detector, truth=truth, images=images, folder=Path(folder), quick=quick
        )
        crops: dict[str, dict[str, dict[str, float]]] = {}
        species: dict[str, dict[str, float]] = {}
        frames: dict[str, dict[str, list[list[int]]]] = {}
        for candidate in candidates:
            train, season = (_embed(truth, images, split, candidate.encoder) for split in ("train", "season"))
            crops[candidate.name] = {
                name: _measure_crops(train, season, candidate, known=known, novel=novel, one_class=name)
                for name in models
            }
            species[candidate.name] = {novel: crops[candidate.name]["ocsvm"]["auroc"]}
            for other in [] if quick else known:
                rest = [name for name in known if name != other]
                found = _measure_crops(train, season, candidate, known=rest, novel=other, one_class="ocsvm")
                species[candidate.name][other] = found["auroc"]
            if not quick:
                frames[candidate.name] = _rank_frames(mammals, candidate, models)
        if not quick:
            frames["patches of none"] = {"patch distance": _rank_by_patches(mammals, spec)}
    return {"crops": crops, "species": species, "frames": frames}


def _embed(truth: LabelFile, images: Path, split: str, encoder: Encoder) -> TrainingCrops:
    photos = [photo for photo in truth.photos if photo.split == split]
    return embed_labelled(photos, images, encoder=encoder, settings=RunSettings())


def _measure_crops(
    train: TrainingCrops,
    season: TrainingCrops,
    candidate: Candidate,
    *,
    known: Sequence[str],
    novel: str,
    one_class: str,
) -> dict[str, float]:
    learnt, asked = np.array(train.species, dtype=object), np.array(season.species, dtype=object)
    use, shown = np.isin(learnt, known), np.isin(asked, [*known, novel])
    judge = fit_judge(
        train.rows()[use],
        learnt[use].tolist(),
        train.groups(gap_s=60.0)[use].tolist(),
        sections=train.sections,
        weights=candidate.weights,
        one_class=one_class,
        n_folds=FOLDS,
    )
    scores, odd = judge.judge(season.rows()[shown]).scores, asked[shown] == novel
    return {"auroc": compute_auroc(scores, novel=odd), "review_at_95": compute_review_share(scores, novel=odd)}


def halve_frames(labels: np.ndarray, seed: int) -> np.ndarray:
    """Which frames are trained on: half of the empty ones and of the voles, shape ``(n,)``, bool."""
    rng = np.random.default_rng(seed)
    teaches = np.zeros(len(labels), dtype=bool)
    for name in ("empty", "vole"):
        own = np.flatnonzero(labels == name)
        teaches[rng.permutation(own)[: len(own) // 2]] = True
    return teaches


def _rank_stoats(labels: np.ndarray, score: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> list[list[int]]:
    """Ranks of the four stoats among the frames that were not trained on, for each half; 1 is the most anomalous."""
    ranks = []
    for seed in HALVES:
        teaches = halve_frames(labels, seed)
        order = np.argsort(-score(np.flatnonzero(teaches), np.flatnonzero(~teaches)), kind="stable")
        ranks.append((np.flatnonzero(labels[~teaches][order] == "stoat") + 1).tolist())
    return ranks


def _rank_frames(mammals: Path, candidate: Candidate, models: Sequence[str]) -> dict[str, list[list[int]]]:
    frames, labels = embed_whole_frames(mammals, candidate.encoder)
    rows = frames.rows()

    def score_with(name: str) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
        def score(learn: np.ndarray, asked: np.ndarray) -> np.ndarray:
            normaliser = Normaliser.fit(rows[learn], sections=frames.sections, weights=candidate.weights, centre=False)
            model = fit_one_class(normaliser.transform(rows[learn]), name=name)
            return model.score_samples(normaliser.transform(rows[asked]))

        return score

    return {name: _rank_stoats(labels, score_with(name)) for name in models}


def _rank_by_patches(mammals: Path, spec: EncoderSpec) -> list[list[int]]:
    encoder = load_patch_encoder(spec)

    class Maps:
        """Patch maps laid out as embeddings, so that the frames are read as for any encoder."""

        name, input_px, sections = encoder.name, spec.input_px, (int(np.prod(encoder.shape)),)

        def embed(self, crops: np.ndarray) -> np.ndarray:
            return encoder.embed_maps(crops).reshape(len(crops), -1)

    frames, labels = embed_whole_frames(mammals, Maps())
    maps = frames.rows().reshape(-1, *encoder.shape)
    return _rank_stoats(labels, lambda learn, asked: PatchBank.fit(maps[learn]).score_maps(maps[asked]))


def print_encoder_tables(tables: dict[str, Any]) -> None:
    """The tables in Markdown."""
    models = list(next(iter(tables["crops"].values())))
    print("\nRaccoons unknown, truth boxes: AUROC (share to review for 95%)\n")
    print(f"| encoder | {' | '.join(models)} |\n|---|{'---|' * len(models)}")
    for name, row in tables["crops"].items():
        cells = [f"{row[model]['auroc']:.3f} ({row[model]['review_at_95']:.2f})" for model in models]
        print(f"| {name} | {' | '.join(cells)} |")
    kinds = list(next(iter(tables["species"].values())))
    if len(kinds) > 1:
        print("\nEach species unknown in turn, one-class SVM: AUROC\n")
        print(f"| encoder | {' | '.join(kinds)} | mean |\n|---|{'---|' * (len(kinds) + 1)}")
        for name, found in tables["species"].items():
            cells = [f"{found[kind]:.3f}" for kind in kinds]
            print(f"| {name} | {' | '.join(cells)} | {np.mean(list(found.values())):.3f} |")
    if tables["frames"]:
        print(f"\nWhole frames: the worst rank of the four stoats in each of {len(HALVES)} halvings; 4 is the best\n")
        columns = [*models, "patch distance"]
        print(f"| encoder | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
        for name, ranks in tables["frames"].items():
            cells = [
                ", ".join(str(max(half)) for half in ranks[column]) if column in ranks else "" for column in columns
            ]
            print(f"| {name} | {' | '.join(cells)} |")
