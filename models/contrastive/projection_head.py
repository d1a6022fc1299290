"""A backbone with the small head that only the training uses."""

import torch

from core.errors import AnomalureError
from models.encoders.sources.source import find_source
from models.encoders.spec import EncoderSpec


class Learner(torch.nn.Module):
    """A backbone and its projection head: float ``(n, 3, px, px)`` to vectors of length 1, ``(n, projected)``.

    With ``keep_statistics`` the backbone's batch normalisation uses the means and variances that came with its weights,
    in training too. Training then starts with exactly the features of these weights, does not depend on the other crops
    of a batch, and works with files whose statistics and scales were folded into one another.
    """

    def __init__(
        self, backbone: torch.nn.Module, *, hidden: int, projected: int, image_px: int, keep_statistics: bool = False
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self._keep_statistics = keep_statistics
        with torch.inference_mode():
            backbone.eval()
            length = backbone(torch.zeros(1, 3, image_px, image_px)).shape[1]
        # Pooled features are positive, so without the normalisation all vectors point nearly the same way at first,
        # and it takes many steps until they differ.
        self.head = torch.nn.Sequential(
            torch.nn.Linear(length, hidden, bias=False),
            torch.nn.BatchNorm1d(hidden),
            torch.nn.ReLU(inplace=True),
            torch.nn.Linear(hidden, projected),
        )

    def train(self, mode: bool = True) -> "Learner":
        """As ``torch.nn.Module.train``, except that kept statistics stay as they are."""
        super().train(mode)
        if self._keep_statistics:
            for layer in self.backbone.modules():
                if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm):
                    layer.eval()
        return self

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """The projected vectors that the loss compares, in float32."""
        return torch.nn.functional.normalize(self.head(self.backbone(views)).float(), dim=1)


def build_learner(start: EncoderSpec, *, hidden: int, projected: int, image_px: int, seed: int) -> Learner:
    """A learner with an encoder's weights; layers without weights are initialised at random from ``seed``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        source = find_source(start)
        if not source.can_be_trained:
            raise AnomalureError(
                f"{start.backbone} can be used as it is, but not be trained on. Train another encoder, such as "
                "efficientnet_lite2, or use this one with the method none."
            )
        backbone = source.load(start).model
        learner = Learner(
            backbone, hidden=hidden, projected=projected, image_px=image_px, keep_statistics=source.is_trained
        )
    return learner.requires_grad_(True)
