"""Measures what a GPU brings for detector, encoders and a run, beside the obvious code on the same GPU and our CPU way.

    python bench/gpu.py [--only detector encoders run] [--data FOLDER] [--quick] [--json]

All that is compared takes turns in one process; figures are medians over the turns. The detector is a YOLOv8n after
Ultralytics' configuration with random weights, and so are the ResNets, because speed does not depend on the weights.
Such a detector finds nothing, so whole runs let it work and then use the boxes of the truth.
`--device cpu` is only there to try the bench out. Needs ../shared/data.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
import torch  # noqa: E402
from safetensors.torch import save_file  # noqa: E402
from scipy.stats import spearmanr  # noqa: E402

from bench.pipeline import Ours  # noqa: E402
from bench.targets import Target, at_least, report  # noqa: E402
from core.errors import AnomalureError  # noqa: E402
from core.formats.labelled import LabelFile  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.photos.crops import cut_crop, resize_crops  # noqa: E402
from core.photos.deployments import DeploymentNamer  # noqa: E402
from core.photos.reading import find_photos  # noqa: E402
from core.photos.source import PhotoSource  # noqa: E402
from core.records import Box, Detection, Failure, Found, LoadedPhoto  # noqa: E402
from core.runs.batches import detect_each, read_one  # noqa: E402
from core.runs.parts import Detector  # noqa: E402
from core.runs.pipeline import MOST_READERS  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from models.bundles.scorer import BundleScorer  # noqa: E402
from models.detectors.loading import load_detector  # noqa: E402
from models.detectors.ultralytics_opening import import_ultralytics  # noqa: E402
from models.encoders.backbones import build_backbone  # noqa: E402
from models.encoders.loading import EncoderSpec, load_encoder  # noqa: E402
from models.encoders.sources.bundled import SAMPLE_WEIGHTS  # noqa: E402
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE  # noqa: E402
from models.engines.device import choose_device  # noqa: E402
from models.jobs.bundle import BundleRequest, train_bundle  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
PARTS = ("detector", "encoders", "run")
NETWORKS = ("mobilenet_v2", "resnet18", "resnet50")
BATCH = 32
NAIVE_BATCH = 64
FULL_TURNS, QUICK_TURNS = 3, 1
MANY_CROPS, MANY_PHOTOS = 1024, 900
RUN_TURNS = 2
LEAST_COSINE, LEAST_RANK_CORRELATION = 0.999, 0.99
LEAST_TIMES = 1.0


class Told:
    """A detector that does its work, so that it takes its time, and then returns the boxes of the truth."""

    def __init__(self, detector: Detector, truth: LabelFile) -> None:
        self.name = detector.name
        self.image_px = detector.image_px
        self._detector = detector
        self._truth = {Path(photo.file_name).name: photo for photo in truth.photos}

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """The boxes of each photo in the truth."""
        self._detector.detect(photos)
        return [self._tell(photo) for photo in photos]

    def _tell(self, photo: LoadedPhoto) -> Found:
        return Found(tuple(Detection(box, "animal", 1.0) for box in find_boxes(self._truth, photo)))


def find_boxes(truth: dict[str, Any], photo: LoadedPhoto) -> list[Box]:
    """The boxes of a photo in the truth; the name of a copy ends with that of the photo, after an ``@``."""
    height_px, width_px = photo.photo.height_px, photo.photo.width_px
    labelled = truth[Path(photo.photo.file_name).name.split("@")[-1]]
    boxes = [
        labelled.box_px(label.box, width_px=width_px, height_px=height_px)
        for label in labelled.labels
        if label.box is not None
    ]
    return [box for box in boxes if box is not None]


def take_turns(acts: dict[str, Callable[[], int]], *, turns: int, least_s: float) -> dict[str, list[float]]:
    """Items per second of each act in each turn. An act returns how many items it has finished."""
    rates: dict[str, list[float]] = {name: [] for name in acts}
    for act in acts.values():
        act()  # everything is set up at first use
    for _ in range(turns):
        for name, act in acts.items():
            began, done = time.perf_counter(), 0
            while not done or time.perf_counter() - began < least_s:
                done += act()
            rates[name].append(done / (time.perf_counter() - began))
    return rates


def summarise(rates: dict[str, list[float]], *, ours: str, others: Sequence[str]) -> dict[str, Any]:
    """The median of each, and how many times the fastest of the others ours is, as the median over the turns."""
    times = [mine / max(rates[name][i] for name in others) for i, mine in enumerate(rates[ours])]
    return {name: statistics.median(figures) for name, figures in rates.items()} | {"times": statistics.median(times)}


def write_detector(path: Path) -> None:
    """A YOLOv8n with random weights in Ultralytics' own format."""
    import_ultralytics()
    from ultralytics import YOLO

    torch.manual_seed(0)
    YOLO("yolov8n.yaml", task="detect").save(path)


