"""Measures speed and memory of a run: ours beside the obvious script and the bound of the two bare models.

    python bench/pipeline.py [--quick] [--json]

The three take turns on the same photos in one process, so that a busy machine slows all of them; each figure is the
median over the turns. Needs the real data in ../shared/data.
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
import openvino as ov  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.svm import OneClassSVM  # noqa: E402

from bench.targets import Target, at_least, at_most, report  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.photos.deployments import DeploymentNamer  # noqa: E402
from core.photos.reading import find_photos  # noqa: E402
from core.runs.catalogue import keep_catalogue  # noqa: E402
from core.runs.parts import Detector, Encoder, Scorer  # noqa: E402
from core.runs.pipeline import run_pipeline  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from core.work.doing import do_work  # noqa: E402
from models.bundles.scorer import BundleScorer  # noqa: E402
from models.detectors.loading import load_detector  # noqa: E402
from models.detectors.ultralytics_opening import import_ultralytics  # noqa: E402
from models.encoders.backbones import build_backbone  # noqa: E402
from models.encoders.loading import EncoderSpec, load_encoder  # noqa: E402
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE  # noqa: E402
from models.engines.torch_to_openvino import convert_module  # noqa: E402
from models.jobs.bundle import BundleRequest, train_bundle  # noqa: E402

DATA = ROOT.parent / "shared" / "data"
SEASON = DATA / "wildlife" / "images" / "season"
DETECTOR = DATA / "weights" / "yolov8n_int8_openvino_model"
WEIGHTS = DATA / "weights" / "mobilenet_v2.safetensors"
SPEC = EncoderSpec(backbone="mobilenet_v2", weights=str(WEIGHTS))

LEAST_SPEEDUP = 2.3
LEAST_SHARE_OF_BOUND = 0.85
MOST_GROWTH_MB = 200.0
MEMORY_PHOTOS = (500, 5000)
QUICK_PHOTOS, QUICK_TURNS = 96, 2
FULL_TURNS = 3
QUICK_TRAINING_PHOTOS = 400


@dataclass(frozen=True)
class Turn:
    """One measurement: photos, crops that were embedded, wall and processor seconds."""

    photos: int
    crops: int
    wall_s: float
    cpu_s: float

    @property
    def photos_per_s(self) -> float:
        """Photos per second of wall clock."""
        return self.photos / self.wall_s


def measure(work: Callable[[], int], photos: int) -> Turn:
    """Time some work that says how many crops it made."""
    wall, cpu = time.perf_counter(), time.process_time()
    crops = work()
    return Turn(photos, crops, time.perf_counter() - wall, time.process_time() - cpu)


class ObviousScript:
    """The obvious script: one photo at a time, each crop through torch, one prediction each."""

    def __init__(self, normal: np.ndarray) -> None:
        import_ultralytics()
        from ultralytics import YOLO

        self._yolo = YOLO(str(DETECTOR), task="detect")
        self._network = build_backbone("mobilenet_v2", weights=WEIGHTS)
        self._svm = OneClassSVM(gamma="auto", nu=0.5).fit(normal)
        self._mean = torch.tensor(IMAGENET_MEAN).view(3, 1, 1)
        self._scale = torch.tensor(IMAGENET_SCALE).view(3, 1, 1)

    def run(self, files: Sequence[Path]) -> int:
        """Score the crops of the photos; returns how many there were."""
        n_crops = 0
        for file in files:
            photo = Image.open(file).convert("RGB")
            results: Any = self._yolo.predict(photo, verbose=False)
            for box in results[0].boxes.xyxy.tolist():
                crop = photo.crop(tuple(box)).resize((SPEC.input_px, SPEC.input_px))
                pixels = torch.from_numpy(np.asarray(crop, dtype=np.float32)).permute(2, 0, 1)
                with torch.inference_mode():
                    embedding = self._network(((pixels - self._mean) / self._scale)[None])
                self._svm.predict(embedding.numpy())
                n_crops += 1
        return n_crops


class BareModels:
    """The two models alone on prepared tensors. Nothing that uses these models can be faster."""

    def __init__(self) -> None:
        core = ov.Core()
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        detector = core.compile_model(core.read_model(DETECTOR / "yolov8n.xml"), "CPU", hint)
        network = build_backbone("mobilenet_v2", weights=WEIGHTS)
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            hint["INFERENCE_PRECISION_HINT"] = "bf16"
        model = convert_module(network, torch.zeros(1, 3, SPEC.input_px, SPEC.input_px))
        encoder = core.compile_model(model, "CPU", hint)
        self._queues = [
            (ov.AsyncInferQueue(compiled), np.random.default_rng(0).random(compiled.inputs[0].shape, dtype=np.float32))
            for compiled in (detector, encoder)
        ]

    def run(self, n_photos: int, n_crops: int) -> int:
        """Put this many photos through the detector, then this many crops through the encoder."""
        for (queue, tensor), n in zip(self._queues, (n_photos, n_crops), strict=True):
            for _ in range(n):
                queue.start_async({0: tensor}, share_inputs=True)
            queue.wait_all()
        return n_crops


@dataclass
class Ours:
    """The project's own run, with its parts loaded."""

    project: Project
    detector: Detector
    encoder: Encoder
    scorer: Scorer
    settings: RunSettings

    def run(self, folder: Path, files: Sequence[str]) -> int:
        """One whole run over the files: read, hash, detect, crop, save, embed, tables, events, scores."""
        run = self.project.new_run_folder(folder=folder, file_names=files, settings=self.settings.to_values())
        counts = do_work(
            run,
            lambda meter: run_pipeline(
                run,
                meter,
                detector=self.detector,
                encoder=self.encoder,
                scorer=self.scorer,
                namer=DeploymentNamer(folder),
                settings=self.settings,
                crops_dir=self.project.crops_dir,
            ),
            finish=lambda: keep_catalogue(run),
        )
        if counts.failures:
            raise RuntimeError(f"{counts.failures} photos failed: the timing would mean nothing")
        return counts.crops

    def forget(self) -> None:
        """Remove the pictures, so that the next run saves them again."""
        shutil.rmtree(self.project.crops_dir)
        self.project.crops_dir.mkdir()


