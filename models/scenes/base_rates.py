"""The control: how often each class is there, whatever else is in the scene."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from core.scenes.scene_set import SceneSet
from models.scenes.model import FitSettings, SceneModel, base_log_odds


@dataclass(frozen=True, eq=False)
class BaseRates(SceneModel):
    """The same log-odds in every scene."""

    label: ClassVar[str] = "Base rates"
    about: ClassVar[str] = "The control: rare classes are unexpected and frequent ones are missing, in every scene."
    shapes: ClassVar[Mapping[str, str]] = {"base": "k"}

    base: np.ndarray  # (k,)

    @classmethod
    def fit(cls, scenes: SceneSet, settings: FitSettings) -> "BaseRates":
        """See ``SceneModel.fit``."""
        settings.on_step(1, 1)
        return cls(base_log_odds(scenes).astype(np.float32))

    def predict(self, scenes: SceneSet) -> np.ndarray:
        """See ``SceneModel.predict``."""
        return np.broadcast_to(self.base, (len(scenes), len(self.base))).copy()

    def to_arrays(self) -> dict[str, np.ndarray]:
        """See ``SceneModel.to_arrays``."""
        return {"base": self.base}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, np.ndarray], *, several_of: np.ndarray, cameras: tuple[str, ...]
    ) -> "BaseRates":
        """See ``SceneModel.from_arrays``."""
        return cls(arrays["base"])


MODEL = BaseRates