def draw_weights(backbone: str, path: Path) -> EncoderSpec:
    """An encoder with random weights, which are the same for every engine."""
    torch.manual_seed(0)
    save_file(build_backbone(backbone, weights="none").state_dict(), path)
    return EncoderSpec(backbone=backbone, weights=str(path))


def read_photos(folder: Path, files: Sequence[str], settings: RunSettings) -> Iterator[list[LoadedPhoto]]:
    """Batches of decoded photos, the next being read while the last is used, by as many threads as in a run."""
    namer, source = DeploymentNamer(folder), PhotoSource(folder)

    def read(name: str) -> LoadedPhoto:
        item = read_one(source, name, namer=namer, settings=settings)
        if isinstance(item, Failure):
            raise RuntimeError(f"{name}: {item.reason}")
        return item

    with ThreadPoolExecutor(min(os.cpu_count() or 1, MOST_READERS)) as readers:
        batches = [files[start : start + BATCH] for start in range(0, len(files), BATCH)]
        upcoming = [readers.submit(read, name) for name in batches[0]]
        for following in [*batches[1:], ()]:
            batch = [future.result() for future in upcoming]
            upcoming = [readers.submit(read, name) for name in following]
            yield batch


def compare_detectors(
    weights: Path, folder: Path, files: Sequence[str], *, device: torch.device, turns: int, least_s: float
) -> dict[str, Any]:
    """Photos per second: decoded beforehand, and from files."""
    from ultralytics import YOLO

    settings = RunSettings()
    photos = [photo for batch in read_photos(folder, files, settings) for photo in batch]
    pictures = [np.ascontiguousarray(photo.pixels[..., ::-1]) for photo in photos]  # Ultralytics takes BGR
    paths = [str(folder / name) for name in files]
    looked_at = weights.parent / "looked at"
    looked_at.mkdir()
    for name in files:
        (looked_at / name).symlink_to((folder / name).resolve())
    ours = load_detector(str(weights), settings, allow_code=True, device=device.type)
    yolos = {half: YOLO(str(weights), task="detect") for half in (False, True)}

    def detect() -> int:
        return sum(len(ours.detect(photos[start : start + BATCH])) for start in range(0, len(photos), BATCH))

    def read_and_detect() -> int:
        with ThreadPoolExecutor(1) as detecting:
            batches = read_photos(folder, files, settings)
            looked = [detecting.submit(detect_each, ours, batch) for batch in batches]
            return sum(len(future.result()) for future in looked)

    def predict(given: Sequence[Any], *, at_once: int, half: bool) -> Callable[[], int]:
        lists = [list(given[start : start + at_once]) for start in range(0, len(given), at_once)]
        return lambda: sum(len(list(ask(yolos[half], some, half=half))) for some in lists)

    def stream(half: bool) -> Callable[[], int]:
        return lambda: sum(1 for _ in ask(yolos[half], str(looked_at), half=half, stream=True))

    def ask(yolo: Any, source: Any, *, half: bool, stream: bool = False) -> Any:
        return yolo.predict(source, stream=stream, batch=BATCH, device=str(device), half=half, verbose=False)

    decoded, from_files = {}, {}
    for half in (False, True) if device.type == "cuda" else (False,):
        end = ", half precision" if half else ""
        decoded[f"Ultralytics, lists of {BATCH}{end}"] = predict(pictures, at_once=BATCH, half=half)
        decoded[f"Ultralytics, one by one{end}"] = predict(pictures, at_once=1, half=half)
        from_files[f"Ultralytics, lists of {BATCH}{end}"] = predict(paths, at_once=BATCH, half=half)
        from_files[f"Ultralytics, a folder, batches of {BATCH}{end}"] = stream(half)
    return {
        "photos": len(photos),
        "found": sum(len(found.detections) for found in ours.detect(photos[:BATCH])),
        "decoded": summarise(
            take_turns({"ours": detect, **decoded}, turns=turns, least_s=least_s), ours="ours", others=list(decoded)
        ),
        "from_files": summarise(
            take_turns({"ours": read_and_detect, **from_files}, turns=turns, least_s=least_s),
            ours="ours",
            others=list(from_files),
        ),
    }


