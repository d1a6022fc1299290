"""A small project made through the real API, with real tiny pictures, for tests that need one."""

import atexit
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from PIL import Image

from core.records import Box, Crop, CropKind, Detection, Failure, HeatMap, JudgedBy, Photo, hash_content, name_crops
from core.runs.folder import INFO, Phase, Progress, RunFolder, ShardTables
from core.runs.shards import HEAT_MAPS
from core.settings.run import RunSettings
from core.study.project import Project
from models.encoders.spec import bundled_encoder

PHOTO_WIDTH_PX, PHOTO_HEIGHT_PX = 96, 64
CAMERAS = ("north", "south")
SPECIES = ("deer", "fox", "badger")
EMBEDDING_LENGTH = 8
SECTIONS_WITH_CLASSES = (EMBEDDING_LENGTH, 1000, 4)
COYOTE, RED_FOX, TABBY, ABACUS = 272, 277, 281, 398


def make_project(
    tmp_path: Path, n: int = 12, *, n_flagged: int | None = None, shard_photos: int = 5, looks: Sequence[int] = ()
) -> Project:
    """A project with one finished run over ``n`` photos, one crop each.

    Photo ``i`` (``north/photo-000.jpg``, ``south/photo-001.jpg``, ...) scores ``n - i``: the first is the most
    anomalous. The first ``n_flagged`` (a third, at least one) are flagged; every fifth crop is a whole frame. Beside
    them lie one duplicate and one file that is no picture.
    """
    how = n, n_flagged, shard_photos, tuple(looks)
    changed_by_tests = PHOTO_WIDTH_PX, CAMERAS, SPECIES
    made = _make_once(how, changed_by_tests, datetime.now().date().isoformat())
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    project = Project(tmp_path / "project")
    (run,) = project.runs_dir.iterdir()
    info = json.loads((run / INFO).read_text(encoding="utf-8"))
    info["folder"] = str((tmp_path / "photos").absolute())
    (run / INFO).write_text(json.dumps(info), encoding="utf-8")
    project.store._turn.ready = project.store.look_for_change()  # as where this process made the database
    return project


