"""A project with a bundle and a run over made-up embeddings: deer and foxes that are known, a stranger that is not."""

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from core.photos.events import group_events
from core.records import Box, Crop, CropKind, Detection, Photo, hash_content, name_crops
from core.runs.folder import Phase, Progress, RunFolder, ShardTables
from core.settings.run import RunSettings
from core.study.project import Project
from models.bundles.bundle import Bundle
from models.bundles.making import make_bundle
from models.bundles.rows import TrainingRows, as_training_table, describe_crop
from models.bundles.scorer import BundleScorer
from models.encoders.spec import EncoderSpec
from models.judging.first_look import FirstLookScorer
from tests.fakes.scored_crops import SECTIONS, draw_species

ENCODER = EncoderSpec(weights="none")
KNOWN = ("deer", "fox")
STRANGER = "stranger"
SIZE_PX = 64


def draw(species: str, n: int, *, seed: int) -> np.ndarray:
    """Embeddings. The season's deer have changed their coat; the stranger looks much like a fox."""
    deer, fox = draw_species(0, 1, seed=0, spread=0), draw_species(1, 1, seed=0, spread=0)
    other, coat = draw_species(2, 1, seed=0, spread=0), draw_species(3, 1, seed=0, spread=0)
    place = {"deer": deer, "fox": fox, STRANGER: fox + 0.45 * (other - fox), "deer in winter": deer + 0.5 * coat}
    return (place[species] + np.random.default_rng(seed).normal(size=(n, sum(SECTIONS)))).astype(np.float32)


def make_base_bundle(project: Project, *, name: str = "first", n: int = 60) -> Bundle:
    """A bundle that knows deer and foxes."""
    described, vectors = [], []
    for nth, species in enumerate(KNOWN):
        vectors.append(draw(species, n, seed=10 + nth))
        for i in range(n):
            photo_id = hash_content(f"training {species} {i}".encode())
            (crop_id,) = name_crops(photo_id, [Box(8, 8, 40, 40)])
            crop = Crop(crop_id, photo_id, CropKind.DETECTION, Box(8, 8, 40, 40))
            described.append(
                describe_crop(
                    crop,
                    file_name=f"{species}-{i}.jpg",
                    species=species,
                    deployment="old",
                    group=f"old/{species}-{i // 2}",
                )
            )
    rows = TrainingRows(as_training_table(described), np.concatenate(vectors).astype(np.float16))
    bundle = make_bundle(
        rows, name=name, encoders=(ENCODER,), sections=SECTIONS, settings=RunSettings(), out_dir=project.bundles_dir
    )
    project.store.register_bundle(name)
    return bundle


def add_season(
    project: Project,
    name: str,
    *,
    bundle: Bundle | None = None,
    n_usual: int = 80,
    n_odd: int = 12,
    seed: int = 5,
    folder: Path | None = None,
) -> RunFolder:
    """A finished run; the same ``seed`` gives the same photos, so that verdicts are found again."""
    kinds = ["deer in winter" if i % 2 else "fox" for i in range(n_usual)] + [STRANGER] * n_odd
    vectors = np.concatenate(
        [
            draw("deer in winter", n_usual, seed=seed),
            draw("fox", n_usual, seed=seed + 1),
            draw(STRANGER, n_odd, seed=seed + 2),
        ]
    )
    chosen = [i if kind == "deer in winter" else n_usual + i for i, kind in enumerate(kinds)]
    run = project.new_run_folder(
        name,
        folder=folder or project.path / "photos",
        file_names=[f"north/{i:03d}.jpg" for i in range(len(kinds))],
        bundle=bundle.name if bundle else "",
        detector="fake",
        encoder=ENCODER.name,
        encoders=[ENCODER.to_values()],
        settings=RunSettings(shard_photos=40).to_values(),
    )
    photos = [
        Photo(
            photo_id=hash_content(f"{seed}/{kind}/{i}".encode()),
            file_name=f"north/{i:03d}.jpg",
            deployment="north",
            width_px=SIZE_PX,
            height_px=SIZE_PX,
            size_bytes=1,
            captured_at=datetime(2026, 5, 1) + timedelta(minutes=5 * i),
        )
        for i, kind in enumerate(kinds)
    ]
    box = Box(8, 8, 40, 40)
    with run.working():
        for number in range(run.n_shards):
            shard = ShardTables()
            for file_name in run.shard_files(number):
                i = int(file_name[6:9])
                (crop_id,) = name_crops(photos[i].photo_id, [box])
                crop = Crop(crop_id, photos[i].photo_id, CropKind.DETECTION, box, "animal", 0.9)
                shard.add_photo(photos[i], detections=[Detection(box, "animal", 0.9)], crops=[crop])
                shard.add_embeddings([crop_id], vectors[chosen[i]][None])
            run.write_shard(number, shard)
        events = group_events(["north"] * len(photos), [photo.captured_at for photo in photos], gap_s=60)
        run.write_events(pd.DataFrame({"photo_id": [photo.photo_id for photo in photos], "event_id": events}))
        scorer = BundleScorer(bundle, RunSettings()) if bundle else FirstLookScorer(RunSettings(), SECTIONS)
        run.write_all_scores(scorer.score(run.embedded_shards()))
        run.write_progress(Progress(phase=Phase.DONE, done=len(photos), total=len(photos)))
    return run


def is_stranger(row: pd.Series | dict, *, n_usual: int = 80) -> bool:
    """The truth about a row of the queue."""
    return int(str(row["file_name"])[6:9]) >= n_usual


def decide(project: Project, rows: pd.DataFrame, *, reviewer: str = "ana", species: str = "") -> None:
    """A reviewer who knows decides about all of these rows."""
    for odd, verdict in ((True, "anomaly"), (False, "normal")):
        part = [row for _, row in rows.iterrows() if is_stranger(row) is odd]
        if part:
            project.save_verdicts(part, verdict, reviewer=reviewer, species=species if odd else "")
