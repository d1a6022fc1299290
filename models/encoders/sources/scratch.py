"""Encoders with random weights, to be trained on the crops of a study."""

from models.encoders.sources.source import IMAGENET_MEAN, IMAGENET_SCALE, EncoderSource, Network
from models.encoders.spec import EncoderSpec


class RandomWeights(EncoderSource):
    """A backbone that is not trained yet."""

    label = "From scratch"
    word = "none"
    is_trained = False

    def load(self, spec: EncoderSpec, *, allow_code: bool = False) -> Network:
        """See ``EncoderSource``."""
        from models.encoders.backbones import RANDOM, build_backbone

        return Network(build_backbone(spec.backbone, weights=RANDOM), IMAGENET_MEAN, IMAGENET_SCALE)


SOURCE = RandomWeights()
