"""Patch distances: anomalib's PatchCore and PaDiM beside ours, all fed with the same maps of the default encoder."""

import argparse
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.encoder_table import HALVES
from bench.frames import ODD, choose_training
from bench.targets import Target
from core.evaluation.metrics import compute_auroc
from core.formats.recognise import read_labels
from core.photos.crops import resize_crops
from core.photos.reading import read_photo
from core.settings.run import RunSettings
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, find_source
from models.encoders.spec import bundled_encoder
from models.judging.patch_distance import PatchBank
from models.localize.comparing import Distances, join, measure_distance, split_folds
from models.localize.photos import find_photo_set

ABOUT = "Patch distances: ours, PatchCore and PaDiM, with the same weights"
MAMMALS = Path(__file__).resolve().parents[3] / "shared/data/smallmammal"
PACKAGE = "anomalib"
OURS = "ours"
FINE, MIDDLE, OUR_MAP = "fine", "middle", "ours"
LAYERS = {3: FINE, 4: MIDDLE, 6: OUR_MAP}
"""Layers of EfficientNet-Lite2, with maps of 56 x 56, 28 x 28, and the 14 x 14 that our patches come from."""
MODELS = {
    "PatchCore, our map": ("patchcore", (OUR_MAP,)),
    "PatchCore, two maps": ("patchcore", (MIDDLE, OUR_MAP)),
    "PaDiM, our map": ("padim", (OUR_MAP,)),
    "PaDiM, three maps": ("padim", (FINE, MIDDLE, OUR_MAP)),
}
"""One map, for the same patches as ours, and the number of maps that each paper joins."""
KEPT_SHARES = {1: 0.1, 2: 0.01}
"""Of the patches, by the number of maps: two have four times the patches, of which a core set takes long to choose."""
LEARNED = 40
"""So many photos are learned of those of a fold, for the same reason."""
PADIM_LENGTH = 100
N_FOLDS = 5
BATCH = 16

Maps = Mapping[str, torch.Tensor]
"""By layer, shape ``(n, d, h, w)``, float32."""
Look = Callable[[Maps], tuple[np.ndarray, np.ndarray]]
"""From maps to scores ``(n,)`` and heat maps ``(n, height, width)``."""


class StoredMaps(torch.nn.Module):
    """Stands in for the extractor of a model, so that the maps of a photo are computed once for all models."""

    maps: Maps

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """The maps that were put here."""
        return dict(self.maps)


