"""Encoders with weights from a safetensors file."""

from dataclasses import replace
from pathlib import Path

from core.disk.inside import inside
from core.errors import BundleError
from core.records import hash_content
from core.study.moved_projects import find_again
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Network
from models.encoders.spec import EncoderSpec


class WeightsFile(EncoderSource):
    """A file with torchvision's names for the weights of a backbone: any ``weights`` but the word of a source."""

    label = "A .safetensors file"

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import build_backbone

        return Network(build_backbone(spec.backbone, weights=Path(spec.weights)), IMAGENET_MEAN, IMAGENET_SCALE)

    def identify(self, spec: EncoderSpec, project: Path) -> str:
        """A hash of the file, so that its copy in a bundle counts as the same encoder."""
        path = Path(find_again(spec.weights, project))
        return hash_content(path.read_bytes()) if path.is_file() else str(path)

    def copy_into(self, spec: EncoderSpec, file_name: str) -> tuple[EncoderSpec, Path | None]:
        """The file itself."""
        return replace(spec, weights=file_name), Path(spec.weights)

    def locate(self, spec: EncoderSpec, bundle: Path) -> EncoderSpec:
        """The copy in the bundle."""
        if Path(spec.weights).name != spec.weights or spec.weights in ("", ".", ".."):
            raise BundleError(f"A bundle's files lie directly in its folder, not at {spec.weights!r}.")
        return replace(spec, weights=str(inside(bundle, spec.weights).absolute()))


SOURCE = WeightsFile()
