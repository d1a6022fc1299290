"""The published method: an autoencoder of the set of classes, with a narrow middle layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.errors import AnomalureError
from core.scenes.scene_set import SceneSet
from models.scenes.model import CHUNK_SCENES, FitSettings, SceneModel, check_loss

NARROWEST, WIDEST = 1, 16
EPOCHS, LEAST_STEPS = 40, 600
BATCH = 256
LEARNING_RATE = 3e-3


@dataclass(frozen=True, eq=False)
class Autoencoder(SceneModel):
    """The classes of a scene through a narrow layer and back; what is badly reconstructed is odd.

    Unlike the masked model it sees the class that it predicts.
    """

    label: ClassVar[str] = "Autoencoder"
    about: ClassVar[str] = (
        "The published method: the set of classes is squeezed through a narrow layer and put together again."
    )
    shapes: ClassVar[Mapping[str, str]] = {"inward": "kb", "narrow": "b", "outward": "bk", "base": "k"}

    inward: np.ndarray  # (k, b)
    narrow: np.ndarray  # (b,)
    outward: np.ndarray  # (b, k)
    base: np.ndarray  # (k,)

    @classmethod
    def fit(cls, scenes: SceneSet, settings: FitSettings) -> "Autoencoder":
        """See ``SceneModel.fit``. Binary cross-entropy, Adam."""
        import torch

        if not NARROWEST <= settings.bottleneck <= WIDEST:
            raise AnomalureError(f"The bottleneck must be between {NARROWEST} and {WIDEST}, got {settings.bottleneck}.")
        n, k = scenes.present.shape
        generator = torch.Generator().manual_seed(settings.seed)
        inward = _draw((k, settings.bottleneck), k, generator)
        narrow = _draw((settings.bottleneck,), k, generator)
        outward = _draw((settings.bottleneck, k), settings.bottleneck, generator)
        base = _draw((k,), settings.bottleneck, generator)
        optimiser = torch.optim.Adam([inward, narrow, outward, base], lr=LEARNING_RATE, fused=True)
        per_epoch = -(-n // BATCH)
        total = max(EPOCHS * per_epoch, LEAST_STEPS)
        order = torch.empty(0, dtype=torch.long)
        for step in range(total):
            at = step % per_epoch * BATCH
            if at == 0:
                order = torch.randperm(n, generator=generator)
            rows = order[at : at + BATCH].numpy()
            x = torch.from_numpy(scenes.present[rows].toarray().astype(np.float32))  # (batch, k)
            logits = torch.relu(x @ inward + narrow) @ outward + base  # (batch, k)
            # The slope of the mean cross-entropy, written down: half of the time of a step.
            optimiser.zero_grad()
            logits.backward((torch.sigmoid(logits.detach()) - x) / x.numel())
            optimiser.step()
            if at == 0 or step == total - 1:
                check_loss(float(logits.detach().sum()))
                settings.on_step(step + 1, total)
        return cls(*(part.detach().numpy() for part in (inward, narrow, outward, base)))

    def predict(self, scenes: SceneSet) -> np.ndarray:
        """See ``SceneModel.predict``: the reconstruction, which has seen the class itself."""
        log_odds = np.empty(scenes.present.shape, dtype=np.float32)
        for start in range(0, len(scenes), CHUNK_SCENES):
            x = scenes.present[start : start + CHUNK_SCENES].astype(np.float32)
            log_odds[start : start + CHUNK_SCENES] = np.maximum(x @ self.inward + self.narrow, 0) @ self.outward
        return log_odds + self.base

    def to_arrays(self) -> dict[str, np.ndarray]:
        """See ``SceneModel.to_arrays``."""
        return {name: getattr(self, name) for name in self.shapes}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], *, several_of: np.ndarray, cameras: tuple[str, ...]
    ) -> "Autoencoder":
        """See ``SceneModel.from_arrays``."""
        return cls(**{name: arrays[name] for name in cls.shapes})


def _draw(shape, fan_in, generator):  # type: ignore[no-untyped-def]  # torch is not imported at the top
    import torch

    bound = fan_in**-0.5
    return ((torch.rand(shape, generator=generator) * 2 - 1) * bound).requires_grad_()


MODEL = Autoencoder
