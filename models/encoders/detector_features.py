"""The backbone of the detector as an encoder. It takes little time and sees what ImageNet networks miss."""

import re
from typing import Any

import openvino as ov
import openvino.opset13 as ops
import torch

from core.errors import AnomalureError

# The last layer of a YOLO's backbone in Ultralytics' numbering: the last stage, or else the pooling after it.
LAST_LAYERS = (8, 9)
ACTIVATIONS = ("Swish", "Relu", "LeakyRelu", "PRelu", "HSwish", "Gelu", "Mish", "Clamp")


def cut_openvino_backbone(model: ov.Model, *, name: str, input_px: int) -> ov.Model:
    """The backbone of a YOLO exported to OpenVINO or ONNX: RGB floats ``(1, 3, px, px)``, 0 to 1, to ``(1, channels)``.

    The features are the mean over the map of the last convolution of the backbone, after its activation.

    Raises:
        AnomalureError: If the model has no layers named as Ultralytics names them, or cannot take crops of that size.
    """
    operations = model.get_ordered_ops()
    for layer in LAST_LAYERS:
        named = re.compile(rf"(^|[./_])model\.{layer}[./]cv2[./]conv/")
        ends = [
            op
            for op in operations
            if op.get_type_name() in ("Add", "Convolution") and named.search(op.get_friendly_name())
        ]
        if ends:
            break
    else:
        raise AnomalureError(
            f"{name} does not name its layers as Ultralytics does, so its features cannot be used as an encoder. "
            "Export it again with Ultralytics, or choose a backbone."
        )
    pooled = ops.reduce_mean(_activate(ends[-1]), ops.constant([2, 3], dtype="int64"), False)
    backbone = ov.Model([ops.result(pooled)], model.get_parameters(), "backbone")
    try:
        backbone.reshape([1, 3, input_px, input_px])
    except RuntimeError as error:
        raise AnomalureError(f"The backbone of {name} cannot take crops of {input_px} px.") from error
    return backbone


def _activate(end: ov.Node) -> ov.Output:
    """The activation that follows a convolution in the network."""
    for reader in end.output(0).get_target_inputs():
        following = reader.get_node()
        if following.get_type_name() in ACTIVATIONS:
            return following.output(0)
        if following.get_type_name() == "Sigmoid":  # ONNX writes SiLU as x times the sigmoid of x
            return ops.swish(end.output(0)).output(0)
    return end.output(0)


class TorchBackbone(torch.nn.Module):
    """The backbone of a YOLO network: RGB floats ``(n, 3, h, w)``, 0 to 1, to ``(n, channels)``."""

    def __init__(self, network: Any, *, name: str) -> None:
        """Take the layers up to the last of the backbone.

        Raises:
            AnomalureError: If the network is not a sequence of layers like those of Ultralytics.
        """
        super().__init__()
        layers = list(getattr(network, "model", []))[: LAST_LAYERS[0] + 1]
        if len(layers) <= LAST_LAYERS[0] or any(getattr(layer, "f", None) != -1 for layer in layers):
            raise AnomalureError(
                f"The backbone of {name} is not a sequence of layers, so it cannot be used as an encoder."
            )
        self.layers = torch.nn.Sequential(*layers)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """The mean over the last layer's map."""
        return self.layers(pictures).mean(dim=(2, 3))
