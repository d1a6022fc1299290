"""The specification of an encoder, which a user chooses and a bundle stores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from core.errors import AnomalureError

DEFAULT_INPUT_PX = 224
BUNDLED = "bundled"
HUB = "hub"
LITE2 = "efficientnet_lite2"
LITE2_INPUT_PX = 224
"""Measured to be better for crops than the 260 px of its training, and a third faster (docs/decisions/0012)."""
LITE2_SECTIONS = (1280, 1000, 120)
"""Pooled features, scores of the 1,000 classes, pooled middle layer."""
LITE2_SHA256 = "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
"""Of the only file of weights that is accepted as its published ones."""
SAMPLE_BACKBONE, SAMPLE_INPUT_PX = "mobilenet_v2", 96
LEAST_INPUT_PX = 32
MOST_INPUT_PX = 1024


@dataclass(frozen=True, kw_only=True)
class EncoderSpec:
    """The specification of one encoder, as JSON values. Several encoders can be joined.

    Either a backbone of torchvision or, when ``detector`` is not empty, the features of that detector's own backbone.

    Attributes:
        backbone: torchvision's name of the network, ``efficientnet_lite2``, or with ``hub`` a name of the table of
            published models or ``timm/NAME``.
        weights: The word of a source in ``models.encoders.sources`` (``bundled``: those of ``efficientnet_lite2`` that
            are installed with Anomalure; ``default``: published by torchvision; ``hub``: by others; ``none``: random),
            or the path of a safetensors file.
        detector: A detector as ``load_detector`` takes it; its backbone is the encoder then.
        input_px: Side of the square crops, 32 to 1024.
        mirrored: Whether to average the embeddings of a crop and its mirror image. Better, but takes twice as long.
    """

    backbone: str = "mobilenet_v2"
    weights: str = "default"
    detector: str = ""
    input_px: int = DEFAULT_INPUT_PX
    mirrored: bool = False

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if type(value) is not item.type:
                raise AnomalureError(f"An encoder's {item.name} must be of type {item.type}, got {value!r}.")
        if not LEAST_INPUT_PX <= self.input_px <= MOST_INPUT_PX:
            raise AnomalureError(
                f"An encoder's input_px must be between {LEAST_INPUT_PX} and {MOST_INPUT_PX}, got {self.input_px}."
            )

    @property
    def name(self) -> str:
        """Its name in the record of a run."""
        if self.detector:
            return f"features of {self.detector}"
        # Only the name of a file, not its path: model cards are shared and should not describe a computer.
        return f"{self.backbone} ({Path(self.weights).name})"

    def to_values(self) -> dict[str, Any]:
        """Its values by name, for JSON."""
        return asdict(self)

    @classmethod
    def from_values(cls, values: Mapping[str, Any]) -> "EncoderSpec":
        """A specification from values by name. Missing names get their default, unknown names are refused."""
        known = [item.name for item in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise AnomalureError(f"An encoder has no {', '.join(unknown)}; it has {', '.join(known)}.")
        return cls(**values)


def bundled_encoder() -> EncoderSpec:
    """The encoder that is installed with Anomalure, at the size at which it is best."""
    return EncoderSpec(backbone=LITE2, weights=BUNDLED, input_px=LITE2_INPUT_PX)


def sample_encoder() -> EncoderSpec:
    """A small encoder, trained on drawn animals, for the drawn sample season."""
    return EncoderSpec(backbone=SAMPLE_BACKBONE, weights=BUNDLED, input_px=SAMPLE_INPUT_PX)
