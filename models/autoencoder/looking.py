"""Puts a crop together again with a bundle's autoencoder, to see what was lost and where."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from core.photos.crops import resize_crops
from core.settings.training import AUTOENCODERS
from models.autoencoder.pictures import to_image, to_png
from models.bundles.bundle import Bundle
from models.encoders.autoencoders import Autoencoder, load_autoencoder, map_errors, measure_errors


@dataclass(frozen=True)
class Reconstruction:
    """A crop beside its reconstruction.

    Attributes:
        original: PNG of the square that the autoencoder got.
        rebuilt: PNG of what it made of it.
        errors: In grey levels, float32, shape ``(16, 16)``, from the upper left; higher is more anomalous.
        error: Of the whole crop, in grey levels.
        limit: 95% of ``errors`` of normal crops are below this.
    """

    original: bytes
    rebuilt: bytes
    errors: np.ndarray
    error: float
    limit: float


class Reconstructor:
    """The autoencoder of a bundle."""

    def __init__(self, network: Autoencoder) -> None:
        self._network = network

    @classmethod
    def of(cls, bundle_path: Path) -> "Reconstructor | None":
        """That of the bundle in a folder; None if its encoder is no autoencoder.

        Raises:
            BundleError: If the bundle cannot be used.
            AnomalureError: If the file of its autoencoder cannot be used.
        """
        for spec in Bundle.load(bundle_path).encoders:
            if spec.backbone in AUTOENCODERS and not spec.detector:
                return cls(load_autoencoder(Path(spec.weights)))
        return None

    def reconstruct(self, crop: np.ndarray) -> Reconstruction:
        """Put a crop together again: RGB, uint8, ``(height, width, 3)``."""
        square = resize_crops([crop], size_px=self._network.input_px)
        picture = torch.from_numpy(square).permute(0, 3, 1, 2).float() / 255  # (1, 3, px, px)
        with torch.inference_mode():
            _, rebuilt = self._network.reconstruct(picture)
            errors, total = map_errors(picture, rebuilt)[0], measure_errors(picture, rebuilt)[0, 0]
        return Reconstruction(
            original=to_png(to_image(picture[0].numpy())),
            rebuilt=to_png(to_image(rebuilt[0].numpy())),
            errors=errors.numpy(),
            error=float(total),
            limit=self._network.limit,
        )
