"""Measures speed and memory of a run: ours beside the obvious script and a bound: reading, decoding, the bare models.

    python bench/pipeline.py [--quick] [--json] [--before CHECKOUT]

All take turns on the same photos, so that a busy machine slows all of them; each figure is the median over the turns.
There are the photos of the wildlife season as they are (512 px), and enlarged to 12 and 24 megapixels. ``--before``
names a checkout of earlier code, whose runs take turns, too, in a process of its own. Needs the real data in
../shared/data.
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
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
import openvino as ov  # noqa: E402
import torch  # noqa: E402
from PIL import Image  # noqa: E402
from sklearn.svm import OneClassSVM  # noqa: E402

from bench.before import Before  # noqa: E402
from bench.enlarging import enlarge_photos  # noqa: E402
from bench.targets import Target, at_least, at_most, report  # noqa: E402
from core.formats.recognise import read_labels  # noqa: E402
from core.photos.crops import find_cut  # noqa: E402
from core.photos.cutting import find_needed  # noqa: E402
from core.photos.decoding import decode_photo  # noqa: E402
from core.photos.deployments import DeploymentNamer  # noqa: E402
from core.photos.reading import find_photos  # noqa: E402
from core.photos.reduction import reduce_to_longest  # noqa: E402
from core.records import Box  # noqa: E402
from core.runs.catalogue import keep_catalogue  # noqa: E402
from core.runs.folder import RunFolder  # noqa: E402
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
LEAST_SPEEDUP_LARGE = 2.5
LEAST_OVER_BEFORE = 2.0
LEAST_SHARE_OF_BOUND = 0.85
MOST_GROWTH_MB = 200.0
MEMORY_PHOTOS = (500, 5000)
MEMORY_LARGE_PHOTOS = (60, 300)
LARGE_MEGAPIXELS, LARGE_PHOTOS = (12, 24), (96, 48)
MEMORY_MEGAPIXELS = 12
QUICK_LARGE_PHOTOS = 32
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


class Bound:
    """Reading and decoding each file once, and the two models on prepared tensors. Nothing can be faster with them.

    Each photo is decoded as small as detector and crops allow, which is not known before the detector has seen it.
    """

    def __init__(self, image_px: int) -> None:
        core = ov.Core()
        hint = {"PERFORMANCE_HINT": "THROUGHPUT"}
        detector = core.compile_model(core.read_model(DETECTOR / "yolov8n.xml"), "CPU", hint)
        network = build_backbone("mobilenet_v2", weights=WEIGHTS)
        if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            hint["INFERENCE_PRECISION_HINT"] = "bf16"
        model = convert_module(network, torch.zeros(1, 3, SPEC.input_px, SPEC.input_px))
        encoder = core.compile_model(model, "CPU", hint)
        self._image_px = image_px
        self._readers = ThreadPoolExecutor(os.cpu_count() or 1)
        self._queues = [
            (ov.AsyncInferQueue(compiled), np.random.default_rng(0).random(compiled.inputs[0].shape, dtype=np.float32))
            for compiled in (detector, encoder)
        ]

    def run(self, shrink_of: dict[Path, int], n_crops: int) -> int:
        """Read and decode these photos, put as many through the detector, then so many crops through the encoder."""
        list(self._readers.map(self._decode, shrink_of, shrink_of.values()))
        for (queue, tensor), n in zip(self._queues, (len(shrink_of), n_crops), strict=True):
            for _ in range(n):
                queue.start_async({0: tensor}, share_inputs=True)
            queue.wait_all()
        return n_crops

    @staticmethod
    def _decode(file: Path, shrink: int) -> None:
        decode_photo(file.read_bytes(), max_megapixels=RunSettings().max_megapixels, choose_shrink=lambda *size: shrink)

    def find_shrinks(self, run: RunFolder, folder: Path) -> dict[Path, int]:
        """How far each photo of a finished run can be reduced: as its crops need it."""
        settings, choose = RunSettings(), reduce_to_longest(self._image_px)
        photos, crops = run.read_table("photos").set_index("photo_id"), run.read_table("crops")
        shrinks = {photo_id: choose(row.width_px, row.height_px) for photo_id, row in photos.iterrows()}
        for row in crops.itertuples():
            photo = photos.loc[row.photo_id]
            margin = 0.0 if row.kind == "frame" else settings.crop_margin
            box = Box(row.x, row.y, row.width, row.height)
            cut = find_cut(box, margin=margin, width=photo.width_px, height=photo.height_px)
            shrinks[row.photo_id] = find_needed(
                cut, most=shrinks[row.photo_id], input_px=SPEC.input_px, saved_px=settings.crop_saved_px
            )
        return {folder / photos.loc[photo_id].file_name: shrink for photo_id, shrink in shrinks.items()}


@dataclass
class Ours:
    """The project's own run, with its parts loaded."""

    project: Project
    detector: Detector
    encoder: Encoder
    scorer: Scorer
    settings: RunSettings
    last: RunFolder | None = None

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
        self.last = run
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