def cut_season(folder: Path, files: Sequence[str], truth: LabelFile, *, input_px: int) -> np.ndarray:
    """The crops of the truth's boxes, uint8, shape ``(n, input_px, input_px, 3)``."""
    settings = RunSettings()
    labelled = {Path(photo.file_name).name: photo for photo in truth.photos}
    cuts = [
        cut_crop(photo.pixels, box, margin=settings.crop_margin)
        for batch in read_photos(folder, files, settings)
        for photo in batch
        for box in find_boxes(labelled, photo)
    ]
    return resize_crops(cuts, size_px=input_px)


class NaiveEncoder:
    """The obvious code: batches of 64 in float32, channels first."""

    def __init__(self, spec: EncoderSpec, device: torch.device) -> None:
        self._network = build_backbone(spec.backbone, weights=spec.weights).to(device)
        self._mean = torch.tensor(IMAGENET_MEAN, device=device).view(1, 3, 1, 1)
        self._scale = torch.tensor(IMAGENET_SCALE, device=device).view(1, 3, 1, 1)
        self._device = device

    @torch.inference_mode()
    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Embeddings, float32, shape ``(n, d)``."""
        parts = []
        for start in range(0, len(crops), NAIVE_BATCH):
            pixels = torch.from_numpy(crops[start : start + NAIVE_BATCH]).to(self._device)
            pixels = (pixels.permute(0, 3, 1, 2).float() - self._mean) / self._scale  # (n, 3, px, px)
            parts.append(self._network(pixels).cpu().numpy())
        return np.concatenate(parts)


def compare_encoders(
    specs: Sequence[EncoderSpec], crops: np.ndarray, *, device: torch.device, turns: int, least_s: float, many: int
) -> list[dict[str, Any]]:
    """Crops per second, and how alike the embeddings are."""
    rows = []
    repeated = np.concatenate([crops] * -(-many // len(crops)))[:many]
    for spec in specs:
        ours = load_encoder(spec, device=device.type, engine="torch")
        on_cpu = load_encoder(spec, device="cpu", engine="openvino")
        naive = NaiveEncoder(spec, device)

        def embed(encoder: Any, some: np.ndarray) -> Callable[[], int]:
            return lambda: len(encoder.embed(some))

        rates = take_turns(
            {"ours": embed(ours, repeated), "naive": embed(naive, repeated), "openvino_cpu": embed(on_cpu, crops)},
            turns=turns,
            least_s=least_s,
        )
        row = summarise(rates, ours="ours", others=["naive"])
        exact = load_encoder(spec, device="cpu", engine="openvino", precise=True).embed(crops)
        answers = {"cosine": on_cpu.embed(crops), "cosine_exact": exact}
        for name, answer in answers.items():
            alike = compute_cosines(ours.embed(crops), answer)
            row |= {f"least_{name}": float(alike.min()), f"median_{name}": float(np.median(alike))}
        alike = compute_cosines(answers["cosine"], exact)
        rows.append(
            {
                "network": spec.backbone,
                "crops": len(repeated),
                "precision": getattr(ours, "precision", ""),
                "cpu_precision": getattr(on_cpu, "precision", ""),
                **row,
                "least_cosine_cpu_exact": float(alike.min()),
            }
        )
    return rows


def compute_cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Row by row, shape ``(n,)``, -1 to 1; higher is more alike."""
    lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    return np.asarray((one * other).sum(axis=1) / lengths)