@dataclass(frozen=True)
class MapMaker:
    """Computes the maps of photos with the weights of the default encoder."""

    layers: torch.nn.Sequential
    input_px: int

    @classmethod
    def load(cls) -> "MapMaker":
        """That of the default encoder."""
        spec = bundled_encoder()
        network: Any = find_source(spec).load(spec).model.eval()
        return cls(network.features[: max(LAYERS) + 1], spec.input_px)

    def embed(self, folder: Path, file_names: Sequence[str]) -> dict[str, torch.Tensor]:
        """The maps of photos, each squeezed into a square, as whole frames are."""
        found: dict[str, list[torch.Tensor]] = {layer: [] for layer in LAYERS.values()}
        mean, scale = (torch.tensor(values).reshape(3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_SCALE))
        for name in file_names:
            photo = read_photo(folder, name, deployment="", max_megapixels=RunSettings().max_megapixels)
            square = resize_crops([photo.pixels], size_px=self.input_px)[0]
            values = ((torch.from_numpy(square).permute(2, 0, 1).float() - mean) / scale)[None]
            with torch.no_grad():
                for number, layer in enumerate(self.layers):
                    values = layer(values)
                    if number in LAYERS:
                        found[LAYERS[number]].append(values)
        return {layer: torch.cat(maps) for layer, maps in found.items()}


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options of this part."""
    parser.add_argument(
        "--mammals", type=Path, default=MAMMALS, metavar="DIR", help="photos of one camera, labels.csv and images/"
    )


def measure(arguments: argparse.Namespace) -> dict[str, Any] | str | None:
    """AUROC of frames with a rare animal and distances of squares; a sentence if it cannot be measured."""
    if importlib.util.find_spec(PACKAGE) is None:
        return f"the package {PACKAGE} is not installed; bench/README.md says how"
    if arguments.quick:
        return "a quick run does not compare with other packages"
    mammals, landscape = arguments.mammals, arguments.landscape
    if not (mammals / "labels.csv").is_file() or not (landscape / "labels.csv").is_file():
        return None
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore")  # of the package's own imports
    maker = MapMaker.load()
    began = time.process_time()
    return {
        "frames": _measure_frames(mammals, maker),
        "squares": _measure_squares(landscape, maker),
        "processor_s": time.process_time() - began,
    }


def _measure_frames(mammals: Path, maker: MapMaker) -> dict[str, dict[str, list[float]]]:
    """AUROC by question and method, one for each seed."""
    photos = read_labels(mammals / "labels.csv").photos
    labels = np.array([photo.labels[0].species for photo in photos], dtype=object)
    maps = maker.embed(mammals / "images", [photo.file_name for photo in photos])
    found: dict[str, dict[str, list[float]]] = {}
    for question, odd in ODD.items():
        for seed in HALVES:
            learn = choose_training(labels, question, seed=seed)
            for method in (OURS, *MODELS):
                look = _fit(method, _take(maps, learn), maker, seed=seed)
                scores, _ = look(_take(maps, ~learn))
                auroc = compute_auroc(scores, novel=np.isin(labels[~learn], odd))
                found.setdefault(question, {}).setdefault(method, []).append(auroc)
            print(f"{PACKAGE}: {question}, seed {seed} done", file=sys.stderr)
    return found


def _measure_squares(landscape: Path, maker: MapMaker) -> dict[str, Any]:
    """Distances by method. All photos carry a square, so those that are learned do, too."""
    photos = find_photo_set(landscape / "images", landscape / "labels.csv")
    maps = maker.embed(photos.folder, photos.file_names)
    parts: dict[str, list[Distances]] = {}
    for in_order, asked in split_folds(len(photos), N_FOLDS, seed=0):
        learn = np.random.default_rng(0).permutation(in_order)
        for method in (OURS, *MODELS):
            _, heat = _fit(method, _take(maps, learn[:LEARNED]), maker, seed=0)(_take(maps, asked))
            pairs = []
            for number, one in zip(asked, heat, strict=True):
                scaled, square = photos.read(int(number))
                assert square is not None
                height, width = scaled.pixels.shape[:2]
                row, column = np.unravel_index(int(one.argmax()), one.shape)
                at = ((row + 0.5) * height / one.shape[0], (column + 0.5) * width / one.shape[1])
                pairs.append(measure_distance(float(at[0]), float(at[1]), square, scaled))
            shares, within = zip(*pairs, strict=True)
            parts.setdefault(method, []).append(Distances(np.array(shares), np.array(within)))
        print(
            f"{PACKAGE}: a fold of squares done, {[one[-1].shares.mean() for one in parts.values()]}", file=sys.stderr
        )
    return {method: join(some).summarise() for method, some in parts.items()}


def _fit(method: str, maps: Maps, maker: MapMaker, *, seed: int) -> Look:
    if method == OURS:
        bank = PatchBank.fit(_to_rows(maps), seed=seed)

        def look(asked: Maps) -> tuple[np.ndarray, np.ndarray]:
            heat = bank.measure_distances(_to_rows(asked)).astype(float)
            return heat.reshape(len(heat), -1).max(axis=1), heat

        return look
    kind, layers = MODELS[method]
    torch.manual_seed(seed)
    model = _learn_patchcore(maps, layers, maker) if kind == "patchcore" else _learn_padim(maps, layers, maker)
    model.eval()

    def look_with_model(asked: Maps) -> tuple[np.ndarray, np.ndarray]:
        scores, heat = [], []
        for start in range(0, len(asked[OUR_MAP]), BATCH):
            answer = _pass(model, _take(asked, np.arange(start, min(start + BATCH, len(asked[OUR_MAP])))), maker)
            scores.append(answer.pred_score.flatten().numpy())
            heat.append(answer.anomaly_map[:, 0].numpy())
        return np.concatenate(scores).astype(float), np.concatenate(heat)

    return look_with_model


def _learn_patchcore(maps: Maps, layers: Sequence[str], maker: MapMaker) -> Any:
    from anomalib.models.image.patchcore.torch_model import PatchcoreModel

    model = PatchcoreModel(layers=layers, backbone=_make_stand_in(maps, layers), pre_trained=False)
    model.feature_extractor = StoredMaps()
    model.train()
    _pass(model, maps, maker)
    model.subsample_embedding(KEPT_SHARES[len(layers)])
    return model


def _learn_padim(maps: Maps, layers: Sequence[str], maker: MapMaker) -> Any:
    from anomalib.models.image.padim.torch_model import PadimModel

    length = min(PADIM_LENGTH, sum(maps[layer].shape[1] for layer in layers))
    backbone = _make_stand_in(maps, layers)
    model = PadimModel(backbone=backbone, layers=list(layers), pre_trained=False, n_features=length)
    model.feature_extractor = StoredMaps()
    model.train()
    _pass(model, maps, maker)
    model.fit()
    return model


def _make_stand_in(maps: Maps, layers: Sequence[str]) -> torch.nn.Module:
    """A network with maps of the same depths: a model asks for these when it is made, and for nothing else."""
    network, depth = torch.nn.Sequential(), 3
    for layer in layers:
        network.add_module(layer, torch.nn.Conv2d(depth, maps[layer].shape[1], 1))
        depth = maps[layer].shape[1]
    return network


def _pass(model: Any, maps: Maps, maker: MapMaker) -> Any:
    model.feature_extractor.maps = {layer: maps[layer] for layer in model.layers}
    with torch.no_grad():
        return model(torch.zeros(len(maps[OUR_MAP]), 3, maker.input_px, maker.input_px))


def _take(maps: Maps, which: np.ndarray) -> dict[str, torch.Tensor]:
    chosen = torch.from_numpy(np.flatnonzero(which) if which.dtype == bool else which)
    return {layer: values[chosen] for layer, values in maps.items()}


def _to_rows(maps: Maps) -> np.ndarray:
    return maps[OUR_MAP].permute(0, 2, 3, 1).numpy()


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """None: it compares."""
    return []


def print_figures(figures: dict[str, Any]) -> None:
    """AUROC and distances of each method."""
    print("| method | AUROC: stoats | any animal | squares: mean distance | median | found within r |")
    print("|---|---|---|---|---|---|")
    for method in (OURS, *MODELS):
        frames = [
            f"{np.mean(of[method]):.3f} ({min(of[method]):.3f} to {max(of[method]):.3f})"
            for of in figures["frames"].values()
        ]
        one = figures["squares"][method]
        print(f"| {method} | {' | '.join(frames)} | {one['mean']:.3f} | {one['median']:.3f} | {one['within_r']:.2f} |")
    print(f"\n{figures['processor_s']:.0f} processor seconds.")


class PART:
    """What ``bench/sisters.py`` calls."""

    ABOUT = ABOUT
    add_options = staticmethod(add_options)
    measure = staticmethod(measure)
    list_targets = staticmethod(list_targets)
    print_figures = staticmethod(print_figures)