def load_ours(place: Path, *, quick: bool) -> tuple[Ours, np.ndarray]:
    """Our parts, with a bundle from the training photos; and the raw embeddings of normal crops."""
    settings = RunSettings()
    encoder = load_encoder(SPEC)
    project = Project(place / "project")
    labels = read_labels(DATA / "wildlife" / "annotations.json")
    if quick:
        training = [photo for photo in labels.photos if photo.split == "train"]
        labels = replace(labels, photos=tuple(training[:: len(training) // QUICK_TRAINING_PHOTOS]))
    request = BundleRequest(
        name="bench",
        images=DATA / "wildlife" / "images",
        split="train",
        encoders=(SPEC,),
        detector=str(DETECTOR),
        settings=settings,
    )
    bundle = train_bundle(request, labels, out_dir=project.bundles_dir, encoder=encoder)
    ours = Ours(project, load_detector(str(DETECTOR), settings), encoder, BundleScorer(bundle, settings), settings)
    normal = encoder.embed(
        np.stack([_read_square(file) for file in sorted(SEASON.parent.joinpath("train").iterdir())[::20]])
    )
    return ours, normal


def _read_square(file: Path) -> np.ndarray:
    with Image.open(file) as photo:
        return np.asarray(photo.convert("RGB").resize((SPEC.input_px, SPEC.input_px)))


def compare_speed(*, quick: bool) -> dict[str, Any]:
    """Measure the three in turn; returns the figures and the turns that they come from."""
    files = list(find_photos(SEASON).file_names)
    if quick:
        files = files[:: len(files) // QUICK_PHOTOS][:QUICK_PHOTOS]
    turns: dict[str, list[Turn]] = {"obvious": [], "ours": [], "bound": []}
    with tempfile.TemporaryDirectory() as place:
        ours, normal = load_ours(Path(place), quick=quick)
        obvious, bare = ObviousScript(normal), BareModels()
        few = files[:8]
        obvious.run([SEASON / name for name in few])  # everything is set up at first use
        bare.run(len(few), len(few))
        ours.run(SEASON, few)
        for _ in range(QUICK_TURNS if quick else FULL_TURNS):
            ours.forget()
            turns["ours"].append(measure(lambda: ours.run(SEASON, files), len(files)))
            n_crops = turns["ours"][-1].crops
            turns["bound"].append(measure(lambda n=n_crops: bare.run(len(files), n), len(files)))  # type: ignore[misc]
            turns["obvious"].append(measure(lambda: obvious.run([SEASON / name for name in files]), len(files)))
    figures: dict[str, Any] = {"photos": len(files), "engine": getattr(ours.encoder, "engine", "")}
    for name, of_name in turns.items():
        figures[f"{name}_photos_per_s"] = statistics.median(turn.photos_per_s for turn in of_name)
        figures[f"{name}_cpu_ms_per_photo"] = statistics.median(1000 * turn.cpu_s / turn.photos for turn in of_name)
        figures[f"{name}_crops"] = of_name[0].crops
    for name in ("obvious", "bound"):
        figures[f"ours_over_{name}"] = statistics.median(
            ours_turn.photos_per_s / turn.photos_per_s
            for ours_turn, turn in zip(turns["ours"], turns[name], strict=True)
        )
    return figures


def run_for_memory(n_photos: int) -> float:
    """Run over the season, repeated to this many photos, in this process; returns the peak memory in MB."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        folder.mkdir()
        season = sorted(SEASON.iterdir())
        for i in range(n_photos):
            source = season[i % len(season)]
            # A few bytes after a JPEG's end change nothing but its content hash.
            (folder / f"{i:05d}.jpg").write_bytes(source.read_bytes() + f"{i}".encode())
        ours, _ = load_ours(Path(place), quick=True)
        ours.run(folder, list(find_photos(folder).file_names))
    return peak_memory_mb()


def peak_memory_mb() -> float:
    """The peak memory of this process, in MB."""
    if platform.system() == "Windows":
        import psutil

        memory: Any = psutil.Process().memory_info()
        return memory.peak_wset / 2**20
    if platform.system() == "Linux":
        # Not ru_maxrss: a process inherits that of the one that started it, here the bench with models of its own.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.split("VmHWM:")[1].split()[0]) / 2**10
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if platform.system() == "Darwin" else peak / 2**10


def compare_memory() -> dict[str, Any]:
    """Peak memory of a small and a large run, each in a process of its own."""
    figures: dict[str, Any] = {}
    for n_photos in MEMORY_PHOTOS:
        command = [sys.executable, __file__, "--memory", str(n_photos)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        figures[f"peak_mb_{n_photos}_photos"] = float(answer.stdout.split()[-1])
    few, many = (figures[f"peak_mb_{n}_photos"] for n in MEMORY_PHOTOS)
    figures["peak_mb_growth"] = many - few
    return figures


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    targets = [
        at_least("times the obvious script", figures["ours_over_obvious"], LEAST_SPEEDUP),
        at_least("share of the two bare models' bound", figures["ours_over_bound"], LEAST_SHARE_OF_BOUND),
    ]
    if "peak_mb_growth" in figures:
        name = "growth of peak memory from 500 to 5,000 photos, MB"
        targets.append(at_most(name, figures["peak_mb_growth"], MOST_GROWTH_MB))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as a table in Markdown."""
    print(f"{figures['photos']} photos of the wildlife season, {os.cpu_count()} processors, {platform.machine()}")
    print("\n| | photos per second | processor ms per photo | crops |\n|---|---|---|---|")
    names = (("obvious", "the obvious script"), ("ours", "ours"), ("bound", "bound: the two bare models"))
    for key, name in names:
        rate, cpu = figures[f"{key}_photos_per_s"], figures[f"{key}_cpu_ms_per_photo"]
        print(f"| {name} | {rate:.1f} | {cpu:.1f} | {figures[f'{key}_crops']} |")


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="Speed and memory of a run.")
    parser.add_argument("--quick", action="store_true", help="fewer photos and turns, no memory; under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--memory", type=int, metavar="N", help="only: run over N photos and print the peak memory")
    options = parser.parse_args()
    if not SEASON.is_dir():
        print(f"This bench needs the real photos in {SEASON}, which are not here.", file=sys.stderr)
        return 1
    if options.memory:
        print(run_for_memory(options.memory))
        return 0
    figures = compare_speed(quick=options.quick)
    if not options.quick:
        figures |= compare_memory()
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
