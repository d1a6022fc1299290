"""The small encoder that comes with Anomalure."""

from dataclasses import replace
from pathlib import Path

from core.errors import AnomalureError, BundleError
from core.records import hash_content
from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Network
from models.encoders.spec import BUNDLED, BUNDLED_INPUT_PX, EncoderSpec

BACKBONE = "mobilenet_v2"
WEIGHTS = Path(__file__).parents[2] / "weights" / "encoder.safetensors"


class BundledWeights(EncoderSource):
    """Weights of one backbone, trained on the sample season and a few real photos; they need no download."""

    label = "Anomalure's own small encoder"
    word = BUNDLED
    input_px = BUNDLED_INPUT_PX

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import build_backbone

        if spec.backbone != BACKBONE:
            raise AnomalureError(f"The bundled weights are for {BACKBONE}, not for {spec.backbone}.")
        if not WEIGHTS.is_file():
            raise BundleError(
                f"The bundled encoder is missing from {WEIGHTS}; this copy of Anomalure is incomplete. "
                "Get it again, or choose other weights."
            )
        return Network(build_backbone(BACKBONE, weights=WEIGHTS), IMAGENET_MEAN, IMAGENET_SCALE)

    def identify(self, spec: EncoderSpec, project: Path) -> str:
        """A hash of the weights, because another version of Anomalure may come with other weights."""
        return hash_content(WEIGHTS.read_bytes()) if WEIGHTS.is_file() else spec.weights

    def copy_into(self, spec: EncoderSpec, file_name: str) -> tuple[EncoderSpec, Path | None]:
        """The weights are copied into the bundle, for the same reason."""
        return replace(spec, weights=file_name), WEIGHTS


SOURCE = BundledWeights()
