"""Measures what it costs to do a run with several workers, and the finish of a very large run.

    python bench/scale.py [--quick] [--json]
    python bench/scale.py --finish 1000000 --at FOLDER [--scorer mean]

One process, two workers that submitit starts and two actors of Ray do the same photos on this computer, so this shows
what sharing the work costs, not what it gains. The finish (copies, events, scores, catalogue) is measured on a run that
is made up: one crop a photo, embeddings 1,280 wide, 100 cameras, a hundredth of the shards with copies of earlier
photos. Needs ../shared/data, and 2.6 GB of disk for each million crops.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402  (the project must be on the path first)
import pandas as pd  # noqa: E402
import pyarrow as pa  # noqa: E402

from bench.targets import Target, at_most, report  # noqa: E402
from core.disk.files import write_whole  # noqa: E402
from core.disk.json import to_json  # noqa: E402
from core.disk.parquet import write_parquet  # noqa: E402
from core.runs.catalogue import keep_catalogue  # noqa: E402
from core.runs.folder import RunFolder, RunInfo  # noqa: E402
from core.runs.parts import EmbeddedShards, Scorer  # noqa: E402
from core.runs.pipeline import finish_run  # noqa: E402
from core.runs.settling import settle_shards  # noqa: E402
from core.runs.shards import SCHEMAS, RunCounts, embeddings_table  # noqa: E402
from core.runs.written_shards import ACCOUNT, ShardAccount, Worked  # noqa: E402
from core.settings.run import RunSettings  # noqa: E402
from core.study.project import Project  # noqa: E402
from core.work.doing import do_work  # noqa: E402
from core.work.meter import Meter  # noqa: E402

PHOTOS = ROOT.parent / "shared/data/wildlife/images/season"
N_PHOTOS, QUICK_PHOTOS = 450, 96
N_FINISH, QUICK_FINISH = 1_000_000, 20_000
MOST_MEMORY_MB = 4_000
WIDTH, CAMERAS = 1_280, 100
SHARD_PHOTOS = 1_000
SCORERS = (FIRST_LOOK, MEAN) = ("first-look", "mean")
COPIES_EVERY, COPIES = 100, 20
"""Every so manieth shard has so many copies of photos of the first shard."""
TEAMS = {"one process": "", "submitit, 2 workers": "local:2", "Ray, 2 actors": "ray:2"}


def measure_teams(n_photos: int, folder: Path) -> dict[str, dict[str, float]]:
    """Seconds, processor seconds and seconds a shard of the same run, by who did it."""
    photos = folder / "photos"
    photos.mkdir()
    for path in sorted(PHOTOS.iterdir())[:n_photos]:
        shutil.copy(path, photos)
    project = Project(folder / "project")
    n_shard = 32
    common = ["--project", str(project.path), "--json"]
    options = ["--first-look", "--detector", "bundled", "--shard-photos", str(n_shard)]
    _command("run", str(photos), "--name", "first", "--prepare", *options, *common)
    figures: dict[str, dict[str, float]] = {}
    for name, team in TEAMS.items():
        if team and find_spec("ray" if team.startswith("ray") else "submitit") is None:
            print(f"{name}: left out, since the package is not installed.", file=sys.stderr)
            continue
        run_id = team.partition(":")[0] or "one"
        path = project.runs_dir / run_id
        path.mkdir()
        for file in ("run.json", "listing.parquet", "request.json"):
            shutil.copy2(project.runs_dir / "first" / file, path / file)
        began, used = time.perf_counter(), _processor_s()
        _command("run", "--resume", run_id, *(["--workers", team] if team else []), *common)
        seconds = time.perf_counter() - began
        worked = project.run(run_id).written.read_worked()
        figures[name] = {
            "seconds": seconds,
            "processor_s": _processor_s() - used,
            "photos_per_s": n_photos / seconds,
            "shard_s": float(np.median([one.seconds for one in worked])) if worked else float("nan"),
            # From the first worker's first photo to the last shard: without starting processes and loading models.
            "shards_s": max(one.ended_at for one in worked) - min(one.began_at for one in worked)
            if worked
            else float("nan"),
        }
    alone = figures["one process"]
    for row in figures.values():
        row["overhead_ms_a_photo"] = 1_000 * (row["seconds"] - alone["seconds"]) / n_photos
        row["processor_overhead_ms_a_photo"] = 1_000 * (row["processor_s"] - alone["processor_s"]) / n_photos
    return figures


def _command(*words: str) -> None:
    done = subprocess.run([sys.executable, str(ROOT / "cli.py"), *words], capture_output=True, text=True)
    if done.returncode not in (0, 3):
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2_000:]}")


def _processor_s() -> float:
    """Of the processes that this one started and that have ended. Ray's own daemons may be missing."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


