"""The one-class methods, found by their files: fit one by its name, and read it back."""

import numpy as np

import models.one_class
from core.errors import AnomalureError
from core.registry import find_each
from models.one_class.model import OneClassModel
from models.one_class.ocsvm import SupportVectorModel

DEFAULT = "ocsvm"


def list_one_class() -> dict[str, type[OneClassModel]]:
    """The methods by the name that commands and bundles use, the default first."""
    found = find_each(models.one_class, "MODEL")
    return {DEFAULT: found.pop(DEFAULT), **found}


def check_one_class(name: str) -> str:
    """The name, if there is such a method.

    Raises:
        AnomalureError: If there is none.
    """
    known = list_one_class()
    if name not in known:
        raise AnomalureError(f"The one-class model must be one of {', '.join(known)}, got {name!r}.")
    return name


def has_enough(n_rows: int, *, name: str) -> bool:
    """Whether so many rows are enough for the method, or their mean must do."""
    return n_rows >= list_one_class()[name].least_rows


def fit_one_class(rows: np.ndarray, *, name: str = DEFAULT, few: bool | None = None, seed: int = 0) -> OneClassModel:
    """Learn one species from its normalised rows.

    Args:
        rows: Shape ``(n, d)``, n >= 1, of length 1 each.
        name: Of the method.
        few: Use the mean of the rows instead; None: if there are fewer than the method needs. Scores of the two are
            not alike, so the models of all folds must be of one sort.
        seed: Of whatever is drawn.

    Raises:
        ValueError: If ``rows`` is empty, not 2-D or not finite.
    """
    if few or (few is None and not has_enough(len(rows), name=name)):
        return SupportVectorModel.fit(rows, few=True, seed=seed)
    return list_one_class()[name].fit(rows, seed=seed)


def read_one_class(content: bytes, *, name: str, n_rows: int, form: str = "") -> OneClassModel:
    """A model from its file, without running code from it.

    Args:
        content: What ``to_bytes`` gave.
        name: Of its method, as ``name_method`` says.
        n_rows: How many rows it was fitted to.
        form: Its ``form``.

    Raises:
        ValueError: If it holds anything but such a model.
    """
    known = list_one_class()
    if name not in known:
        raise ValueError(f"there is no one-class model {name!r}")
    return known[name].from_bytes(content, n_rows=n_rows, form=form)


def name_method(model: OneClassModel) -> str:
    """The method that a model is of: ``ocsvm`` for a mean of few crops."""
    return next(name for name, of_method in list_one_class().items() if type(model) is of_method)
