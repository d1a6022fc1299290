"""The backbone of a detector as an encoder."""

from dataclasses import replace
from pathlib import Path

from core.disk.names import expand_home
from core.study.moved_projects import find_again
from models.encoders.sources.source import EncoderSource, Network
from models.encoders.spec import EncoderSpec


class DetectorFeatures(EncoderSource):
    """Features of the detector that ``EncoderSpec.detector`` names. The detector is not copied into bundles."""

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

    def measure_mb(self, spec: EncoderSpec) -> float | None:
        """Of the detector's files, also the layers that are not used; a published one as it is here or as stated."""
        from models.detectors.published import find_published, looks_published
        from models.detectors.source import BUNDLED, BUNDLED_FOLDER
        from models.published.cache import State, find_state, measure_mb

        if spec.detector != BUNDLED and looks_published(spec.detector):
            model = find_published(spec.detector)
            return measure_mb(model) if find_state(model) is State.HERE else model.size_mb
        path = BUNDLED_FOLDER if spec.detector == BUNDLED else expand_home(spec.detector)
        files = list(path.iterdir()) if path.is_dir() else [path]
        if path.suffix.lower() == ".xml":
            files.append(path.with_suffix(".bin"))
        return sum(file.stat().st_size for file in files) / 1e6

    def identify(self, spec: EncoderSpec, project: Path) -> str:
        """The current path of the detector."""
        return find_again(spec.detector, project)

    def locate(self, spec: EncoderSpec, bundle: Path) -> EncoderSpec:
        """The encoder with the current path of the detector, which moves together with its project."""
        return replace(spec, detector=find_again(spec.detector, bundle.parent.parent))


SOURCE = DetectorFeatures()
