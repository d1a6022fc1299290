"""A YOLO detector through torch, on a GPU: whole batches at once."""

from collections.abc import Sequence
from itertools import groupby

import numpy as np
import torch

from core.records import Found, LoadedPhoto
from core.settings import RunSettings
from models.letterbox import Letterbox, fit_canvas
from models.nms import read_end_to_end, read_grid
from models.yolo_boxes import name_boxes
from models.yolo_metadata import YoloMetadata

PHOTOS_AT_ONCE = 32


class TorchDetector:
    """Finds animals with a YOLO network; a Detector of core/parts.py.

    Photos that follow each other and have one shape are computed together.
    """

    def __init__(
        self,
        network: torch.nn.Module,
        *,
        name: str,
        metadata: YoloMetadata,
        settings: RunSettings,
        device: torch.device,
    ) -> None:
        """``network``: RGB floats 0 to 1 ``(n, 3, h, w)`` to ``(n, 4 + classes, cells)`` or ``(n, k, 6)``."""
        self.name = name
        self.engine = f"torch {device.type}"
        self.settings = settings
        self.metadata = metadata
        self.image_px = metadata.round_up(settings.detector_image_px)
        self._device = device
        self._network = network.eval().to(device).to(memory_format=torch.channels_last)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names by class number; empty where the model gives none."""
        return self.metadata.class_names

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """What is in each photo, in the photos' order, most confident first."""
        found: list[Found] = []
        for photo_hw, group in groupby(photos, key=lambda photo: photo.pixels.shape[:2]):
            alike = list(group)
            canvas_hw = fit_canvas(photo_hw, image_px=self.image_px, stride=self.metadata.stride)
            letterbox = Letterbox(photo_hw, canvas_hw)
            for start in range(0, len(alike), PHOTOS_AT_ONCE):
                found += self._detect_alike(alike[start : start + PHOTOS_AT_ONCE], letterbox)
        return found

    def _detect_alike(self, photos: Sequence[LoadedPhoto], letterbox: Letterbox) -> list[Found]:
        canvases = np.empty((len(photos), *letterbox.canvas_hw, 3), dtype=np.uint8)
        for photo, canvas in zip(photos, canvases, strict=True):
            letterbox.draw(photo.pixels, canvas)
        on_gpu = self._device.type == "cuda"
        with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=on_gpu):
            pictures = torch.from_numpy(canvases).to(self._device).permute(0, 3, 1, 2).float() / 255  # (n, 3, h, w)
            outputs = self._network(pictures).float().cpu().numpy()
        read = read_end_to_end if outputs.shape[2] == 6 and outputs.shape[1] != 4 + len(self.class_names) else read_grid
        return [
            name_boxes(
                read(output, min_confidence=self.settings.min_confidence),
                letterbox,
                metadata=self.metadata,
                settings=self.settings,
            )
            for output in outputs
        ]
