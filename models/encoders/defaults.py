"""Improves the embeddings of a new bundle: with features of the detector if possible, else with mirror images."""

from collections.abc import Sequence
from dataclasses import replace

from core.errors import AnomalureError
from models.detectors.source import AUTO, PUBLISHED_DETECTOR, open_detector_source
from models.encoders.detector_features import TorchBackbone, cut_openvino_backbone
from models.encoders.spec import BUNDLED, HUB, LITE2, EncoderSpec

LEAST_JOINED_PX = 160
"""On smaller crops the last map of a detector's backbone has only a few cells."""


def complete_encoders(
    specs: Sequence[EncoderSpec], *, detector: str, allow_code: bool = False
) -> tuple[tuple[EncoderSpec, ...], str]:
    """The encoders with the detector's features joined to them; if that is impossible, backbones with mirror images.

    Arguments and result as for ``join_detector_features``. Both were measured to be better than a backbone of
    torchvision alone (docs/decisions/0006). The features take a fifth more time, mirror images twice the time. With
    EfficientNet-Lite2 neither helps (docs/decisions/0012), so it stays as it is, and so do encoders
    of a hub, with which neither was measured.
    """
    if any((spec.backbone == LITE2 or spec.weights == HUB) and not spec.detector for spec in specs):
        return tuple(specs), ""
    joined, why_not = join_detector_features(specs, detector=detector, allow_code=allow_code)
    if not why_not:
        return joined, ""
    return tuple(replace(spec, mirrored=True) for spec in joined), f"{why_not} Mirror images of crops are used instead."


def join_detector_features(
    specs: Sequence[EncoderSpec], *, detector: str, allow_code: bool = False
) -> tuple[tuple[EncoderSpec, ...], str]:
    """The encoders with the features of the bundle's detector joined to them, if that is possible.

    Args:
        specs: The other encoders of the embeddings.
        detector: As ``load_detector`` takes it, or ``auto``.
        allow_code: As for ``load_encoder``.

    Returns:
        The encoders, and, if nothing was joined, a sentence that says why.
    """
    specs = tuple(specs)
    if any(spec.detector for spec in specs):
        return specs, ""
    if detector == BUNDLED:
        return specs, "No detector features are joined: the bundled detector is too small for it."
    if specs[0].input_px < LEAST_JOINED_PX:
        return specs, f"No detector features are joined: crops of {specs[0].input_px} px are too small for it."
    name = PUBLISHED_DETECTOR if detector == AUTO else detector
    spec = replace(EncoderSpec(detector=name), input_px=specs[0].input_px)
    try:
        source = open_detector_source(name, allow_code=allow_code)
        if hasattr(source.model, "get_ordered_ops"):
            cut_openvino_backbone(source.model, name=name, input_px=spec.input_px)
        else:
            TorchBackbone(source.model, name=name)
    except AnomalureError as error:
        return specs, f"No detector features are joined: {error}"
    return (*specs, spec), ""
