"""Encoders with weights from a safetensors file."""

from dataclasses import replace
from pathlib import Path

from core.disk.inside import inside
from core.errors import BundleError
from core.records import hash_content
from core.study.moved_projects import find_again
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Kept, Network
from models.encoders.spec import LITE2, LITE2_SECTIONS, EncoderSpec


def name_weights(backbone: str, path: Path) -> str:
    """What the converted network of a backbone with the weights of a file is kept under."""
    return f"{backbone} {hash_content(path.read_bytes())}"


class WeightsFile(EncoderSource):
    """A file with torchvision's names for the weights of a backbone: any ``weights`` but the word of a source."""

    label = "A .safetensors file"

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import build_backbone

        network = build_backbone(spec.backbone, weights=Path(spec.weights))
        return Network(network, IMAGENET_MEAN, IMAGENET_SCALE, key=name_weights(spec.backbone, Path(spec.weights)))

    def describe_kept(self, spec: EncoderSpec) -> Kept | None:
        """Found again by the name of the backbone and the hash of the file."""
        path = Path(spec.weights)
        if not path.is_file():
            return None
        sections = LITE2_SECTIONS if spec.backbone == LITE2 else ()
        return Kept(name_weights(spec.backbone, path), sections, IMAGENET_MEAN, IMAGENET_SCALE)

    def measure_mb(self, spec: EncoderSpec) -> float | None:
        """Of the file."""
        return Path(spec.weights).stat().st_size / 1e6

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