# The finish


def make_up_run(folder: Path, n_crops: int) -> RunFolder:
    """A run of which every shard is written, and none is in its place."""
    settings = RunSettings(shard_photos=SHARD_PHOTOS)
    info = RunInfo(
        run_id=folder.name, name=folder.name, folder=str(folder), sections=(WIDTH,), settings=settings.to_values()
    )
    # As a folder is listed: one camera after the other, so that a shard holds photos of one or two.
    names = [f"camera-{i * CAMERAS // n_crops:03d}/IMG_{i:08d}.JPG" for i in range(n_crops)]
    run = RunFolder.create(folder, info, names)
    run.written.make()
    rng = np.random.default_rng(0)
    # A few files of embeddings under many names: what is written once is still read for each shard.
    pool = [folder / f"pool-{i}.parquet" for i in range(8)]
    for path in pool:
        write_parquet(_embeddings([""] * SHARD_PHOTOS, rng), path)
    start = datetime(2024, 5, 3)
    for shard in range(run.n_shards):
        files = run.shard_files(shard)
        first = shard * SHARD_PHOTOS
        numbers = np.arange(first, first + len(files))
        has_copies = shard > 0 and shard % COPIES_EVERY == 0
        if has_copies:
            numbers[:COPIES] = np.arange(COPIES)
        ids = [f"{number * 0x9E3779B97F4A7C15 % 2**128:032x}" for number in numbers.tolist()]
        times = [start + timedelta(seconds=30 * int(number)) for number in numbers]
        tables = _make_tables(files, ids, times)
        place = run.written.place(shard)
        place.mkdir()
        for name, table in tables.items():
            write_parquet(table, place / f"{name}.parquet")
        if has_copies or len(files) < SHARD_PHOTOS:
            write_parquet(_embeddings(tables["crops"]["crop_id"].to_pylist(), rng), place / "embeddings.parquet")
        else:
            os.link(pool[shard % len(pool)], place / "embeddings.parquet")
        worked = Worked(shard=shard, worker="1/1", host="bench", began_at=0, ended_at=1, photos=len(files))
        counts = RunCounts(photos=len(files), whole_frames=len(files), crops=len(files))
        write_whole(place / ACCOUNT, to_json(ShardAccount(counts=counts, worked=worked)))
    for path in pool:
        path.unlink()
    return run


def _make_tables(files: list[str], ids: list[str], times: list[datetime]) -> dict[str, pa.Table]:
    n = len(files)
    text, number = pa.nulls(n, pa.string()), pa.nulls(n, pa.float64())
    columns: dict[str, dict[str, Any]] = {
        "photos": {
            "photo_id": ids,
            "file_name": files,
            "deployment": [name.partition("/")[0] for name in files],
            "captured_at": times,
            "camera_make": text,
            "camera_model": text,
            "camera_serial": text,
            "width_px": [2_048] * n,
            "height_px": [1_536] * n,
            "size_bytes": [1_000_000] * n,
            "duplicate_of": text,
            "note": text,
        },
        "crops": {
            "crop_id": [one[:20] for one in ids],
            "photo_id": ids,
            "kind": ["frame"] * n,
            "x": [0.0] * n,
            "y": [0.0] * n,
            "width": [2_048.0] * n,
            "height": [1_536.0] * n,
            "detector_class": text,
            "detector_confidence": number,
        },
    }
    tables = {name: pa.table(values, schema=SCHEMAS[name]) for name, values in columns.items()}
    return {**tables, **{name: SCHEMAS[name].empty_table() for name in ("detections", "failures")}}


def _embeddings(crop_ids: list[str], rng: np.random.Generator) -> pa.Table:
    return embeddings_table(crop_ids, rng.normal(size=(len(crop_ids), WIDTH)).astype(np.float32))


