"""Feature maps of whole frames: one vector per patch, from a middle layer of a backbone."""

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov

from core.errors import AnomalureError
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, find_source
from models.encoders.spec import HUB, EncoderSpec
from models.encoders.with_openvino import check_crops, take_bytes
from models.engines.converted import read_kept
from models.engines.device import openvino_core

if TYPE_CHECKING:
    import torch

STRIDE_PX = 16
"""Side of a patch: a frame of 224 px has 14 x 14. Finer maps show texture, coarser maps whole scenes."""
ADVICE = "Choose a network such as mobilenet_v2 or resnet18, or score whole frames by their embedding."


class PatchEncoder:
    """Turns frames into maps ``(n, h, w, d)``, float32, with OpenVINO on the CPU in full precision."""

    def __init__(self, model: ov.Model, *, name: str, input_px: int) -> None:
        """Compile a model that takes pictures normalised as for ImageNet, ``(1, 3, px, px)`` to ``(1, d, h, w)``."""
        self.name = name
        self.input_px = input_px
        model = take_bytes(model, mean=IMAGENET_MEAN, scale=IMAGENET_SCALE)
        self._compiled = openvino_core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        _, depth, height, width = self._compiled.outputs[0].get_shape()
        self.shape = (height, width, depth)

    def embed_maps(self, frames: np.ndarray) -> np.ndarray:
        """Maps of RGB uint8 frames ``(n, input_px, input_px, 3)``; each is computed on its own.

        Raises:
            ValueError: If the frames have another shape or type.
        """
        check_crops(frames, input_px=self.input_px)
        maps = np.empty((len(frames), *self.shape), np.float32)
        for one, frame in zip(maps, np.ascontiguousarray(frames), strict=True):
            one[...] = self._compiled(frame[None])[0][0].transpose(1, 2, 0)
        return maps


def load_patch_encoder(spec: EncoderSpec) -> PatchEncoder:
    """The part of a backbone up to the last layer whose map has a cell for every 16 px.

    Raises:
        AnomalureError: If the backbone has no such layer, or cannot be loaded.
    """
    if spec.detector:
        raise AnomalureError(f"Patches are taken from a backbone, not from a detector. {ADVICE}")
    name = f"patches of {spec.name}"
    found = find_source(spec).describe_kept(spec)
    key = f"patches {found.key}" if found else ""
    kept = read_kept(key, (1, 3, spec.input_px, spec.input_px)) if key else None
    return PatchEncoder(kept or _convert(spec, key), name=name, input_px=spec.input_px)


def _convert(spec: EncoderSpec, key: str) -> ov.Model:
    import torch  # which takes more than a second

    from models.engines.torch_to_openvino import convert_module

    network = find_source(spec).load(spec).model
    return convert_module(_cut(network, spec), torch.zeros(1, 3, spec.input_px, spec.input_px), key=key)


def check_patch_map(spec: EncoderSpec) -> None:
    """Check, without loading weights, that an encoder can give patches.

    Raises:
        AnomalureError: If it cannot, as in ``load_patch_encoder``.
    """
    if spec.detector:
        raise AnomalureError(f"Patches are taken from a backbone, not from a detector. {ADVICE}")
    if spec.weights == HUB:
        raise AnomalureError(f"{spec.backbone} has no map of a whole frame's patches that can be used here. {ADVICE}")
    import torch

    from models.encoders.backbones import RANDOM, build_backbone

    with torch.device("meta"):  # only shapes, nothing is computed
        _cut(build_backbone(spec.backbone, weights=RANDOM), spec)


def _cut(network: "torch.nn.Module | ov.Model", spec: EncoderSpec) -> "torch.nn.Sequential":
    import torch

    row = network.features if hasattr(network, "features") else _row_of_resnet(network)
    if not isinstance(row, torch.nn.Sequential):
        raise AnomalureError(f"{spec.backbone} has no map of a whole frame's patches. {ADVICE}")
    wanted = {spec.input_px // STRIDE_PX, -(-spec.input_px // STRIDE_PX)}  # some networks round up, some down
    end = 0
    with torch.inference_mode():
        pictures = torch.zeros(1, 3, spec.input_px, spec.input_px)
        for i, layer in enumerate(row, start=1):
            pictures = layer(pictures)
            if pictures.ndim == 4 and pictures.shape[2] == pictures.shape[3] and pictures.shape[2] in wanted:
                end = i
    if not end:
        raise AnomalureError(f"{spec.backbone} has no map with a patch for every {STRIDE_PX} px. {ADVICE}")
    return row[:end]


def _row_of_resnet(network: "torch.nn.Module | ov.Model") -> "torch.nn.Module | None":
    import torch

    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")
    parts = [getattr(network, name, None) for name in names]
    return torch.nn.Sequential(*parts) if all(part is not None for part in parts) else None  # type: ignore[arg-type]
