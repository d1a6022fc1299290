"""Where a crop is odd: how far each patch of it is from the patches of normal crops of its species."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from core.photos.crops import resize_crops
from core.records import HeatMap
from models.bundles.bundle import Bundle
from models.bundles.patches import choose_patch_spec
from models.encoders.patch_maps import PatchEncoder, load_patch_encoder
from models.judging.patch_judge import PatchJudge, fit_patch_judge


class CropMapper:
    """Patches of crops by a bundle's backbone. Bundles keep none, so the normal crops are mapped when they are needed.

    A map says where a crop is odd, not whether: scores and p-values come from the embedding of the whole crop.
    """

    def __init__(self, encoder: PatchEncoder) -> None:
        self._encoder = encoder

    @classmethod
    def of(cls, bundle_path: Path) -> "CropMapper":
        """That of the bundle in a folder.

        Raises:
            BundleError: If the bundle cannot be used.
            AnomalureError: If its encoder gives no patches, or cannot be loaded.
        """
        return cls(load_patch_encoder(choose_patch_spec(Bundle.load(bundle_path).encoders)))

    def learn(self, crops: Sequence[np.ndarray], groups: Sequence[str], *, species: str) -> PatchJudge:
        """The patches of normal crops of a species, and how far the strangest of a held-out crop usually is.

        Args:
            crops: RGB, uint8, ``(height, width, 3)`` each, of any sizes.
            groups: The event that each is from, at least two; never split.
            species: Their name.
        """
        maps = np.empty((len(crops), *self._encoder.shape), np.float16)
        for one, crop in zip(maps, crops, strict=True):
            one[...] = self._map(crop)
        return fit_patch_judge(maps, groups, camera=species)

    def look(self, crop: np.ndarray, judge: PatchJudge) -> HeatMap:
        """The heat map of a crop; one in twenty normal crops has a patch over its limit."""
        return judge.map_frames(self._map(crop)[None])[0]

    def _map(self, crop: np.ndarray) -> np.ndarray:
        return self._encoder.embed_maps(resize_crops([crop], size_px=self._encoder.input_px))[0]
