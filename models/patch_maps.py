"""A map of features of a whole frame: one vector a patch, from the middle of a backbone."""

import numpy as np
import torch

from core.errors import AnomalureError
from models.backbones import build_backbone
from models.encoder import IMAGENET_MEAN, IMAGENET_SCALE, find_weights
from models.encoder_spec import EncoderSpec
from models.openvino_encoder import check_crops

STRIDE_PX = 16
"""A patch is as wide: 14 x 14 of them at 224 px. Finer maps see texture, coarser ones whole scenes."""
BATCH = 8


class PatchEncoder:
    """Frames to maps of shape ``(n, h, w, d)``, float32; computed by torch."""

    def __init__(self, layers: torch.nn.Module, *, name: str, input_px: int) -> None:
        self.layers = layers.eval()
        self.name = name
        self.input_px = input_px
        blank = np.zeros((1, input_px, input_px, 3), np.uint8)
        self.shape: tuple[int, int, int] = self.embed_maps(blank).shape[1:]

    def embed_maps(self, frames: np.ndarray) -> np.ndarray:
        """Maps of RGB uint8 frames ``(n, input_px, input_px, 3)``.

        Raises:
            ValueError: If the frames have another shape or type.
        """
        check_crops(frames, input_px=self.input_px)
        mean, scale = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_SCALE)
        maps = []
        with torch.inference_mode():
            for start in range(0, len(frames), BATCH):
                batch = torch.from_numpy(np.ascontiguousarray(frames[start : start + BATCH])).float()
                pictures = ((batch - mean) / scale).permute(0, 3, 1, 2)  # (n, 3, px, px)
                maps.append(self.layers(pictures).permute(0, 2, 3, 1).numpy())
        return np.concatenate(maps) if maps else np.empty((0, *self.shape), np.float32)


def load_patch_encoder(spec: EncoderSpec) -> PatchEncoder:
    """The part of a backbone up to the last layer whose map has a cell each 16 px.

    Raises:
        AnomalureError: If the backbone is not a row of layers with such a map, or cannot be loaded.
    """
    if spec.detector:
        raise AnomalureError("Patches are taken from a backbone, not from a detector. Choose one such as mobilenet_v2.")
    network = build_backbone(spec.backbone, weights=find_weights(spec))
    row = network.features if hasattr(network, "features") else _row_of_resnet(network)
    if not isinstance(row, torch.nn.Sequential):
        raise AnomalureError(f"{spec.backbone} is not a row of layers, so it gives no map of patches.")
    wanted = spec.input_px // STRIDE_PX
    end = 0
    with torch.inference_mode():
        pictures = torch.zeros(1, 3, spec.input_px, spec.input_px)
        for i, layer in enumerate(row, start=1):
            pictures = layer(pictures)
            if pictures.ndim == 4 and pictures.shape[2] == wanted:
                end = i
    if not end:
        raise AnomalureError(f"{spec.backbone} has no map of {wanted} x {wanted} patches.")
    return PatchEncoder(row[:end], name=f"patches of {spec.name}", input_px=spec.input_px)


def _row_of_resnet(network: torch.nn.Module) -> torch.nn.Module | None:
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    parts = [getattr(network, name, None) for name in names]
    return torch.nn.Sequential(*parts) if all(part is not None for part in parts) else None  # type: ignore[arg-type]