def compare_runs(
    spec: EncoderSpec,
    weights: Path,
    data: Path,
    files: Sequence[str],
    truth: LabelFile,
    place: Path,
    *,
    device: torch.device,
    turns: int,
    copies: int,
) -> dict[str, Any]:
    """Photos per second of whole runs, and how alike their scores are."""
    settings = RunSettings()
    images = data / "wildlife" / "images"
    season = place / "season"
    season.mkdir()
    for i in range(copies):
        for name in files:
            # A few bytes after a JPEG's end change nothing but its content hash.
            (season / f"{i}@{name}").write_bytes((images / "season" / name).read_bytes() + f"{i}".encode())
    names = list(find_photos(season).file_names)
    train = tuple(p for p in truth.photos if p.split == "train" and (images / p.file_name).is_file())
    engines: dict[str, Ours] = {}
    for engine, where in (("gpu", device.type), ("cpu", "cpu")):
        encoder = load_encoder(spec, device=where)
        project = Project(place / engine)
        request = BundleRequest(name="bench", images=images, split="train", encoders=(spec,), settings=settings)
        bundle = train_bundle(request, replace(truth, photos=train), out_dir=project.bundles_dir, encoder=encoder)
        detector = Told(load_detector(str(weights), settings, allow_code=True, device=where), truth)
        engines[engine] = Ours(project, detector, encoder, BundleScorer(bundle, settings), settings)

    def run(ours: Ours) -> Callable[[], int]:
        def act() -> int:
            ours.forget()
            ours.run(season, names)
            return len(names)

        return act

    rates = take_turns({name: run(ours) for name, ours in engines.items()}, turns=turns, least_s=0.0)
    tables = [ours.project.runs()[0].read_table("scores").set_index("crop_id")["score"] for ours in engines.values()]
    joined = tables[0].to_frame("gpu").join(tables[1].to_frame("cpu"), how="inner")
    return {
        "photos": len(names),
        "crops": len(tables[0]),
        "crops_in_both": len(joined),
        **summarise(rates, ours="gpu", others=["cpu"]),
        "cpu_encoder": getattr(engines["cpu"].encoder, "engine", ""),
        "rank_correlation": float(spearmanr(joined["gpu"], joined["cpu"]).statistic),
    }


