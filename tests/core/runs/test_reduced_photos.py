"""A run that decodes photos reduced finds what it finds in whole photos."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from core.errors import PhotoUnreadable
from core.photos import cutting
from core.photos.deployments import DeploymentNamer
from core.photos.reading import find_photos
from core.runs.catalogue import keep_catalogue
from core.runs.folder import RunFolder, RunInfo
from core.runs.pipeline import run_pipeline
from core.settings.run import RunSettings
from core.work.doing import do_work
from tests.fakes.parts import BrightnessScorer, BrightSideDetector, MeanColourEncoder

SIZE = (400, 304)


def draw(seed: int) -> Image.Image:
    """A noisy scene whose left half is brighter."""
    draws = np.random.default_rng(seed)
    coarse = Image.fromarray(draws.integers(40, 120, (8, 10, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    pixels = np.asarray(coarse) + draws.normal(0, 5, (SIZE[1], SIZE[0], 1))
    pixels[:, : SIZE[0] // 2] += 100
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


@pytest.fixture
def photos(tmp_path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for orientation in (1, 3, 8):
        exif = Image.Exif()
        exif[0x0112] = orientation
        draw(orientation).save(folder / f"held-{orientation}.jpg", exif=exif, quality=90)
    draw(10).save(folder / "progressive.jpg", progressive=True)
    draw(11).convert("CMYK").save(folder / "cmyk.jpg")
    draw(12).convert("L").save(folder / "grey.jpg")
    Image.fromarray(np.asarray(draw(13).convert("L")).astype(np.uint16) * 256).save(folder / "bits.png")
    draw(14).save(folder / "cut.jpg")
    (folder / "cut.jpg").write_bytes((folder / "cut.jpg").read_bytes()[:9_000])
    (folder / "none.jpg").write_bytes((folder / "held-1.jpg").read_bytes()[:300])
    return folder


class SmallDetector(BrightSideDetector):
    def __init__(self, image_px: int) -> None:
        super().__init__()
        self.image_px = image_px
        self.pixels: dict[str, int] = {}

    def detect(self, photos):
        self.pixels |= {photo.photo.file_name: photo.pixels.size // 3 for photo in photos}
        return super().detect(photos)


def run_over(folder: Path, path: Path, image_px: int) -> tuple[RunFolder, SmallDetector]:
    settings, detector = RunSettings(batch_photos=4, crop_saved_px=64), SmallDetector(image_px)
    info = RunInfo(run_id=path.name, name=path.name, folder=str(folder), settings=settings.to_values())
    run = RunFolder.create(path, info, find_photos(folder).file_names)
    do_work(
        run,
        lambda meter: run_pipeline(
            run,
            meter,
            detector=detector,
            encoder=MeanColourEncoder(),
            scorer=BrightnessScorer(),
            namer=DeploymentNamer(folder),
            settings=settings,
            crops_dir=path.parent / f"{path.name}-crops",
        ),
        finish=lambda: keep_catalogue(run),
    )
    return run, detector


def test_photos_boxes_failures_and_embeddings_are_those_of_whole_photos(photos, tmp_path):
    whole, saw_whole = run_over(photos, tmp_path / "whole", SIZE[0])
    reduced, saw_reduced = run_over(photos, tmp_path / "reduced", SIZE[0] // 4)

    for table in ("photos", "detections", "crops", "failures"):
        pd.testing.assert_frame_equal(whole.read_table(table), reduced.read_table(table))
    assert len(reduced.read_table("photos")) == 8
    assert "truncated" in reduced.read_table("photos").set_index("file_name")["note"]["cut.jpg"]
    of_whole, of_reduced = (np.concatenate([rows for _, rows in run.embedded_shards()]) for run in (whole, reduced))
    lengths = np.linalg.norm(of_whole, axis=1) * np.linalg.norm(of_reduced, axis=1)
    assert ((of_whole * of_reduced).sum(axis=1) / lengths).min() > 0.999
    assert set(saw_whole.pixels.values()) == {SIZE[0] * SIZE[1]}
    small = {name for name, pixels in saw_reduced.pixels.items() if pixels == SIZE[0] * SIZE[1] // 16}
    assert small == {"held-1.jpg", "held-3.jpg", "held-8.jpg", "progressive.jpg", "grey.jpg"}
    for picture in (tmp_path / "whole-crops").rglob("*.jpg"):
        with (
            Image.open(picture) as shown,
            Image.open(tmp_path / "reduced-crops" / picture.parent.name / picture.name) as same,
        ):
            assert max(shown.size) == max(same.size) == 64
            assert np.abs(np.asarray(shown, dtype=int) - np.asarray(same, dtype=int)).mean() < 6


def test_a_photo_that_does_not_fit_into_the_memory_when_it_is_decoded_again_is_a_failure(photos, tmp_path, monkeypatch):
    def refuse(content, **options):
        raise PhotoUnreadable("A picture of 400 x 304 pixels does not fit into the memory.")

    monkeypatch.setattr(cutting, "decode_photo", refuse)
    monkeypatch.setattr(cutting, "PIXELS_PER_INPUT", 16.0)

    run, _ = run_over(photos, tmp_path / "run", SIZE[0] // 4)

    failures = run.read_table("failures").set_index("file_name")
    assert failures.loc["grey.jpg", "stage"] == "read"
    assert "does not fit into the memory" in failures.loc["grey.jpg", "reason"]
    assert set(run.read_table("photos")["file_name"]) == {"bits.png", "cmyk.jpg", "cut.jpg"}
