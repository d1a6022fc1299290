"""The encoders that are installed with Anomalure: EfficientNet-Lite2, and a small one for the drawn sample season."""

from pathlib import Path

from core.errors import AnomalureError, BundleError
from core.records import hash_content
from models.encoders.sources.file import name_weights
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Kept, Network
from models.encoders.spec import (
    BUNDLED,
    LITE2,
    LITE2_INPUT_PX,
    LITE2_SECTIONS,
    LITE2_SHA256,
    SAMPLE_BACKBONE,
    EncoderSpec,
)

SAMPLE_WEIGHTS = Path(__file__).parents[2] / "weights" / "encoder.safetensors"


class BundledWeights(EncoderSource):
    """Weights that need no download: those of a package for ``efficientnet_lite2``, our own for ``mobilenet_v2``.

    The small ones were trained on drawn animals. Until version 0.2 they were the default without a network.
    """

    label = "EfficientNet-Lite2 (installed)"
    word = BUNDLED
    backbone = LITE2
    networks = ()
    input_px = LITE2_INPUT_PX

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import build_backbone

        if spec.backbone == LITE2:
            return Network(build_backbone(LITE2, weights="default"), IMAGENET_MEAN, IMAGENET_SCALE, key=LITE2_SHA256)
        if spec.backbone != SAMPLE_BACKBONE:
            raise AnomalureError(f"The bundled weights are for {LITE2} and {SAMPLE_BACKBONE}, not for {spec.backbone}.")
        if not SAMPLE_WEIGHTS.is_file():
            raise BundleError(
                f"The small encoder is missing from {SAMPLE_WEIGHTS}; this copy of Anomalure is incomplete. "
                "Get it again, or choose other weights."
            )
        network = build_backbone(SAMPLE_BACKBONE, weights=SAMPLE_WEIGHTS)
        return Network(network, IMAGENET_MEAN, IMAGENET_SCALE, key=name_weights(SAMPLE_BACKBONE, SAMPLE_WEIGHTS))

    def describe_kept(self, spec: EncoderSpec) -> Kept | None:
        """EfficientNet-Lite2 is known by the hash of its weights, so timm need not be imported, which takes seconds."""
        if spec.backbone == SAMPLE_BACKBONE and SAMPLE_WEIGHTS.is_file():
            return Kept(name_weights(SAMPLE_BACKBONE, SAMPLE_WEIGHTS), (), IMAGENET_MEAN, IMAGENET_SCALE)
        if spec.backbone != LITE2:
            return None
        return Kept(LITE2_SHA256, LITE2_SECTIONS, IMAGENET_MEAN, IMAGENET_SCALE)

    def measure_mb(self, spec: EncoderSpec) -> float | None:
        """Of the installed file."""
        from models.encoders.lite import find_lite_weights

        return (find_lite_weights() if spec.backbone == LITE2 else SAMPLE_WEIGHTS).stat().st_size / 1e6

    def identify(self, spec: EncoderSpec, project: Path) -> str:
        """A hash of the weights. Those of EfficientNet-Lite2 never change, because no other file is accepted."""
        if spec.backbone == LITE2:
            return LITE2_SHA256
        return hash_content(SAMPLE_WEIGHTS.read_bytes()) if SAMPLE_WEIGHTS.is_file() else spec.weights

    def copy_into(self, spec: EncoderSpec, file_name: str) -> tuple[EncoderSpec, Path | None]:
        """Only the small weights are copied, because another version of Anomalure may come with other ones."""
        if spec.backbone == LITE2:
            return spec, None
        return EncoderSpec.from_values({**spec.to_values(), "weights": file_name}), SAMPLE_WEIGHTS


SOURCE = BundledWeights()
