"""Heat maps of a run's whole frames, for the cameras that its bundle scores by patches."""

from collections.abc import Mapping, Sequence

import numpy as np

from core.records import HeatMap
from models.bundles.bundle import Bundle
from models.bundles.patches import choose_patch_spec
from models.encoders.patch_maps import PatchEncoder, load_patch_encoder
from models.judging.patch_judge import PatchJudge


class PatchMapper:
    """Makes heat maps with a bundle; a FrameMapper of core/runs/parts.py."""

    def __init__(self, encoder: PatchEncoder, judges: Mapping[str, PatchJudge]) -> None:
        self._encoder = encoder
        self._judges = judges

    def map_frames(self, frames: np.ndarray, deployments: Sequence[str]) -> list[HeatMap | None]:
        """See ``core.runs.parts.FrameMapper``; one frame at a time, so that no map depends on the others."""
        return [
            self._judges[camera].map_frames(self._encoder.embed_maps(frame[None]))[0]
            if camera in self._judges
            else None
            for frame, camera in zip(frames, deployments, strict=True)
        ]


def load_mapper(bundle: Bundle) -> PatchMapper | None:
    """The mapper for the whole frames of a bundle's runs; None if the bundle scores them by their embedding alone.

    Raises:
        AnomalureError: If its backbone cannot be loaded.
    """
    if not bundle.patch_judges:
        return None
    return PatchMapper(load_patch_encoder(choose_patch_spec(bundle.encoders)), bundle.patch_judges)
