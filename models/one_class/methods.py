"""How little a crop fits those that a species is known by: one protocol, several models behind it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from core.errors import AnomalureError
from models.one_class.forest import ForestModel
from models.one_class.gaussian import GaussianModel, RobustEllipseModel
from models.one_class.neighbours import LocalOutlierModel, NeighbourModel
from models.one_class.svm import SupportVectorModel

DEFAULT = "ocsvm"
ENOUGH_ROWS = 10
"""With fewer crops none can be spared as an outlier: each counts the same, and their mean is the species."""


class OneClassModel(Protocol):
    """What a species (or a camera) is known by, on normalised rows."""

    @property
    def n_rows(self) -> int:
        """How many rows it learnt from."""
        ...

    @property
    def words(self) -> str:
        """What it is, for a person."""
        ...

    @property
    def width(self) -> int:
        """Length of the rows that it takes."""
        ...

    def score_samples(self, rows: np.ndarray) -> np.ndarray:
        """How little each row of shape ``(n, width)`` fits: shape ``(n,)``, **higher is more anomalous**.

        This is the opposite of scikit-learn's direction. The scale is the model's own, see ``calibration.Units``.
        """
        ...

    def to_bytes(self) -> bytes:
        """The content of a file that holds no code."""
        ...


@dataclass(frozen=True)
class OneClassMethod:
    """One way to learn a species.

    Attributes:
        label: For a person.
        fit: Rows of shape ``(n, d)`` and a seed to a model.
        read: What the model's ``to_bytes`` gave back to a model; ValueError if it is not that.
        least_rows: With fewer rows the mean of the crops is used instead.
    """

    label: str
    fit: Callable[[np.ndarray, int], OneClassModel]
    read: Callable[[bytes], OneClassModel]
    least_rows: int = ENOUGH_ROWS


def _fit_svm(rows: np.ndarray, seed: int) -> OneClassModel:
    return SupportVectorModel.fit(rows, seed=seed)


def _read_svm(content: bytes) -> OneClassModel:
    raise ValueError("a support vector machine is read with its number of rows")


ONE_CLASS: dict[str, OneClassMethod] = {
    "ocsvm": OneClassMethod("One-class SVM", _fit_svm, _read_svm),
    "knn": OneClassMethod(
        "Nearest neighbours", lambda rows, seed: NeighbourModel.fit(rows, seed=seed), NeighbourModel.from_bytes
    ),
    "lof": OneClassMethod(
        "Local outlier factor",
        lambda rows, seed: LocalOutlierModel.fit(rows, seed=seed),
        LocalOutlierModel.from_bytes,
        least_rows=40,
    ),
    "mahalanobis": OneClassMethod(
        "Mahalanobis distance", lambda rows, seed: GaussianModel.fit(rows, seed=seed), GaussianModel.from_bytes
    ),
    "elliptic_envelope": OneClassMethod(
        "Elliptic envelope",
        lambda rows, seed: RobustEllipseModel.fit(rows, seed=seed),
        RobustEllipseModel.from_bytes,
        least_rows=40,
    ),
    "isolation_forest": OneClassMethod(
        "Isolation forest", lambda rows, seed: ForestModel.fit(rows, seed=seed), ForestModel.from_bytes, least_rows=20
    ),
}
"""By the name that commands and bundles use."""


def check_one_class(name: str) -> str:
    """The name, if there is such a method.

    Raises:
        AnomalureError: If there is none.
    """
    if name not in ONE_CLASS:
        raise AnomalureError(f"The one-class model must be one of {', '.join(ONE_CLASS)}, got {name!r}.")
    return name


def has_enough(n_rows: int, *, name: str) -> bool:
    """Whether so many rows are enough for the method, or their mean must do."""
    return n_rows >= ONE_CLASS[name].least_rows


def fit_one_class(rows: np.ndarray, *, name: str = DEFAULT, few: bool | None = None, seed: int = 0) -> OneClassModel:
    """Learn one species from its normalised rows.

    Args:
        rows: Shape ``(n, d)``, n >= 1, of length 1 each.
        name: Of the method.
        few: Use the mean of the rows instead; None: if there are fewer than the method needs. Scores of the two are
            not alike, so the models of all folds must be of one sort.
        seed: Of whatever is drawn.

    Raises:
        ValueError: If ``rows`` is empty or not 2-D.
    """
    if few or (few is None and not has_enough(len(rows), name=name)):
        return SupportVectorModel.fit(rows, few=True, seed=seed)
    return ONE_CLASS[name].fit(rows, seed)


def read_one_class(content: bytes, *, name: str, n_rows: int, method: str = "") -> OneClassModel:
    """A model from its file, without running code from it.

    Args:
        content: What ``to_bytes`` gave.
        name: Of the method, or ``ocsvm`` for a mean of few crops.
        n_rows: What it learnt from; only the support vector machine needs to be told.
        method: Which form of the support vector machine it is.

    Raises:
        ValueError: If it holds anything but such a model.
    """
    if name not in ONE_CLASS:
        raise ValueError(f"there is no one-class model {name!r}")
    if name == "ocsvm":
        return SupportVectorModel.from_bytes(content, n_rows=n_rows, method=method)
    return ONE_CLASS[name].read(content)


def describe_file(model: OneClassModel) -> tuple[str, str, str]:
    """Name of the method, form of the support vector machine (or empty), and the ending of its file."""
    if isinstance(model, SupportVectorModel):
        return "ocsvm", model.method, "skops"
    kinds = {
        NeighbourModel: "knn",
        LocalOutlierModel: "lof",
        GaussianModel: "mahalanobis",
        RobustEllipseModel: "elliptic_envelope",
        ForestModel: "isolation_forest",
    }
    return kinds[type(model)], "", "safetensors"
