"""One-class support vector machines: how little a row is like those that a species is known by."""

import importlib
import io
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from models.one_class.model import OneClassModel
from models.one_class.scored_rows import check_training_rows

NU = 0.1
"""Upper bound on the share of training crops that may lie outside, of a species with enough of them."""
GAMMA = 2.0
"""Of exp(-gamma |x - y|²), the same for every species and fold; rows have length 1, so distances are 0 to 2."""
NU_OF_MEAN = 0.999
"""At nu = 1 every crop counts the same, but libsvm finds no finite offset there."""
EXACT_ROWS = 20_000
"""Above this the exact machine takes minutes; Nystroem and stochastic gradient descent take seconds."""
COMPONENTS = 500
"""Of the approximation: ranks of real crops agree with the exact machine by 0.96 (1,000: 0.98, in thrice the time)."""
WORDS = {
    "exact": "one-class SVM",
    "mean": "mean of its crops (few crops)",
    "approximate": "one-class SVM, approximated (many crops)",
}
# Everything in our files is of scikit-learn and numpy, which skops trusts by itself; nothing else is let in.
TRUSTED_TYPES: list[str] = []

# skops imports every package of scikit-learn in search of estimators. This one has none, and would import torch.
_NEEDS_TORCH = "sklearn.externals.array_api_compat.torch"


def import_skops() -> ModuleType:
    """``skops.io``, imported in a second instead of two and a half: without torch, unless that is loaded already."""
    is_left_out = _NEEDS_TORCH not in sys.modules and "torch" not in sys.modules
    if is_left_out:
        sys.modules[_NEEDS_TORCH] = None  # type: ignore[assignment]  # for this import it is not there
    try:
        return importlib.import_module("skops.io")
    finally:
        if is_left_out:
            sys.modules.pop(_NEEDS_TORCH, None)


@dataclass(frozen=True)
class SupportVectorModel(OneClassModel):
    """A one-class support vector machine of one species.

    The score is 1 minus the weighted mean similarity to the support vectors, so 0 to 1 for the exact machine, and
    about the same for the approximate one. It does not depend on how many rows it was fitted to, so that the models of
    folds can be compared. ``form`` is ``exact``, ``mean`` (few crops) or ``approximate`` (very many).
    Source: Schölkopf et al., Neural Computation 2001; Williams and Seeger, NIPS 2000 (Nystroem).
    """

    label = "One-class SVM"
    about = "The default: on average the best over the kinds of novelty that it was measured on."
    ending = "skops"

    estimator: Any  # an OneClassSVM, or the Pipeline of Nystroem and SGDOneClassSVM
    n_rows: int
    form: str

    @classmethod
    def fit(
        cls,
        rows: np.ndarray,
        *,
        nu: float = NU,
        gamma: float = GAMMA,
        few: bool = False,
        exact_rows: int = EXACT_ROWS,
        seed: int = 0,
    ) -> "SupportVectorModel":
        """Learn from the normalised rows of one species, shape ``(n, d)``, n >= 1.

        Args:
            rows: Of length 1 each.
            nu: Share of them that may lie outside, over 0 to 1.
            gamma: Of the kernel, > 0.
            few: There are so few that none can be spared as an outlier: each counts the same, and their mean is the
                species.
            exact_rows: With more of them the machine is approximated.
            seed: Of the approximation.

        Raises:
            ValueError: If ``rows`` is empty or not 2-D.
        """
        from sklearn.kernel_approximation import Nystroem
        from sklearn.linear_model import SGDOneClassSVM
        from sklearn.pipeline import Pipeline
        from sklearn.svm import OneClassSVM

        check_training_rows(rows)
        if len(rows) > exact_rows:
            steps = [
                ("kernel", Nystroem(gamma=gamma, n_components=min(COMPONENTS, len(rows)), random_state=seed)),
                ("machine", SGDOneClassSVM(nu=nu, random_state=seed)),
            ]
            return cls(Pipeline(steps).fit(rows), len(rows), "approximate")
        estimator = OneClassSVM(nu=NU_OF_MEAN if few else nu, gamma=gamma).fit(rows)
        return cls(estimator, len(rows), "mean" if few else "exact")

    @property
    def words(self) -> str:
        """What it is, for the card of a bundle."""
        return WORDS[self.form]

    @property
    def n_features(self) -> int:
        """Length of the rows that it takes."""
        return int(self.estimator.n_features_in_)

    def _score(self, rows: np.ndarray) -> np.ndarray:
        if self.form == "approximate":
            machine = self.estimator["machine"]
            features = self.estimator["kernel"].transform(rows)  # (n, components)
            return 1 - features @ machine.coef_ / max(float(np.linalg.norm(machine.coef_)), 1e-12)
        # The same sum as OneClassSVM.score_samples, by one matrix product instead of libsvm's loop.
        vectors = self.estimator.support_vectors_.astype(np.float32)  # (m, d)
        weights = self.estimator.dual_coef_[0] / self.estimator.dual_coef_.sum()  # (m,)
        rows = rows.astype(np.float32)
        squared = (rows**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * rows @ vectors.T  # (n, m)
        return 1 - np.exp(-self.estimator.gamma * np.maximum(squared, 0)) @ weights

    def to_bytes(self) -> bytes:
        """A skops file."""
        return import_skops().dumps(self.estimator)

    @classmethod
    def from_bytes(cls, content: bytes, *, n_rows: int, form: str) -> "SupportVectorModel":
        """Read what ``to_bytes`` gave, without running code from it.

        Raises:
            ValueError: If it holds anything but one of our models.
        """
        from sklearn.kernel_approximation import Nystroem
        from sklearn.linear_model import SGDOneClassSVM
        from sklearn.pipeline import Pipeline
        from sklearn.svm import OneClassSVM

        skops_io = import_skops()
        try:
            foreign = skops_io.get_untrusted_types(file=io.BytesIO(content))
            estimator = None if foreign else skops_io.loads(content, trusted=TRUSTED_TYPES)
        except Exception as error:  # a broken archive fails in many ways, and all mean the same
            raise ValueError(f"it is not a model file ({error})") from error
        if foreign:
            raise ValueError(f"it holds {', '.join(foreign)}, which could run code")
        is_exact = isinstance(estimator, OneClassSVM) and getattr(estimator, "support_vectors_", None) is not None
        steps = [type(step) for _, step in estimator.steps] if isinstance(estimator, Pipeline) else []
        if not (is_exact and form in ("exact", "mean")) and not (
            steps == [Nystroem, SGDOneClassSVM] and form == "approximate"
        ):
            raise ValueError(f"a one-class machine was expected, got {type(estimator).__name__}")
        return cls(estimator, n_rows, form)


MODEL = SupportVectorModel
