"""How well two reviewers agree beyond chance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEW = 30
"""With fewer crops kappa says next to nothing."""
ROUNDS = 1_000


@dataclass(frozen=True, slots=True)
class Agreement:
    """The verdicts of two reviewers on the same crops.

    ``table[i, j]`` is the number of crops that the first called ``categories[i]`` and the second ``categories[j]``;
    ``kappa`` is 1 for full agreement, 0 for what chance would give, below 0 for less, and NaN where it is not defined:
    without a crop, or if both gave the same verdict on every crop.
    """

    categories: tuple[str, ...]
    table: np.ndarray
    kappa: float

    @property
    def n_crops(self) -> int:
        """Crops that both decided about."""
        return int(self.table.sum())

    @property
    def n_agreed(self) -> int:
        """Crops about which both said the same."""
        return int(np.trace(self.table))

    @property
    def share_agreed(self) -> float:
        """0 to 1; NaN without a crop."""
        return self.n_agreed / self.n_crops if self.n_crops else float("nan")


def compare_reviewers(first: Sequence[str], second: Sequence[str], *, categories: Sequence[str]) -> Agreement:
    """Cohen's kappa of two reviewers, unweighted.

    Args:
        first: The first reviewer's category of each crop, one of ``categories``, length n.
        second: The second reviewer's, for the same crops in the same order.
        categories: All possible categories.

    Raises:
        ValueError: If the lengths differ or a category is unknown.

    Source: Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 1960.
    """
    if len(first) != len(second):
        raise ValueError(f"both must have said something of each crop, got {len(first)} and {len(second)} verdicts")
    place = {name: i for i, name in enumerate(categories)}
    unknown = {*first, *second} - set(place)
    if unknown:
        raise ValueError(f"a verdict must be one of {', '.join(categories)}, got {', '.join(sorted(unknown))}")
    table = np.zeros((len(categories), len(categories)), dtype=np.int64)
    np.add.at(table, ([place[name] for name in first], [place[name] for name in second]), 1)
    return Agreement(tuple(categories), table, compute_kappa(table))


def compute_kappa(table: np.ndarray) -> float:
    """Cohen's kappa of a table of counts, shape ``(k, k)``; NaN if chance agreement is 1 or the table is empty."""
    n = table.sum()
    if n == 0:
        return float("nan")
    observed = np.trace(table) / n
    by_chance = float(table.sum(axis=1) @ table.sum(axis=0)) / float(n) ** 2
    if by_chance == 1:
        return float("nan")
    return float((observed - by_chance) / (1 - by_chance))


def find_kappa_interval(agreement: Agreement) -> tuple[float, float] | None:
    """Where kappa would lie 95 times in 100 for other crops of the same kind; None if that cannot be said.

    Source: the bootstrap of Efron and Tibshirani 1993, over the crops.
    """
    n = agreement.n_crops
    if n < 2:
        return None
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(n, agreement.table.ravel() / n, size=ROUNDS).reshape(ROUNDS, *agreement.table.shape)
    kappas = np.array([compute_kappa(table) for table in drawn])
    kappas = kappas[np.isfinite(kappas)]
    if len(kappas) < ROUNDS / 2:
        return None
    low, high = np.quantile(kappas, [0.025, 0.975])
    return float(low), float(high)


def say_agreement(agreement: Agreement) -> str:
    """What the verdicts say about agreement beyond chance, in one sentence, and no more than they can say."""
    if agreement.kappa != agreement.kappa:
        return "Kappa is not defined: there is no crop, or both gave one and the same verdict on all of them."
    interval = find_kappa_interval(agreement)
    if interval is None or agreement.n_crops < FEW:
        between = "" if interval is None else f": it could be anything from {interval[0]:.2f} to {interval[1]:.2f}"
        crops = "1 crop is" if agreement.n_crops == 1 else f"{agreement.n_crops} crops are"
        return f"{crops} too few to say how well they agree beyond chance. Kappa is {agreement.kappa:.2f}{between}."
    words = list(dict.fromkeys(say_kappa(edge) for edge in interval))
    return (
        f"Agreement beyond chance: {' to '.join(words)} (kappa {interval[0]:.2f} to {interval[1]:.2f}, 95 times in 100 "
        "for other crops of the same kind)."
    )


def say_kappa(kappa: float) -> str:
    """In the usual words (Landis and Koch 1977): ``almost perfect`` above 0.8, ``poor`` under 0."""
    if kappa != kappa:
        return "not defined"
    limits = ((0.8, "almost perfect"), (0.6, "substantial"), (0.4, "moderate"), (0.2, "fair"), (0.0, "slight"))
    return next((words for limit, words in limits if kappa > limit or (limit == 0 and kappa == 0)), "poor")
