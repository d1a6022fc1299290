"""What every model of scenes has: how it learns, predicts, and is kept."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from core.errors import AnomalureError
from core.scenes.scene_set import SceneSet

CHUNK_SCENES = 8_192


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How a model is fitted.

    ``bottleneck`` is the width of the autoencoder's middle layer, 1 to 16. ``on_step`` gets how many steps are done,
    and their total; it may raise to stop the fit.
    """

    bottleneck: int = 8
    seed: int = 0
    on_step: Callable[[int, int], None] = lambda done, total: None


class SceneModel(ABC):
    """How likely each class is in a scene.

    A method is one file of this folder. It ends with ``MODEL = TheClass``; the file's name is what commands and model
    files call the method. The file imports nothing heavy at its top, so that ``--help`` stays quick.

    Attributes:
        label: Name of the method, for a person.
        about: What it does, in one sentence.
        shapes: The arrays that it is kept as, with a letter for each dimension: the same letter is the same length.
        uses_context: Whether the camera, hour and season of a scene matter to it.
    """

    label: ClassVar[str]
    about: ClassVar[str]
    shapes: ClassVar[Mapping[str, str]]
    uses_context: ClassVar[bool] = False

    @classmethod
    @abstractmethod
    def fit(cls, scenes: SceneSet, settings: FitSettings) -> Self:
        """Learn from ordinary scenes.

        Raises:
            AnomalureError: If nothing can be learned from them, or the training does not end in numbers.
        """

    @abstractmethod
    def predict(self, scenes: SceneSet) -> np.ndarray:
        """The log-odds of each class in each scene, float32, shape ``(n, k)``; the scenes have the model's classes.

        A model that predicts a class from the others does not look at whether the class itself is there.
        """

    @abstractmethod
    def to_arrays(self) -> dict[str, np.ndarray]:
        """What it is kept as: the arrays of ``shapes``."""

    @classmethod
    @abstractmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray], *, several_of: np.ndarray, cameras: tuple[str, ...]) -> Self:
        """The model from its arrays, whose shapes fit each other.

        Raises:
            ValueError: If they are no such model.
        """

    @property
    def cameras(self) -> tuple[str, ...]:
        """The cameras that it knows; none if it does not use them."""
        return ()


def base_log_odds(scenes: SceneSet) -> np.ndarray:
    """The log-odds of how often each class is there, with half a scene more of either answer: shape ``(k,)``."""
    counts = np.asarray(scenes.present.sum(axis=0), dtype=float).ravel()
    return np.log(counts + 0.5) - np.log(len(scenes) - counts + 0.5)


def check_loss(loss: float) -> None:
    """Stop a training whose loss is no number any more.

    Raises:
        AnomalureError: If it is NaN or infinite.
    """
    if not np.isfinite(loss):
        raise AnomalureError(
            "The training did not end in a model: its loss is no longer a number. Nothing was kept. Try another seed, "
            "or another model of scenes."
        )