def measure(data: Path, *, quick: bool, device: torch.device, parts: Sequence[str]) -> dict[str, Any]:
    """The figures of these parts."""
    turns, least_s = (QUICK_TURNS, 0.2) if quick else (FULL_TURNS, 0.4)
    folder = data / "wildlife" / "images" / "season"
    truth = read_labels(data / "wildlife" / "annotations.json")
    files = list(find_photos(folder).file_names)[: 64 if quick else 450]
    given = data / "weights" / "mobilenet_v2.safetensors"
    mobilenet = EncoderSpec(weights=str(given if given.is_file() else SAMPLE_WEIGHTS))
    figures: dict[str, Any] = {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "processors": os.cpu_count(),
        "torch": torch.__version__,
        "photos": len(files),
        "weights": Path(mobilenet.weights).name,
    }
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        weights = place / "yolov8n-random.pt"
        write_detector(weights)
        if "detector" in parts:
            figures["detector"] = compare_detectors(weights, folder, files, device=device, turns=turns, least_s=least_s)
        if "encoders" in parts:
            crops = cut_season(folder, files, truth, input_px=mobilenet.input_px)
            others = () if quick else NETWORKS[1:]
            specs = [mobilenet, *(draw_weights(name, place / f"{name}.safetensors") for name in others)]
            figures["encoders"] = compare_encoders(
                specs, crops, device=device, turns=turns, least_s=least_s, many=len(crops) if quick else MANY_CROPS
            )
        if "run" in parts:
            copies = 1 if quick else max(1, MANY_PHOTOS // len(files))
            turns = QUICK_TURNS if quick else RUN_TURNS
            figures["run"] = compare_runs(
                mobilenet, weights, data, files, truth, place, device=device, turns=turns, copies=copies
            )
    return {**figures, "seconds": time.perf_counter() - began}


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    wanted: list[tuple[str, float, float]] = []
    if detector := figures.get("detector"):
        wanted.append(("detector, decoded photos: times Ultralytics", detector["decoded"]["times"], LEAST_TIMES))
        wanted.append(("detector, from files: times Ultralytics", detector["from_files"]["times"], LEAST_TIMES))
    for row in figures.get("encoders", ()):
        wanted.append((f"{row['network']}: times the naive loop", row["times"], LEAST_TIMES))
        if row["network"] == NETWORKS[0]:  # networks with random weights give all crops nearly the same embedding
            wanted.append((f"{row['network']}: least cosine with the CPU's", row["least_cosine"], LEAST_COSINE))
    if run := figures.get("run"):
        wanted.append(("whole run: times the same on the CPU", run["times"], LEAST_TIMES))
        wanted.append(("rank correlation of scores with the CPU's", run["rank_correlation"], LEAST_RANK_CORRELATION))
    return [at_least(name, figure, limit) for name, figure, limit in wanted]


def print_tables(figures: dict[str, Any]) -> None:
    """The tables of bench/README.md."""
    print(f"{figures['device']}, {figures['processors']} processors, torch {figures['torch']};", end=" ")
    print(f"{figures['photos']} photos of the wildlife season; MobileNetV2 with {figures['weights']};", end=" ")
    print(f"{figures['seconds']:.0f} s.\n")
    if detector := figures.get("detector"):
        print("| detector, photos per second | decoded beforehand | from files |\n|---|---|---|")
        by_way = (detector["decoded"], detector["from_files"])
        for name in dict.fromkeys([*by_way[0], *by_way[1]]):
            if name != "times":
                print(f"| {name} | {' | '.join(f'{way[name]:,.0f}' if name in way else '' for way in by_way)} |")
        print()
    if "encoders" in figures:
        print(
            "| encoder, crops a second | ours | naive float32 | OpenVINO on the CPU | median (least) cosine with it "
            "| with float32 |\n|---|---|---|---|---|---|"
        )
        for row in figures["encoders"]:
            print(
                f"| {row['network']} | {row['ours']:,.0f} | {row['naive']:,.0f} | {row['openvino_cpu']:,.0f} "
                f"({row['cpu_precision']}) | {row['median_cosine']:.5f} ({row['least_cosine']:.5f}) "
                f"| {row['median_cosine_exact']:.5f} ({row['least_cosine_exact']:.5f}) |"
            )
        print()
    if run := figures.get("run"):
        print(f"| a run over {run['photos']:,} photos, {run['crops']:,} crops | photos per second |\n|---|---|")
        print(f"| with the GPU | {run['gpu']:,.0f} |\n| on the CPU ({run['cpu_encoder']}) | {run['cpu']:,.0f} |\n")


def main() -> int:
    """Run what the command line asks for; 1 where the data or the GPU are missing."""
    parser = argparse.ArgumentParser(description="What a GPU brings.")
    parser.add_argument("--quick", action="store_true", help="fewer photos and turns, one encoder")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout, in place of the tables")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, help="left out: all three")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu: only to try the bench out")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER", help="where wildlife/ is")
    options = parser.parse_args()
    if not (options.data / "wildlife").is_dir():
        print(f"This bench needs the real photos in {options.data / 'wildlife'}, which are not here.", file=sys.stderr)
        return 1
    try:
        device = choose_device(options.device)
    except AnomalureError as error:
        print(f"This bench measures a GPU. {error}", file=sys.stderr)
        return 1
    figures = measure(options.data, quick=options.quick, device=device, parts=options.only)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
