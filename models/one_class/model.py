"""What every one-class model has: how it learns, scores, is described, saved and loaded."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Self

import numpy as np

from models.one_class.scored_rows import check_finite, pack_arrays, unpack_arrays


class OneClassModel(ABC):
    """What a species (or a camera) is known by, on normalised rows.

    A method is one file of this folder. It ends with ``MODEL = TheClass``; the file's name is what commands and
    bundles call the method. The file imports nothing heavy at its top, so that ``--help`` stays quick.

    Attributes:
        label: Name of the method, for a person.
        about: When to choose it, in one sentence.
        least_rows: With fewer rows the mean of the crops is used instead.
        ending: Of the file that ``to_bytes`` fills.
        chunk_rows: How many rows are scored at once.
        n_rows: How many rows it was fitted to.
        form: Which variant of the method this is; empty where there is one.
    """

    label: ClassVar[str]
    about: ClassVar[str]
    least_rows: ClassVar[int] = 10
    ending: ClassVar[str] = "safetensors"
    chunk_rows: ClassVar[int] = 4_096
    n_rows: int
    form: str = ""

    @classmethod
    @abstractmethod
    def fit(cls, rows: np.ndarray, *, seed: int = 0) -> Self:
        """Learn from the rows of one species, shape ``(n, d)``, of length 1 each.

        Raises:
            ValueError: If ``rows`` is not 2-D, not finite, or has too few rows (see ``check_training_rows``).
        """

    @abstractmethod
    def _score(self, rows: np.ndarray) -> np.ndarray:
        """The scores of a few thousand rows, which are checked already."""

    @property
    @abstractmethod
    def n_features(self) -> int:
        """Length of the rows that it takes."""

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return self.label

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """How little each row fits: float64, shape ``(n,)``, **higher is more anomalous**.

        This is the opposite of scikit-learn's direction. The scale is the model's own, see ``calibration.Units``.

        Raises:
            ValueError: If ``rows`` does not have shape ``(n, n_features)`` or is not finite.
        """
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ValueError(f"rows must have shape (n, {self.n_features}), got {rows.shape}")
        check_finite(rows)
        scores = np.empty(len(rows))
        for start in range(0, len(rows), self.chunk_rows):
            chunk = slice(start, start + self.chunk_rows)
            scores[chunk] = self._score(rows[chunk])
        return scores

    @abstractmethod
    def to_bytes(self) -> bytes:
        """The content of a file that holds no code."""

    @classmethod
    @abstractmethod
    def from_bytes(cls, content: bytes, *, n_rows: int, form: str) -> Self:
        """The model from its file, without running code from it; ``n_rows`` and ``form`` are those it had.

        Raises:
            ValueError: If the file holds anything but such a model.
        """


@dataclass(frozen=True)
class ArrayModel(OneClassModel):
    """A model whose fields are arrays and numbers, kept in a safetensors file under the fields' names.

    ``shapes`` has one letter for each dimension of each array, such as ``{"rows": "md", "density": "m"}``: the same
    letter is the same length, and d is the number of features.
    """

    shapes: ClassVar[Mapping[str, str]]

    @property
    def n_features(self) -> int:
        """Length of the rows that it takes."""
        name, letters = next((name, letters) for name, letters in self.shapes.items() if "d" in letters)
        return int(getattr(self, name).shape[letters.index("d")])

    def to_bytes(self) -> bytes:
        """A safetensors file."""
        return pack_arrays({field.name: getattr(self, field.name) for field in fields(self)})

    @classmethod
    def from_bytes(cls, content: bytes, *, n_rows: int = 0, form: str = "") -> Self:
        """What ``to_bytes`` gave; the arguments beside it are in the file already."""
        arrays = unpack_arrays(content, {field.name: cls.shapes.get(field.name, "") for field in fields(cls)})
        numbers = {name: array.item() for name, array in arrays.items() if name not in cls.shapes}
        model = cls(**{**arrays, **numbers})
        model.check()
        return model

    def check(self) -> None:  # most methods need no more than the shapes
        """Raise ValueError if the arrays are no such model although their shapes fit."""
