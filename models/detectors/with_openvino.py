"""Runs a YOLO detector with OpenVINO on the CPU, several photos at a time."""

import threading
from collections.abc import Sequence
from typing import Any

import openvino as ov
from openvino.preprocess import PrePostProcessor

from core.errors import AnomalureError
from core.records import Found, LoadedPhoto
from core.settings.run import RunSettings
from models.detectors.letterbox import Letterbox, fit_canvas
from models.detectors.nms import Candidates, read_end_to_end, read_grid
from models.detectors.yolo_boxes import name_boxes
from models.detectors.yolo_metadata import YoloMetadata
from models.engines.device import openvino_core

BOX_ROWS = 4
END_TO_END_COLUMNS = 6


class OpenVinoDetector:
    """Finds animals with a YOLO model; a Detector of core/runs/parts.py.

    A model that was exported for one size keeps that size (``image_px``). A model for any size uses the settings'
    ``detector_image_px``, and each photo gets the smallest canvas that fits its shape.
    """

    engine = "openvino"

    def __init__(self, model: ov.Model, *, name: str, metadata: YoloMetadata, settings: RunSettings) -> None:
        """Compile the model, whose one input is RGB float ``(1, 3, h, w)``, 0 to 1.

        Raises:
            AnomalureError: If the model's input or output is not a YOLO detector's.
        """
        self.name = name
        self.settings = settings
        self.metadata = metadata
        self._fixed_hw = _read_input_hw(model, name=name)
        if self._fixed_hw is None:
            self.image_px = metadata.round_up(settings.detector_image_px)
        else:
            self.image_px = max(self._fixed_hw)
        self._end_to_end = _is_end_to_end(model, metadata, name=name)
        self._queue = ov.AsyncInferQueue(
            openvino_core().compile_model(_take_bytes(model), "CPU", {"PERFORMANCE_HINT": "THROUGHPUT"})
        )
        self._queue.set_callback(self._keep_candidates)
        self._lock = threading.Lock()  # one queue, so one batch at a time

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names by number; empty if the model has none."""
        return self.metadata.class_names

    def detect(self, photos: Sequence[LoadedPhoto]) -> list[Found]:
        """The detections of each photo, in the photos' order, most confident first.

        Raises:
            RuntimeError: If the model fails on a photo; then no result of the batch is returned.
        """
        boxes_of: list[Letterbox] = []
        candidates_of: list[Candidates | Exception | None] = [None] * len(photos)
        with self._lock:
            try:
                for place, photo in enumerate(photos):
                    boxes_of.append(self._start(photo, (candidates_of, place)))
            finally:
                self._queue.wait_all()
        found = []
        for photo, letterbox, candidates in zip(photos, boxes_of, candidates_of, strict=True):
            if not isinstance(candidates, Candidates):
                raise RuntimeError(f"{self.name} failed on {photo.photo.file_name}: {candidates}") from candidates
            found.append(name_boxes(candidates, letterbox, metadata=self.metadata, settings=self.settings))
        return found

    def _start(self, photo: LoadedPhoto, place: tuple[list[Any], int]) -> Letterbox:
        photo_hw = photo.photo.height_px, photo.photo.width_px
        canvas_hw = self._fixed_hw or fit_canvas(photo_hw, image_px=self.image_px, stride=self.metadata.stride)
        letterbox = Letterbox.place(photo, canvas_hw)
        request = self._queue[self._queue.get_idle_request_id()]
        if self._fixed_hw is None:
            request.set_input_tensor(ov.Tensor(ov.Type.u8, ov.Shape([1, *canvas_hw, 3])))
        letterbox.draw(photo.pixels, request.get_input_tensor().data[0])  # written directly into the request's memory
        self._queue.start_async(userdata=place)
        return letterbox

    def _keep_candidates(self, request: ov.InferRequest, place: tuple[list[Any], int]) -> None:
        """Called by OpenVINO's threads. Copies the result, since the request reuses its output for the next photo."""
        answers, number = place
        try:
            read = read_end_to_end if self._end_to_end else read_grid
            answers[number] = read(request.get_output_tensor().data[0], min_confidence=self.settings.min_confidence)
        except Exception as error:  # an error would be lost in OpenVINO's thread, so detect() raises it
            answers[number] = error


def _read_input_hw(model: ov.Model, *, name: str) -> tuple[int, int] | None:
    """Height and width of the model's input, None if it takes any size. Sets the batch to one photo."""
    shapes = [port.get_partial_shape() for port in model.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or (shapes[0][1].is_static and shapes[0][1].get_length() != 3):
        raise AnomalureError(
            f"{name} takes {', '.join(map(str, shapes))}; a detector takes one picture, (1, 3, height, width)."
        )
    _, _, height, width = shapes[0]
    fixed = height.is_static and width.is_static
    try:
        model.reshape([1, 3, height.get_length(), width.get_length()] if fixed else [1, 3, -1, -1])
    except RuntimeError as error:
        raise AnomalureError(
            f"{name} takes {shapes[0]} and cannot be set to one photo at a time. Export it again with batch=1."
        ) from error
    return (height.get_length(), width.get_length()) if fixed else None


def _is_end_to_end(model: ov.Model, metadata: YoloMetadata, *, name: str) -> bool:
    """Whether the output is final boxes, ``(1, n, 6)``, instead of the grid ``(1, 4 + classes, n)``."""
    shape = model.outputs[0].get_partial_shape()
    n_classes = len(metadata.class_names)
    if len(shape) == 3:
        rows, columns = (size.get_length() if size.is_static else None for size in list(shape)[1:])
        if columns == END_TO_END_COLUMNS and rows != BOX_ROWS + n_classes:
            return True
        is_grid = rows is not None and rows > BOX_ROWS and (columns is None or rows < columns)
        if is_grid and n_classes in (0, (rows or 0) - BOX_ROWS) and len(model.outputs) == 1:
            return False
    raise AnomalureError(
        f"{name} gives {', '.join(str(port.get_partial_shape()) for port in model.outputs)} with {n_classes} class "
        "names; a YOLO detector of version 8 or later gives (1, 4 + classes, n) or (1, n, 6). For another "
        "detector, run it elsewhere and give its boxes as a file (--boxes). MegaDetector 5 is megadetector-v5a."
    )


def _take_bytes(model: ov.Model) -> ov.Model:
    """The model with a uint8 ``(1, h, w, 3)`` input, since OpenVINO converts to floats faster."""
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
    steps.output(0).tensor().set_element_type(ov.Type.f32)
    return steps.build()
