"""Runs an encoder with torch on a GPU, or on a CPU where it is measured to be faster than OpenVINO."""

from collections.abc import Sequence

import numpy as np
import torch

from models.encoders.with_openvino import check_crops
from models.engines.device import cpu_has_bf16

CROPS_AT_ONCE = {"cuda": 256, "mps": 64, "cpu": 16}


class TorchEncoder:
    """Turns crops into vectors; an Encoder of core/runs/parts.py."""

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        name: str,
        input_px: int,
        device: torch.device,
        sections: Sequence[int] = (),
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        scale: Sequence[float] = (255.0, 255.0, 255.0),
        precise: bool = False,
    ) -> None:
        """``network``: floats ``(n, 3, px, px)`` to ``(n, d)``. The rest as for ``OpenVinoEncoder``."""
        self.name = name
        self.input_px = input_px
        self.engine = f"torch {device.type}"
        self._device = device
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)
        self._mean = torch.tensor(mean, device=device).view(1, 3, 1, 1)
        self._scale = torch.tensor(scale, device=device).view(1, 3, 1, 1)
        self._halved = not precise and (device.type == "cuda" or (device.type == "cpu" and cpu_has_bf16()))
        self.precision = "bf16" if self._halved else "f32"
        self.sections = tuple(sections) or tuple(
            self._forward(np.zeros((1, input_px, input_px, 3), dtype=np.uint8)).shape[1:]
        )

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, d)``, of RGB uint8 crops ``(n, input_px, input_px, 3)``.

        Raises:
            ValueError: If the crops have another shape or type.
        """
        check_crops(crops, input_px=self.input_px)
        step = CROPS_AT_ONCE[self._device.type]
        parts = [self._forward(crops[start : start + step]) for start in range(0, len(crops), step)]
        return np.concatenate(parts) if parts else np.empty((0, sum(self.sections)), dtype=np.float32)

    def _forward(self, crops: np.ndarray) -> np.ndarray:
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._halved):
            pictures = torch.from_numpy(np.ascontiguousarray(crops)).to(self._device)
            pictures = (pictures.permute(0, 3, 1, 2).float() - self._mean) / self._scale  # (n, 3, px, px)
            return self._network(pictures).float().cpu().numpy()