def compare_speed(*, quick: bool, before: Path | None, sizes: Sequence[int]) -> dict[str, Any]:
    """Measure all in turn, at each size of photos in megapixels (0: as they are); returns the figures."""
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        ours, normal = load_ours(place, quick=quick)
        obvious, bound = ObviousScript(normal), Bound(ours.detector.image_px)
        earlier = Before(before, ours.project.path / "bundles" / "bench", place / "before") if before else None
        for megapixels, folder in choose_photos(place, sizes, quick=quick):
            files = list(find_photos(folder).file_names)
            if quick and not megapixels:
                files = files[:: len(files) // QUICK_PHOTOS][:QUICK_PHOTOS]
            turns = take_turns(folder, files, ours, obvious, bound, earlier, n=QUICK_TURNS if quick else FULL_TURNS)
            prefix = f"{megapixels}mp_" if megapixels else ""
            figures |= {f"{prefix}{key}": value for key, value in summarise(turns).items()}
            print(f"{prefix or 'small '}{figures[f'{prefix}ours_photos_per_s']:.1f} photos/s", file=sys.stderr)
        figures["engine"] = getattr(ours.encoder, "engine", "")
        if earlier:
            earlier.close()
    return figures


def choose_photos(place: Path, sizes: Sequence[int], *, quick: bool) -> list[tuple[int, Path]]:
    """Megapixels (0: as they are) and folder of each set of photos."""
    sets = [(0, SEASON)] if 0 in sizes else []
    season = sorted(SEASON.iterdir())
    for megapixels, n in zip(LARGE_MEGAPIXELS, LARGE_PHOTOS, strict=True):
        if megapixels in sizes:
            folder, n_made = place / f"{megapixels}mp", QUICK_LARGE_PHOTOS if quick else n
            enlarge_photos(season[:: len(season) // n_made][:n_made], folder, megapixels=megapixels)
            sets.append((megapixels, folder))
    return sets


def take_turns(
    folder: Path,
    files: Sequence[str],
    ours: Ours,
    obvious: ObviousScript,
    bound: Bound,
    earlier: Before | None,
    *,
    n: int,
) -> dict[str, list[Turn]]:
    """The turns of each, after a few photos that set everything up."""
    few = files[:4]
    obvious.run([folder / name for name in few])
    ours.run(folder, few)
    if earlier:
        earlier.run(folder, few)
    turns: dict[str, list[Turn]] = {"obvious": [], "ours": [], "bound": [], **({"before": []} if earlier else {})}
    for _ in range(n):
        ours.forget()
        turns["ours"].append(measure(lambda: ours.run(folder, files), len(files)))
        n_crops = turns["ours"][-1].crops
        assert ours.last is not None
        shrinks = bound.find_shrinks(ours.last, folder)
        turns["bound"].append(measure(lambda s=shrinks, n=n_crops: bound.run(s, n), len(files)))  # type: ignore[misc]
        if earlier:
            turns["before"].append(Turn(len(files), **earlier.run(folder, files)))
        turns["obvious"].append(measure(lambda: obvious.run([folder / name for name in files]), len(files)))
    return turns


def summarise(turns: dict[str, list[Turn]]) -> dict[str, Any]:
    """Medians over the turns; ratios are of the same turn."""
    figures: dict[str, Any] = {"photos": turns["ours"][0].photos}
    for name, of_name in turns.items():
        figures[f"{name}_photos_per_s"] = statistics.median(turn.photos_per_s for turn in of_name)
        figures[f"{name}_cpu_ms_per_photo"] = statistics.median(1000 * turn.cpu_s / turn.photos for turn in of_name)
        figures[f"{name}_crops"] = of_name[0].crops
        if name != "ours":
            pairs = list(zip(turns["ours"], of_name, strict=True))
            figures[f"ours_over_{name}"] = statistics.median(a.photos_per_s / b.photos_per_s for a, b in pairs)
            figures[f"ours_over_{name}_cpu"] = statistics.median(b.cpu_s / a.cpu_s for a, b in pairs)
    return figures


def run_for_memory(n_photos: int, megapixels: int) -> float:
    """Run over the season, repeated to this many photos, in this process; returns the peak memory in MB."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "photos"
        folder.mkdir()
        season = sorted(SEASON.iterdir())
        if megapixels:
            # Made in another process, since making them takes more memory than the run.
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                pool.submit(enlarge_photos, season[:: len(season) // 30], folder.parent / "large", megapixels).result()
            season = sorted((folder.parent / "large").iterdir())
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
    """Peak memory of a small and a large run, each in a process of its own; of small and of large photos."""
    figures: dict[str, Any] = {}
    for megapixels, counts in ((0, MEMORY_PHOTOS), (MEMORY_MEGAPIXELS, MEMORY_LARGE_PHOTOS)):
        peaks = []
        for n_photos in counts:
            command = [sys.executable, __file__, "--memory", str(n_photos), "--megapixels", str(megapixels)]
            answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            peaks.append(float(answer.stdout.split()[-1]))
        prefix = f"{megapixels}mp_" if megapixels else ""
        for n_photos, peak in zip(counts, peaks, strict=True):
            figures[f"{prefix}peak_mb_{n_photos}_photos"] = peak
        figures[f"{prefix}peak_mb_growth"] = peaks[1] - peaks[0]
    return figures


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach, and whether they do."""
    targets = []
    for prefix, of, least in (("", "", LEAST_SPEEDUP), ("12mp_", " at 12 megapixels", LEAST_SPEEDUP_LARGE)):
        if f"{prefix}photos" not in figures:
            continue
        targets.append(at_least(f"times the obvious script{of}", figures[f"{prefix}ours_over_obvious"], least))
        share = figures[f"{prefix}ours_over_bound"]
        targets.append(at_least(f"share of the bound{of}", share, LEAST_SHARE_OF_BOUND))
    if "12mp_ours_over_before" in figures:
        name = "times the code before at 12 megapixels"
        targets.append(at_least(name, figures["12mp_ours_over_before"], LEAST_OVER_BEFORE))
    for prefix, (few, many), of in (("", MEMORY_PHOTOS, ""), ("12mp_", MEMORY_LARGE_PHOTOS, " of 12 megapixels")):
        if f"{prefix}peak_mb_growth" in figures:
            name = f"growth of peak memory from {few:,} to {many:,} photos{of}, MB"
            targets.append(at_most(name, figures[f"{prefix}peak_mb_growth"], MOST_GROWTH_MB))
    return targets


def print_tables(figures: dict[str, Any]) -> None:
    """The figures as tables in Markdown."""
    names = (
        *(("obvious", "the obvious script"), ("before", "the code before"), ("ours", "ours")),
        ("bound", "bound: reading, decoding, the bare models"),
    )
    for megapixels in (0, *LARGE_MEGAPIXELS):
        prefix = f"{megapixels}mp_" if megapixels else ""
        if f"{prefix}photos" not in figures:
            continue
        size = f"enlarged to {megapixels} megapixels" if megapixels else "as they are"
        print(f"\n{figures[f'{prefix}photos']} photos of the wildlife season {size}, {os.cpu_count()} processors\n")
        print("| | photos per second | processor ms per photo | crops | ours over it | by processor time |")
        print("|---|---|---|---|---|---|")
        for key, name in names:
            if f"{prefix}{key}_crops" in figures:
                rate, cpu = figures[f"{prefix}{key}_photos_per_s"], figures[f"{prefix}{key}_cpu_ms_per_photo"]
                ratios = [figures.get(f"{prefix}ours_over_{key}{what}") for what in ("", "_cpu")]
                shown = " | ".join("" if ratio is None else f"{ratio:.2f}" for ratio in ratios)
                print(f"| {name} | {rate:.1f} | {cpu:.1f} | {figures[f'{prefix}{key}_crops']} | {shown} |")


def main() -> int:
    """Run what the command line asks for; 1 where the data are missing."""
    parser = argparse.ArgumentParser(description="Speed and memory of a run.")
    parser.add_argument("--quick", action="store_true", help="fewer photos and turns, no memory; under a minute")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--memory", type=int, metavar="N", help="only: run over N photos and print the peak memory")
    parser.add_argument("--megapixels", type=int, default=0, help="with --memory: enlarge the photos to this size")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="MP", help="megapixels: 0 (as they are), 12, 24")
    parser.add_argument("--no-memory", action="store_true", help="only the speed")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="also measure the code in this folder")
    options = parser.parse_args()
    if not SEASON.is_dir():
        print(f"This bench needs the real photos in {SEASON}, which are not here.", file=sys.stderr)
        return 1
    if options.memory:
        print(run_for_memory(options.memory, options.megapixels))
        return 0
    sizes = options.sizes or ((0, 12) if options.quick else (0, *LARGE_MEGAPIXELS))
    figures = compare_speed(quick=options.quick, before=options.before, sizes=sizes)
    if not options.quick and not options.no_memory:
        figures |= compare_memory()
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
