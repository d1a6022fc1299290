"""Runs an encoder with OpenVINO on the CPU, several crops at a time."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import openvino as ov
from openvino.preprocess import PrePostProcessor

from models.engines.bf16_correction import correct_bf16_rounding
from models.engines.device import cpu_has_bf16, openvino_core


class OpenVinoEncoder:
    """Turns crops into vectors; an Encoder of core/runs/parts.py.

    Each crop is computed alone. This is the fastest on a few cores, and no embedding depends on the other crops of its
    batch.
    """

    engine = "openvino"

    def __init__(
        self,
        model: ov.Model,
        *,
        name: str,
        sections: Sequence[int] = (),
        mean: Sequence[float] = (0.0, 0.0, 0.0),
        scale: Sequence[float] = (255.0, 255.0, 255.0),
        precise: bool = False,
        kept: Path | None = None,
    ) -> None:
        """Compile the model: RGB floats ``(1, 3, px, px)`` to ``(1, d)``.

        Args:
            model: The model, with a fixed ``px``.
            name: Its name in the record of a run.
            sections: Lengths of the parts of its vector; empty: it is one part.
            mean: Subtracted from the bytes 0 to 255 of each channel.
            scale: The bytes are divided by it after that.
            precise: Compute in float32 even where the CPU has bfloat16, which is about twice as fast.
            kept: The folder of this model in the cache, for what ``correct_bf16_rounding`` measures.
        """
        self.name = name
        self.input_px = int(model.inputs[0].get_partial_shape()[2].get_length())
        precision = "bf16" if cpu_has_bf16() and not precise else "f32"
        self.precision = precision
        model = take_bytes(model, mean=mean, scale=scale)
        if precision == "bf16":
            correct_bf16_rounding(model, kept=kept)
        compiled = openvino_core().compile_model(
            model, "CPU", {"PERFORMANCE_HINT": "THROUGHPUT", "INFERENCE_PRECISION_HINT": precision}
        )
        self.sections = tuple(sections) or (int(compiled.outputs[0].get_partial_shape()[1].get_length()),)
        self._queue = ov.AsyncInferQueue(compiled)
        self._queue.set_callback(self._keep_embedding)
        self._lock = threading.Lock()  # one queue, so one batch at a time

    def embed(self, crops: np.ndarray) -> np.ndarray:
        """Raw embeddings, float32, shape ``(n, d)``, of RGB uint8 crops ``(n, input_px, input_px, 3)``.

        Raises:
            ValueError: If the crops have another shape or type.
        """
        check_crops(crops, input_px=self.input_px)
        embeddings = np.empty((len(crops), sum(self.sections)), dtype=np.float32)
        crops = np.ascontiguousarray(crops)
        with self._lock:
            try:
                for number in range(len(crops)):
                    self._queue.start_async({0: crops[number : number + 1]}, (embeddings, number), share_inputs=True)
            finally:
                self._queue.wait_all()
        return embeddings

    @staticmethod
    def _keep_embedding(request: ov.InferRequest, place: tuple[np.ndarray, int]) -> None:
        embeddings, number = place
        embeddings[number] = request.get_output_tensor().data[0]


def check_crops(crops: np.ndarray, *, input_px: int) -> None:
    """Check that crops are RGB bytes of the right size; an encoder would compute nonsense from others."""
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (input_px, input_px, 3):
        raise ValueError(
            f"crops must be uint8 of shape (n, {input_px}, {input_px}, 3), got {crops.dtype} {crops.shape}"
        )


def take_bytes(model: ov.Model, *, mean: Sequence[float], scale: Sequence[float]) -> ov.Model:
    """The model with a uint8 ``(1, px, px, 3)`` input, normalised inside, and a float32 output."""
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    steps.input().model().set_layout(ov.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(ov.Type.f32).mean(list(mean)).scale(list(scale))
    steps.output(0).tensor().set_element_type(ov.Type.f32)
    return steps.build()
