"""What a pipeline is made of: the learned parts as Protocols, so that core never imports them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pandas as pd

from core.records import Found, HeatMap, LoadedPhoto


class Detector(Protocol):
    """Finds animals in a batch of photos."""

    @property
    def name(self) -> str:
        """What the run's record says of it: a published name or a path."""
        ...

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """What is in each photo, in the photos' order; boxes in pixels of the upright photo, inside its frame."""
        ...


class Encoder(Protocol):
    """Turns crops into vectors."""

    @property
    def name(self) -> str:
        """What the run's record says of it."""
        ...

    @property
    def input_px(self) -> int:
        """Side of the square crops that it takes."""
        ...

    @property
    def sections(self) -> tuple[int, ...]:
        """Length of each joined part of an embedding; their sum is the embedding's length."""
        ...

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, sum(sections))``, of RGB uint8 crops ``(n, input_px, input_px, 3)``."""
        ...


class FrameMapper(Protocol):
    """Says where in a whole frame something is odd, for cameras that it knows."""

    def map_frames(self, frames: np.ndarray, deployments: Sequence[str]) -> list[HeatMap | None]:
        """Heat maps of RGB uint8 frames ``(n, input_px, input_px, 3)``, as for the encoder; None: unknown camera."""
        ...


class EmbeddedShards(Protocol):
    """The crops of a run with their embeddings, shard by shard; can be gone through more than once."""

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        """Pairs of crops and float32 embeddings in the same order.

        The columns are those of table crops, ``deployment``, and where the run has heat maps ``patch_distance``, the
        largest distance of the crop's (NaN without one), and ``bank_id``.
        """
        ...


class Scorer(Protocol):
    """Scores how little each crop fits."""

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table of scores a shard, in the shards' order, with the columns of table scores."""
        ...