class MeanScorer:
    """The mean of an embedding: a scorer that reads everything and computes nothing, to see what the rest costs."""

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table a shard, with the columns of table scores."""
        for crops, embeddings in shards:
            yield pd.DataFrame(
                {
                    "crop_id": crops["crop_id"],
                    "species": "",
                    "score": embeddings.mean(axis=1).astype(float),
                    "p_value": 1.0,
                    "flagged": False,
                    "judged_by": "first_look",
                    "judged_against": crops["deployment"],
                }
            )


def finish(folder: Path, scorer_name: str) -> dict[str, float]:
    """Finish a made-up run in this process: seconds of each step, and the most memory up to its end, in MB."""
    from models.judging.first_look import FirstLookScorer

    run = RunFolder.open(folder)
    figures: dict[str, float] = {"crops": float(run.n_files)}
    began = time.perf_counter()
    used = resource.getrusage(resource.RUSAGE_SELF)

    def note(step: str) -> None:
        nonlocal began
        figures[f"{step}_s"] = time.perf_counter() - began
        figures[f"{step}_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024
        began = time.perf_counter()
        print(step, figures[f"{step}_s"], figures[f"{step}_mb"], file=sys.stderr, flush=True)

    def do(meter: Meter) -> None:
        settle_shards(run)
        note("settle")
        settings = RunSettings.from_values(run.info.settings)
        scorer: Scorer = FirstLookScorer(settings, run.info.sections) if scorer_name == FIRST_LOOK else MeanScorer()
        finish_run(run, meter, scorer=scorer, settings=settings)
        note("events and scores")

    kept: list[bool] = []
    do_work(run, do, finish=lambda: kept.append(keep_catalogue(run)))
    note("catalogue")
    now = resource.getrusage(resource.RUSAGE_SELF)
    figures["processor_s"] = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    figures["catalogue_kept"] = float(kept[0])
    figures["files"] = float(sum(1 for _ in folder.iterdir()))
    figures["duplicates"] = float(run.counts().duplicates)
    return figures


def measure_finish(n_crops: int, folder: Path, scorer_name: str) -> dict[str, float]:
    """As ``finish``, in a process of its own, whose memory nothing else has filled."""
    make_up_run(folder, n_crops)
    words = [str(Path(__file__)), "--finish-in", str(folder), "--scorer", scorer_name]
    done = subprocess.run([sys.executable, *words], stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


# The report


def list_targets(figures: dict[str, Any]) -> list[Target]:
    """What the figures should reach."""
    most = max(value for name, value in figures["finish"].items() if name.endswith("_mb"))
    return [at_most(f"memory of the finish of {figures['finish']['crops']:,.0f} crops, MB", most, MOST_MEMORY_MB)]


def print_tables(figures: dict[str, Any]) -> None:
    """In Markdown."""
    if figures.get("teams"):
        print("| who | s | processor s | s a shard (median) | s for all shards | more ms a photo | by processor |")
        print("|---|---|---|---|---|---|---|")
        for name, row in figures["teams"].items():
            print(
                f"| {name} | {row['seconds']:.1f} | {row['processor_s']:.1f} | {row['shard_s']:.2f} | "
                f"{row['shards_s']:.1f} | {row['overhead_ms_a_photo']:.0f} | "
                f"{row['processor_overhead_ms_a_photo']:.0f} |"
            )
        print()
    row = figures["finish"]
    print(f"| finish of {row['crops']:,.0f} crops | s | most memory so far, MB |\n|---|---|---|")
    for step in ("settle", "events and scores", "catalogue"):
        print(f"| {step} | {row[f'{step}_s']:.1f} | {row[f'{step}_mb']:,.0f} |")


def main() -> int:
    """Run what the command line asks for; 1 where the photos are missing."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--quick", action="store_true", help="96 photos and a finish of 20,000 crops")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--finish", type=int, metavar="CROPS", help="only the finish, of so many crops")
    parser.add_argument(
        "--at", type=Path, metavar="FOLDER", help="where the made-up run is put; default: a temporary one"
    )
    parser.add_argument("--scorer", choices=SCORERS, default=FIRST_LOOK, help="of the finish")
    parser.add_argument("--finish-in", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.finish_in:
        print(json.dumps(finish(options.finish_in, options.scorer)))
        return 0
    if not options.finish and not PHOTOS.is_dir():
        print(f"This bench needs the real photos in {PHOTOS}, which are not here.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory(dir=options.at) as folder:
        place = Path(folder)
        figures: dict[str, Any] = {}
        if not options.finish:
            figures["teams"] = measure_teams(QUICK_PHOTOS if options.quick else N_PHOTOS, place)
        scorer = MEAN if options.quick else options.scorer
        n_crops = options.finish or (QUICK_FINISH if options.quick else N_FINISH)
        figures["finish"] = measure_finish(n_crops, place / "made-up", scorer)
    report(figures, list_targets(figures), as_json=options.json, print_figures=lambda: print_tables(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
