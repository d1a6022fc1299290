"""Encoders with the weights that torchvision publishes, downloaded on first use."""

from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Network
from models.encoders.spec import EncoderSpec


class PublishedWeights(EncoderSource):
    """torchvision's best weights of a backbone. Bundles do not copy them, because torchvision keeps them."""

    label = "torchvision's published weights (downloaded once)"
    word = "default"

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import DEFAULT, build_backbone

        return Network(build_backbone(spec.backbone, weights=DEFAULT), IMAGENET_MEAN, IMAGENET_SCALE)

    def measure_mb(self, spec: EncoderSpec) -> float | None:
        """As torchvision states it, in units of 1,024 x 1,024 bytes."""
        from torchvision.models import get_model_weights

        return float(get_model_weights(spec.backbone).DEFAULT.meta["_file_size"]) * 1024**2 / 1e6


SOURCE = PublishedWeights()
