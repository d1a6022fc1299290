"""Stand-ins for the learned parts, simple enough to be worked out by hand."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from core.records import Box, Detection, Found, HeatMap, JudgedBy, LoadedPhoto
from core.runs.parts import EmbeddedShards


class BrightSideDetector:
    """Finds an "animal" in the left half of every photo whose left half is brighter than its right."""

    name = "bright-side"
    image_px = 32

    def __init__(self) -> None:
        self.seen: list[str] = []

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        return [self._detect_one(photo) for photo in photos]

    def _detect_one(self, photo: LoadedPhoto) -> Found:
        self.seen.append(photo.photo.file_name)
        middle = photo.pixels.shape[1] // 2
        if photo.pixels[:, :middle].mean() <= photo.pixels[:, middle:].mean():
            return Found(())
        half, height = photo.photo.width_px // 2, photo.photo.height_px
        return Found((Detection(Box(0.0, 0.0, float(half), float(height)), "animal", 0.9),))


class MeanColourEncoder:
    """A crop's mean red, green and blue, 0 to 1."""

    name = "mean-colour"
    input_px = 16
    sections = (3,)

    def embed(self, crops: np.ndarray) -> np.ndarray:
        return crops.reshape(len(crops), -1, 3).mean(axis=1).astype(np.float32).reshape(-1, 3) / 255


class QuarterMapper:
    """Knows one camera; the brighter a quarter of its frames, the odder."""

    def __init__(self, camera: str) -> None:
        self.camera = camera

    def map_frames(self, frames: np.ndarray, deployments: Sequence[str]) -> list[HeatMap | None]:
        quarters = frames.reshape(len(frames), 2, frames.shape[1] // 2, 2, -1).mean(axis=(2, 4)) / 255  # (n, 2, 2)
        return [
            HeatMap(quarter.astype(np.float16), "bank", 0.5) if camera == self.camera else None
            for quarter, camera in zip(quarters, deployments, strict=True)
        ]


class BrightnessScorer:
    """The brighter, the odder."""

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        for crops, embeddings in shards:
            score = embeddings.mean(axis=1).astype(float)
            yield pd.DataFrame(
                {
                    "crop_id": crops["crop_id"],
                    "species": "animal",
                    "score": score,
                    "p_value": 1 - score,
                    "flagged": score > 0.9,
                    "judged_by": str(JudgedBy.FIRST_LOOK),
                    "judged_against": crops["deployment"],
                }
            )
