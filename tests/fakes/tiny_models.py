"""Models small enough to make in a test: detectors whose boxes follow from the picture, as OpenVINO and ONNX files."""

import struct
from pathlib import Path

import numpy as np
import openvino as ov
import openvino.opset13 as ops
import yaml

SIDE_PX = 64
# Rows x, y (centre), width, height on the canvas; the confidence of the first is the red of the picture's middle,
# that of the second its green.
BOXES = np.array([[32, 32, 20, 10], [16, 48, 8, 8]], np.float32)


def make_grid_model(side_px: int | None = SIDE_PX, *, cells: int = 12) -> ov.Model:
    """A detector of two classes with the output ``(1, 4 + 2, cells)``; ``side_px`` None: any size of picture."""
    side = side_px or -1
    picture = ops.parameter([1, 3, side, side], np.float32, name="images")
    mean = ops.reduce_mean(picture, ops.constant([2, 3], dtype="int64"), False)  # (1, 3)
    red, green = (
        ops.gather(mean, ops.constant([channel], dtype="int64"), ops.constant(1, dtype="int64")) for channel in (0, 1)
    )
    boxes = np.zeros((1, 4, cells), np.float32)
    boxes[0, :, : len(BOXES)] = BOXES.T
    in_first, in_second = np.zeros((1, 1, cells), np.float32), np.zeros((1, 1, cells), np.float32)
    in_first[0, 0, 0], in_second[0, 0, 1] = 1.0, 1.0
    scores = [
        ops.multiply(ops.reshape(colour, ops.constant([1, 1, 1], dtype="int64"), False), ops.constant(place))
        for colour, place in ((red, in_first), (green, in_second))
    ]
    return ov.Model([ops.result(ops.concat([ops.constant(boxes), *scores], 1))], [picture], "tiny")


def make_fixed_output_model(output: np.ndarray, *, input_shape: tuple[int, ...] = (1, 3, SIDE_PX, SIDE_PX)) -> ov.Model:
    """A model that gives the same output whatever the picture."""
    picture = ops.parameter(list(input_shape), np.float32, name="images")
    nothing = ops.multiply(
        ops.reduce_sum(picture, ops.constant([0, 1, 2, 3], dtype="int64")), ops.constant(np.float32(0))
    )
    return ov.Model([ops.result(ops.add(ops.constant(output.astype(np.float32)), nothing))], [picture], "fixed")


def write_export(folder: Path, model: ov.Model, metadata: object = None) -> Path:
    """Save a model as Ultralytics exports it to OpenVINO; ``metadata`` None: without metadata.yaml."""
    folder.mkdir(parents=True, exist_ok=True)
    ov.save_model(model, folder / "tiny.xml", compress_to_fp16=False)
    if metadata is not None:
        text = metadata if isinstance(metadata, str) else yaml.safe_dump(metadata)
        (folder / "metadata.yaml").write_text(text, encoding="utf-8")
    return folder


def write_onnx(path: Path, *, names: str, task: str = "detect") -> Path:
    """An ONNX file, with Ultralytics' metadata, that gives its picture ``(1, 3, 8, 16)`` back as ``(1, 6, 64)``."""
    shape = b"".join(_field(1, size) for size in [3]) + _field(2, 7) + _field(8, "shape")
    shape += _field(9, struct.pack("<3q", 1, 6, -1))
    node = _field(1, "images") + _field(1, "shape") + _field(2, "output0") + _field(4, "Reshape")
    graph = _field(1, node) + _field(2, "tiny") + _field(5, shape)
    graph += _field(11, _describe("images", (1, 3, 8, 16))) + _field(12, _describe("output0", (1, 6, 64)))
    model = _field(1, 8) + _field(7, graph) + _field(8, _field(1, "") + _field(2, 13))
    for key, value in (("names", names), ("task", task), ("stride", "32")):
        model += _field(14, _field(1, key) + _field(2, value))
    path.write_bytes(model)
    return path


def _describe(name: str, sizes: tuple[int, ...]) -> bytes:
    shape = b"".join(_field(1, _field(1, size)) for size in sizes)
    return _field(1, name) + _field(2, _field(1, _field(1, 1) + _field(2, shape)))


def _field(number: int, value: int | str | bytes) -> bytes:
    """One field of a protocol buffer."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    content = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    parts = []
    while True:
        number, low = number >> 7, number & 127
        parts.append(low | (128 if number else 0))
        if not number:
            return bytes(parts)
