"""The base class of descriptors of whole images, and the list of all of them."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np

import models.images.descriptors
from core.errors import AnomalureError
from core.registry import find_each
from core.settings.images import ImageSettings

DEFAULT = "texture"


class Descriptor(ABC):
    """Describes images by numbers.

    A descriptor is one file of this folder. It ends with ``DESCRIPTOR = TheClass``; the file's name is what commands
    and model files call it. The file imports nothing heavy at its top, so that ``--help`` stays quick.

    Attributes:
        label: Name, for a person.
        about: When to choose it, in one sentence.
    """

    label: ClassVar[str]
    about: ClassVar[str]

    def __init__(self, settings: ImageSettings) -> None:
        self.settings = settings

    @property
    @abstractmethod
    def sections(self) -> tuple[int, ...]:
        """The lengths of the parts of a row, which are normalised on their own."""

    @property
    def weights(self) -> tuple[float, ...]:
        """The weight of each section; empty: all the same."""
        return ()

    @abstractmethod
    def describe(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Describe images: RGB, uint8, each of shape ``(height, width, 3)``, any size.

        Returns:
            Shape ``(n, sum(sections))``, float32, finite.
        """


def list_descriptors() -> dict[str, type[Descriptor]]:
    """The descriptors by name, the default first."""
    found = find_each(models.images.descriptors, "DESCRIPTOR")
    return {DEFAULT: found.pop(DEFAULT), **found}


def make_descriptor(name: str, settings: ImageSettings) -> Descriptor:
    """The descriptor of that name.

    Raises:
        AnomalureError: If there is none.
    """
    known = list_descriptors()
    if name not in known:
        raise AnomalureError(f"An image is described by one of {', '.join(known)}, got {name!r}.")
    return known[name](settings)
