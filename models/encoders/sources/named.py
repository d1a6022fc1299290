"""Encoders by the words that commands and pages take."""

from collections.abc import Sequence
from dataclasses import replace

from core.errors import AnomalureError
from models.encoders.sources.source import at_best_size, find_source
from models.encoders.spec import BUNDLED, HUB, LITE2, EncoderSpec
from models.published.cache import State, find_state
from models.published.table import find_model, list_encoders, list_models

FEATURES_OF = "detector:"
JOINED = "+"
WEIGHTS = "="


def make_spec(backbone: str, weights: str = "") -> EncoderSpec:
    """The encoder of a backbone's name, at its best size.

    Args:
        backbone: As ``EncoderSpec.backbone``; empty: the usual one of the weights.
        weights: As ``EncoderSpec.weights``; empty: the bundled ones of ``efficientnet_lite2``, a hub's for a published
            encoder, else torchvision's.
    """
    published = find_model(backbone) if backbone else None
    is_published = published is not None and published.kind == "encoder"
    usual = BUNDLED if backbone == LITE2 else HUB if is_published else "default"
    spec = EncoderSpec(weights=weights or usual)
    return at_best_size(replace(spec, backbone=backbone or find_source(spec).backbone))


def read_encoder(words: str) -> tuple[EncoderSpec, ...]:
    """Encoders from words such as ``mobilenet_v2=weights.safetensors+detector:yolov8n.onnx``, joined in this order.

    ``NAME`` is a backbone, ``NAME=FILE`` one with weights of a file, ``detector:NAME`` the features of a detector.

    Raises:
        AnomalureError: If there is no name.
    """
    first, *features = words.strip().split(JOINED + FEATURES_OF)
    if first.startswith(FEATURES_OF):
        first, features = "", [first.removeprefix(FEATURES_OF), *features]
    backbone, _, weights = first.partition(WEIGHTS)
    if not (backbone or features) or not all(features):
        raise AnomalureError(
            f"An encoder is a name such as {LITE2}, NAME=FILE.safetensors, or NAME+detector:DETECTOR, got {words!r}."
        )
    specs = (make_spec(backbone, weights),) if backbone else ()
    return (*specs, *(EncoderSpec(detector=name) for name in features))


def say_encoder(specs: Sequence[EncoderSpec]) -> str:
    """The words of ``read_encoder`` for these encoders, without the folders of files."""

    def say(spec: EncoderSpec) -> str:
        if spec.detector:
            return FEATURES_OF + spec.detector.replace("\\", "/").rstrip("/").rpartition("/")[2]
        usual = make_spec(spec.backbone)
        if spec.weights == usual.weights:
            return spec.backbone
        return spec.backbone + WEIGHTS + spec.weights.replace("\\", "/").rpartition("/")[2]

    return JOINED.join(say(spec) for spec in specs)


def measure_mb(specs: Sequence[EncoderSpec]) -> float | None:
    """Millions of bytes of the weights of joined encoders; None where it is not known of one of them."""
    try:
        sizes = [find_source(spec).measure_mb(spec) for spec in specs]
    except (AnomalureError, OSError):
        return None
    return sum(size for size in sizes if size is not None) if None not in sizes else None


def list_here() -> list[str]:
    """The encoders that are on this computer and can be used without a network, the usual one first."""
    here = [name for name in list_encoders() if find_state(list_models()[name]) is State.HERE]
    return [LITE2, *(name for name in here if name != LITE2)]