@cache
def _make_once(how: tuple[Any, ...], changed_by_tests: tuple[Any, ...], day: str) -> Path:
    """The project that others are copies of: to copy it takes a fifth of the time."""
    n, n_flagged, shard_photos, looks = how
    folder = Path(tempfile.mkdtemp(prefix="anomalure-made-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    project = Project(folder / "project")
    add_run(project, folder / "photos", n=n, n_flagged=n_flagged, shard_photos=shard_photos, looks=looks)
    return folder


def add_run(
    project: Project,
    folder: Path,
    *,
    n: int = 12,
    name: str | None = None,
    n_flagged: int | None = None,
    shard_photos: int = 5,
    shift_px: float = 0.0,
    bundle: str = "",
    classes: Sequence[str] = ("animal",),
    looks: Sequence[int] = (),
) -> RunFolder:
    """One more finished run; ``shift_px`` moves the boxes, as another detector would.

    ``classes`` are what it takes the crops for, in turn. ``looks`` are the ImageNet classes that the crops look
    like, in turn, as the bundled encoder says; without them the run is of an encoder that knows no classes.
    """
    n_flagged = max(1, n // 3) if n_flagged is None else n_flagged
    photos = [write_photo(folder, i) for i in range(n)]
    (folder / "north" / "copy.jpg").write_bytes((folder / photos[0].file_name).read_bytes())
    (folder / "north" / "not-a-photo.jpg").write_text("this is no picture")
    names = sorted([*(photo.file_name for photo in photos), "north/copy.jpg", "north/not-a-photo.jpg"])
    names.remove("north/copy.jpg")
    names.append("north/copy.jpg")  # last, so that the photo comes first
    settings = RunSettings(shard_photos=shard_photos).to_values()
    run = project.new_run_folder(
        name,
        folder=folder,
        file_names=names,
        bundle=bundle,
        detector="fake detector",
        encoder="fake encoder",
        settings=settings,
        encoders=[bundled_encoder().to_values()] if looks else [],
        sections=SECTIONS_WITH_CLASSES if looks else (),
    )
    by_name = {photo.file_name: (i, photo) for i, photo in enumerate(photos)}
    with run.working():
        for shard in range(run.n_shards):
            run.write_shard(
                shard, _shard(project, run.shard_files(shard), by_name, photos[0], folder, shift_px, classes, looks)
            )
        run.write_events(
            pd.DataFrame(
                {"photo_id": [photo.photo_id for photo in photos], "event_id": [f"event-{i // 2}" for i in range(n)]}
            )
        )
        place = {photo.photo_id: i for i, photo in enumerate(photos)}
        run.write_all_scores(
            _scores(crops, [place[photo_id] for photo_id in crops["photo_id"]], n, n_flagged)
            for crops, _ in run.embedded_shards()
        )
        run.write_progress(Progress(phase=Phase.DONE, done=len(names), total=len(names), photos_per_s=20.0, failures=1))
    return run


def add_heat_map(run: RunFolder, crop_id: str, heat: HeatMap) -> None:
    """One for a whole frame of a finished run."""
    for shard, (crops, _) in enumerate(run.embedded_shards()):
        if crop_id in set(crops["crop_id"]):
            tables = ShardTables()
            tables.add_heat_maps({crop_id: heat})
            pq.write_table(tables.tables()[HEAT_MAPS], run.path / f"{HEAT_MAPS}-{shard:05d}.parquet")


def write_photo(folder: Path, i: int) -> Photo:
    """A picture of its own colour with a darker animal in it."""
    name = f"{CAMERAS[i % len(CAMERAS)]}/photo-{i:03d}.jpg"
    pixels = np.full((PHOTO_HEIGHT_PX, PHOTO_WIDTH_PX, 3), (40 + i * 7 % 200, 120, 60 + i * 13 % 180), dtype=np.uint8)
    pixels[20:50, 30:70] = (i % 256, i // 256 % 256, 30)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = _jpeg(pixels)
    path.write_bytes(content)
    return Photo(
        photo_id=hash_content(content),
        file_name=name,
        deployment=name.split("/")[0],
        width_px=PHOTO_WIDTH_PX,
        height_px=PHOTO_HEIGHT_PX,
        size_bytes=len(content),
        captured_at=datetime(2026, 5, 1) + timedelta(minutes=i),
        camera_make="Fake",
        camera_model="Trap 1",
    )


def _shard(
    project: Project,
    file_names: Sequence[str],
    by_name: dict[str, tuple[int, Photo]],
    original: Photo,
    folder: Path,
    shift_px: float,
    classes: Sequence[str],
    looks: Sequence[int],
) -> ShardTables:
    shard = ShardTables()
    shard.add_embeddings([], np.empty((0, sum(SECTIONS_WITH_CLASSES) if looks else EMBEDDING_LENGTH), dtype=np.float32))
    for file_name in file_names:
        if file_name == "north/copy.jpg":
            shard.add_duplicate(replace(original, file_name=file_name), duplicate_of=original.file_name)
            continue
        if file_name not in by_name:
            shard.add_failure(Failure(file_name, "read", "This file is not a picture."))
            continue
        i, photo = by_name[file_name]
        box = None if i % 5 == 4 else Box(30.0 + shift_px, 20.0, 40.0, 30.0)
        (crop_id,) = name_crops(photo.photo_id, [box])
        if box is None:
            detections = []
            crop = Crop(crop_id, photo.photo_id, CropKind.FRAME, Box(0.0, 0.0, PHOTO_WIDTH_PX, PHOTO_HEIGHT_PX))
        else:
            name = classes[i % len(classes)]
            detections = [Detection(box, name, 0.9)]
            crop = Crop(crop_id, photo.photo_id, CropKind.DETECTION, box, name, 0.9)
        shard.add_photo(photo, detections=detections, crops=[crop])
        shard.add_embeddings([crop_id], _embed(i, looks))
        path = project.crop_path(crop_id)
        assert path is not None
        path.parent.mkdir(exist_ok=True)
        area = crop.box
        with Image.open(folder / file_name) as picture:
            cut = picture.crop((int(area.x), int(area.y), int(area.x + area.width), int(area.y + area.height)))
            cut.save(path, quality=90)
    return shard


def _embed(i: int, looks: Sequence[int]) -> np.ndarray:
    """One row; with classes, the crop looks most like one of them, and a little like a coyote."""
    if not looks:
        return np.full((1, EMBEDDING_LENGTH), i, dtype=np.float32)
    row = np.full((1, sum(SECTIONS_WITH_CLASSES)), i, dtype=np.float32)
    scores = row[:, EMBEDDING_LENGTH : EMBEDDING_LENGTH + 1000]
    scores[:] = -30
    scores[0, COYOTE] = 2
    scores[0, looks[i % len(looks)]] = 3
    return row


def _scores(crops: pd.DataFrame, places: Sequence[int], n: int, n_flagged: int) -> pd.DataFrame:
    judged_by = [JudgedBy.OWN_FRAMES if kind == CropKind.FRAME else JudgedBy.FIRST_LOOK for kind in crops["kind"]]
    return pd.DataFrame(
        {
            "crop_id": crops["crop_id"],
            "species": [SPECIES[place % len(SPECIES)] for place in places],
            "score": [float(n - place) for place in places],
            "p_value": [0.01 if place < n_flagged else 0.06 + 0.9 * place / n for place in places],
            "flagged": [place < n_flagged for place in places],
            "judged_by": [str(name) for name in judged_by],
            "judged_against": crops["deployment"],
        }
    )


def _jpeg(pixels: np.ndarray) -> bytes:
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
