"""The table of a comparison: each encoder with each one-class model, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from core.evaluation.bootstrap import find_intervals
from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_flag_rates, compute_review_share
from models.comparison.draws import LEAST_EVENTS, are_enough, draw_auroc, draw_weights

RECALL = 0.95
FALSE_ALARM_RATE = 0.05


class Standing(StrEnum):
    """How a row stands to the best one. ``not known``: there are too few events to say."""

    BEST = "best"
    ALIKE = "cannot be told"
    WORSE = "no"
    NOT_KNOWN = "not known"


@dataclass(frozen=True, kw_only=True)
class OfSpecies:
    """How one pair does while one species is unknown; figures as ``cli.py evaluate`` names them, each 0 to 1.

    ``interval`` is that of ``auroc``, ``[low, high]``; None where events are too few.
    """

    species: str
    n: int
    auroc: float
    interval: list[float] | None
    average_precision: float
    review_at_95: float
    recall_flagged: float
    false_alarm_rate: float


@dataclass(frozen=True, kw_only=True)
class Row:
    """One encoder with one one-class model.

    Attributes:
        encoder: As ``models.encoders.sources.named.read_encoder`` takes it, without folders.
        one_class: Name of the one-class model.
        auroc: Mean over the unknown species.
        interval: 95% interval of the mean, whole events drawn again; None where they are too few.
        behind: Interval of the best row's mean minus this one's, of the same draws; None where events are too few.
        worst: The lowest AUROC of a species, and ``worst_species`` its name.
        average_precision: Mean, like ``review_at_95``, ``recall_flagged`` and ``false_alarm_rate``, at 5%.
        seconds_per_crop: To embed a crop on this computer, without reading the photo.
        n_numbers: Length of an embedding.
        species: Each unknown species by itself.
        is_best: Whether it is the first of the table.
        size_mb: Of the encoder's files of weights, in millions of bytes; None where it is not known.
    """

    encoder: str
    one_class: str
    auroc: float
    interval: list[float] | None
    behind: list[float] | None
    worst: float
    worst_species: str
    average_precision: float
    review_at_95: float
    recall_flagged: float
    false_alarm_rate: float
    seconds_per_crop: float
    n_numbers: int
    species: list[OfSpecies]
    is_best: bool
    size_mb: float | None = None

    @property
    def standing(self) -> Standing:
        """Whether it is the best, no worse than it within the interval, worse, or nobody can say."""
        if self.is_best:
            return Standing.BEST
        if self.behind is None:
            return Standing.NOT_KNOWN
        return Standing.ALIKE if self.behind[0] <= 0 else Standing.WORSE

    @property
    def is_as_good(self) -> bool | None:
        """Whether it is the best or cannot be told from it; None where there are too few events to say."""
        return None if self.standing is Standing.NOT_KNOWN else self.standing in (Standing.BEST, Standing.ALIKE)


@dataclass(frozen=True)
class Measured:
    """One pair before it is compared with the others; ``draws`` are AUROCs of events drawn anew, mean over species."""

    figures: list[OfSpecies]
    draws: np.ndarray


def measure(
    scores: Mapping[str, np.ndarray], p_values: Mapping[str, np.ndarray], *, kinds: np.ndarray, groups: np.ndarray
) -> Measured:
    """The figures of one pair.

    Args:
        scores: For each unknown species the scores of all crops, shape ``(n,)``, higher is more anomalous.
        p_values: The same for p-values.
        kinds: The species of each crop, shape ``(n,)``, object.
        groups: The event of each crop, shape ``(n,)``, object; the draws are of whole events, the same for every pair.
    """
    found, draws = [], []
    weights = draw_weights(kinds, groups)
    enough = are_enough(kinds, groups)
    for unknown, of_crops in scores.items():
        novel, flagged = kinds == unknown, p_values[unknown] <= FALSE_ALARM_RATE
        recall, alarms = compute_flag_rates(flagged, novel=novel)
        if enough and len(set(groups[novel])) >= LEAST_EVENTS:
            drawn = draw_auroc(of_crops, novel=novel, weights=weights)
        else:
            drawn = np.full(len(weights), np.nan)
        draws.append(drawn)
        found.append(
            OfSpecies(
                species=unknown,
                n=int(novel.sum()),
                auroc=compute_auroc(of_crops, novel=novel),
                interval=find_intervals({"auroc": drawn})["auroc"],
                average_precision=compute_average_precision(of_crops, novel=novel),
                review_at_95=compute_review_share(of_crops, novel=novel, recall=RECALL),
                recall_flagged=float(recall or 0.0),
                false_alarm_rate=float(alarms or 0.0),
            )
        )
    return Measured(found, np.mean(draws, axis=0))  # NaN if there are too few events of one


def make_table(
    measured: Mapping[tuple[str, str], Measured],
    *,
    seconds_per_crop: Mapping[str, float],
    n_numbers: Mapping[str, int],
    sizes_mb: Mapping[str, float | None],
) -> list[Row]:
    """The rows, the best mean first; of equal ones the quicker encoder."""
    means = {pair: float(np.mean([one.auroc for one in one_pair.figures])) for pair, one_pair in measured.items()}
    order = sorted(measured, key=lambda pair: (-means[pair], seconds_per_crop[pair[0]], pair))
    best = order[0]
    rows = []
    for pair in order:
        figures = measured[pair].figures
        worst = min(figures, key=lambda one: one.auroc)
        behind = find_intervals({"mean": measured[best].draws - measured[pair].draws})["mean"]
        rows.append(
            Row(
                encoder=pair[0],
                one_class=pair[1],
                auroc=means[pair],
                interval=find_intervals({"mean": measured[pair].draws})["mean"],
                behind=behind,
                worst=worst.auroc,
                worst_species=worst.species,
                average_precision=_mean(figures, "average_precision"),
                review_at_95=_mean(figures, "review_at_95"),
                recall_flagged=_mean(figures, "recall_flagged"),
                false_alarm_rate=_mean(figures, "false_alarm_rate"),
                seconds_per_crop=seconds_per_crop[pair[0]],
                n_numbers=n_numbers[pair[0]],
                species=figures,
                is_best=pair == best,
                size_mb=sizes_mb[pair[0]],
            )
        )
    return rows


def _mean(figures: Sequence[OfSpecies], name: str) -> float:
    return float(np.mean([getattr(one, name) for one in figures]))
