"""The trained parts of a pipeline as Protocols, so that core never imports models."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from core.records import Found, HeatMap, LoadedPhoto


class Detector(Protocol):
    """Finds animals in a batch of photos."""

    @property
    def name(self) -> str:
        """Its name in the record of a run: a published name or a path."""
        ...

    @property
    def image_px(self) -> int:
        """The longer side in pixels of a photo as it sees it. It need not be given a larger picture of the photo."""
        ...

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """The detections of each photo, in the photos' order. Boxes are in pixels of the upright photo, inside it."""
        ...


class Encoder(Protocol):
    """Turns crops into vectors."""

    @property
    def name(self) -> str:
        """Its name in the record of a run."""
        ...

    @property
    def input_px(self) -> int:
        """Side in pixels of the square crops that it takes."""
        ...

    @property
    def sections(self) -> tuple[int, ...]:
        """Length of each joined part of an embedding; their sum is the embedding's length."""
        ...

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, sum(sections))``, of RGB uint8 crops ``(n, input_px, input_px, 3)``."""
        ...


class FrameMapper(Protocol):
    """Shows where whole frames are unusual, for cameras that it knows."""

    def map_frames(self, frames: np.ndarray, deployments: Sequence[str]) -> list[HeatMap | None]:
        """Maps of RGB uint8 frames ``(n, input_px, input_px, 3)``, as for the encoder; None for unknown cameras."""
        ...


class EmbeddedShards(Protocol):
    """The crops of a run with their embeddings, shard by shard; can be read more than once."""

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pairs of crops and float32 embeddings in the same order.

        The columns are those of table crops and ``deployment``. If the run has heat maps, also ``patch_distance``, the
        largest distance in the crop's map (NaN without one), and ``bank_id``.
        """
        ...


class Scorer(Protocol):
    """Scores how little each crop fits."""

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table of scores per shard, in the shards' order, with the columns of table scores."""
        ...
