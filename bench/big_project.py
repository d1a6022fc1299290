"""A project with very many crops and few pictures, to measure what the pages do with a large run."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from PIL import Image

from core.records import JudgedBy
from core.runs.folder import Phase, Progress, RunFolder
from core.settings.run import RunSettings
from core.study.project import Project

PHOTO_WIDTH_PX, PHOTO_HEIGHT_PX = 1280, 960
CAMERAS = 40
SPECIES = ("deer", "fox", "boar", "badger", "hare", "lynx")
EMBEDDING_LENGTH = 16
PICTURES = 60
SHARD_PHOTOS = 20_000
CROPS_AN_EVENT = 4
FLAGGED_SHARE = 0.05


def make_big_project(folder: Path, n: int, *, n_shown: int = 3_000, seed: int = 5) -> Project:
    """A project with one finished run of ``n`` photos, one crop each.

    The ``n_shown`` most anomalous crops, and some of the normal ones, have pictures; they share a few files.
    """
    project = Project(folder / "project")
    rng = np.random.default_rng(seed)
    photos_dir = folder / "photos"
    names = np.array([f"camera-{i * CAMERAS // n:02d}/IMG_{i:07d}.jpg" for i in range(n)])
    settings = RunSettings(shard_photos=SHARD_PHOTOS).to_values()
    run = project.new_run_folder(
        "big",
        folder=photos_dir,
        file_names=names.tolist(),
        detector="made up",
        encoder="made up",
        settings=settings,
        bundle="made-up",
    )
    p_value = (rng.permutation(n) + 1) / (n + 1)
    species = rng.integers(0, len(SPECIES), n)
    photo_ids = np.array([f"{(i * 2654435761) % 2**64:016x}{i:016x}" for i in range(n)])
    crop_ids = np.array([f"{(i * 40503) % 256:02x}{i:018x}" for i in range(n)])
    with run.working():
        for shard in range(run.n_shards):
            part = np.arange(shard * SHARD_PHOTOS, min((shard + 1) * SHARD_PHOTOS, n))
            run.write_shard(shard, _shard(part, names, photo_ids, crop_ids, rng))
            run.write_scores(
                shard,
                pd.DataFrame(
                    {
                        "crop_id": crop_ids[part],
                        "species": np.array(SPECIES)[species[part]],
                        "score": 1 - np.log10(p_value[part] * 20),
                        "p_value": p_value[part],
                        "flagged": p_value[part] <= FLAGGED_SHARE,
                        "judged_by": str(JudgedBy.SPECIES_MODEL),
                        "judged_against": np.array(SPECIES)[species[part]],
                    }
                ),
            )
        run.write_events(
            pd.DataFrame({"photo_id": photo_ids, "event_id": [f"event-{i // CROPS_AN_EVENT}" for i in range(n)]})
        )
        run.write_progress(Progress(phase=Phase.DONE, done=n, total=n))
    shown = np.argsort(p_value)[:n_shown]
    normal = np.flatnonzero(p_value > FLAGGED_SHARE)[: 2 * SHARD_PHOTOS : 10]
    neighbours = (shown[:, None] // CROPS_AN_EVENT * CROPS_AN_EVENT + np.arange(CROPS_AN_EVENT)).ravel()
    _link_pictures(
        project, run, np.unique(np.concatenate([shown, normal, neighbours[neighbours < n]])), names, crop_ids
    )
    return project


def _shard(
    part: np.ndarray, names: np.ndarray, photo_ids: np.ndarray, crop_ids: np.ndarray, rng: np.random.Generator
) -> dict[str, pa.Table | pd.DataFrame]:
    n = len(part)
    start = datetime(2026, 3, 1)
    boxes = {"x": 380.0 + part % 100, "y": 300.0, "width": 420.0, "height": 360.0}
    vectors = rng.normal(size=(n, EMBEDDING_LENGTH)).astype(np.float16)
    return {
        "photos": pd.DataFrame(
            {
                "photo_id": photo_ids[part],
                "file_name": names[part],
                "deployment": [name.split("/")[0] for name in names[part]],
                "captured_at": [start + timedelta(seconds=int(i) * 9) for i in part],
                "camera_make": "",
                "camera_model": "",
                "camera_serial": "",
                "width_px": PHOTO_WIDTH_PX,
                "height_px": PHOTO_HEIGHT_PX,
                "size_bytes": 100_000,
                "duplicate_of": None,
                "note": "",
            }
        ),
        "detections": pd.DataFrame(
            {"photo_id": photo_ids[part], "detector_class": "animal", "confidence": 0.9, **boxes}
        ),
        "crops": pd.DataFrame(
            {
                "crop_id": crop_ids[part],
                "photo_id": photo_ids[part],
                "kind": "detection",
                **boxes,
                "detector_class": "animal",
                "detector_confidence": 0.9,
            }
        ),
        "embeddings": pa.table(
            {
                "crop_id": crop_ids[part],
                "embedding": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), EMBEDDING_LENGTH),
            }
        ),
        "failures": pd.DataFrame({"file_name": [], "stage": [], "reason": []}, dtype=str),
    }


def _link_pictures(
    project: Project, run: RunFolder, which: np.ndarray, names: np.ndarray, crop_ids: np.ndarray
) -> None:
    """Photos and crops from a few pictures under many names; links take no space on disk."""
    sources = project.path / "pictures"
    sources.mkdir(exist_ok=True)
    for k in range(PICTURES):
        rng = np.random.default_rng(k)
        coarse = rng.integers(40, 200, (24, 32, 3), dtype=np.uint8)
        photo = Image.fromarray(coarse).resize((PHOTO_WIDTH_PX, PHOTO_HEIGHT_PX), Image.Resampling.BICUBIC)
        photo.paste((30 + 3 * k, 60, 40), (430, 340, 760, 620))
        photo.save(sources / f"photo-{k}.jpg", quality=88)
        photo.crop((380, 300, 800, 660)).resize((320, 274)).save(sources / f"crop-{k}.jpg", quality=88)
    photos_dir = Path(run.info.folder)
    for i in which:
        crop = project.crop_path(str(crop_ids[i]))
        assert crop is not None
        for source, place in ((f"crop-{i % PICTURES}.jpg", crop), (f"photo-{i % PICTURES}.jpg", photos_dir / names[i])):
            place.parent.mkdir(parents=True, exist_ok=True)
            if not place.exists():
                os.link(sources / source, place)
