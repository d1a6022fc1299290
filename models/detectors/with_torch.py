"""Runs a YOLO detector with torch on a GPU, in whole batches."""

from collections.abc import Sequence

import torch

from core.records import Found, LoadedPhoto
from core.settings.run import RunSettings
from models.detectors.letterbox import Letterbox, fit_canvas
from models.detectors.nms import read_end_to_end, read_grid
from models.detectors.yolo_boxes import name_boxes
from models.detectors.yolo_metadata import YoloMetadata
from models.engines.device import send

PHOTOS_AT_ONCE = 32


class TorchDetector:
    """Finds animals with a YOLO network; a Detector of core/runs/parts.py.

    Photos that fit the same canvas are computed together.
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
        """Class names by number; empty if the model has none."""
        return self.metadata.class_names

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """The detections of each photo, in the photos' order, most confident first."""
        boxes = [self._letterbox(photo) for photo in photos]
        alike: dict[tuple[int, int], list[int]] = {}
        for i, letterbox in enumerate(boxes):
            alike.setdefault(letterbox.canvas_hw, []).append(i)
        found: dict[int, Found] = {}
        for rows in alike.values():
            for start in range(0, len(rows), PHOTOS_AT_ONCE):
                some = rows[start : start + PHOTOS_AT_ONCE]
                answers = self._detect_alike([photos[i] for i in some], [boxes[i] for i in some])
                found.update(zip(some, answers, strict=True))
        return [found[i] for i in range(len(photos))]

    def _letterbox(self, photo: LoadedPhoto) -> Letterbox:
        photo_hw = photo.photo.height_px, photo.photo.width_px
        canvas_hw = fit_canvas(photo_hw, image_px=self.image_px, stride=self.metadata.stride)
        return Letterbox.place(photo, canvas_hw)

    def _detect_alike(self, photos: Sequence[LoadedPhoto], letterboxes: Sequence[Letterbox]) -> list[Found]:
        on_gpu = self._device.type == "cuda"
        canvases = torch.empty(len(photos), *letterboxes[0].canvas_hw, 3, dtype=torch.uint8, pin_memory=on_gpu)
        for photo, letterbox, canvas in zip(photos, letterboxes, canvases.numpy(), strict=True):
            letterbox.draw(photo.pixels, canvas)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=on_gpu):
            pictures = send(canvases, self._device).permute(0, 3, 1, 2).float() / 255  # (n, 3, h, w)
            outputs = self._network(pictures).float()
            end_to_end = outputs.shape[2] == 6 and outputs.shape[1] != 4 + len(self.class_names)
            if not end_to_end:
                outputs = self._drop_unsure(outputs)
            found = outputs.cpu().numpy()
        read = read_end_to_end if end_to_end else read_grid
        return [
            name_boxes(
                read(output, min_confidence=self.settings.min_confidence),
                letterbox,
                metadata=self.metadata,
                settings=self.settings,
            )
            for output, letterbox in zip(found, letterboxes, strict=True)
        ]

    def _drop_unsure(self, outputs: torch.Tensor) -> torch.Tensor:
        """The cells ``(n, 4 + classes, k)`` that are confident enough in any photo of the batch, in their order.

        A grid has thousands of cells; fetching all of them from a GPU takes longer than computing them.
        """
        sure = (outputs[:, 4:] >= self.settings.min_confidence).any(dim=1).any(dim=0)  # (cells,)
        return outputs[:, :, sure]
