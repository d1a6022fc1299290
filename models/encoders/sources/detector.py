"""The backbone of a detector as an encoder."""

from dataclasses import replace
from pathlib import Path

from core.study.moved_projects import find_again
from models.encoders.sources.source import EncoderSource, Network
from models.encoders.spec import EncoderSpec


class DetectorFeatures(EncoderSource):
    """Features of the detector that ``EncoderSpec.detector`` names. The detector stays where it is."""

    def has(self, spec: EncoderSpec) -> bool:
        """Whether an encoder comes from here."""
        return bool(spec.detector)

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        import torch

        from models.detectors.source import open_detector_source
        from models.encoders.detector_features import TorchBackbone, cut_openvino_backbone

        source = open_detector_source(spec.detector, allow_code=allow_code)
        if isinstance(source.model, torch.nn.Module):
            return Network(TorchBackbone(source.model, name=spec.detector))
        return Network(cut_openvino_backbone(source.model, name=spec.detector, input_px=spec.input_px))

    def identify(self, spec: EncoderSpec, project: Path) -> str:
        """The detector where it lies now."""
        return find_again(spec.detector, project)

    def locate(self, spec: EncoderSpec, bundle: Path) -> EncoderSpec:
        """The detector where it lies now: it moves with a project that it lies in."""
        return replace(spec, detector=find_again(spec.detector, bundle.parent.parent))


SOURCE = DetectorFeatures()
