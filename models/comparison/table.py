"""The table of a comparison: each encoder with each one-class model, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from core.evaluation.bootstrap import draw_figures, find_intervals
from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_flag_rates, compute_review_share

RECALL = 0.95
FALSE_ALARM_RATE = 0.05
FIGURES = ("auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate")


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
        behind: Interval of the best row's mean minus this one's, of the same draws; None for the best itself, or where
            events are too few.
        worst: The lowest AUROC of a species, and ``worst_species`` its name.
        average_precision: Mean, like ``review_at_95``, ``recall_flagged`` and ``false_alarm_rate``, at 5%.
        seconds_per_crop: To embed a crop on this computer, without reading the photo.
        n_numbers: Length of an embedding.
        species: Each unknown species by itself.
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

    @property
    def is_as_good(self) -> bool:
        """Whether it is the best, or no worse than it within the interval."""
        return self.behind is None or self.behind[0] <= 0


@dataclass(frozen=True)
class Measured:
    """One pair before it is compared with the others; ``draws`` are AUROCs of resampled events, mean over species."""

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
    for unknown, of_crops in scores.items():
        novel, flagged = kinds == unknown, p_values[unknown] <= FALSE_ALARM_RATE
        recall, alarms = compute_flag_rates(flagged, novel=novel)
        scored = pd.DataFrame(
            {"event": groups, "rank": of_crops, "novel": novel, "flagged": flagged, "truth": np.where(novel, "a", "b")}
        )
        drawn = draw_figures(scored, recall=RECALL)["auroc"]
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
    return Measured(found, np.mean(draws, axis=0))  # NaN where a draw lacks a species


def make_table(
    measured: Mapping[tuple[str, str], Measured], *, seconds_per_crop: Mapping[str, float], n_numbers: Mapping[str, int]
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
                behind=None if pair == best else behind,
                worst=worst.auroc,
                worst_species=worst.species,
                average_precision=_mean(figures, "average_precision"),
                review_at_95=_mean(figures, "review_at_95"),
                recall_flagged=_mean(figures, "recall_flagged"),
                false_alarm_rate=_mean(figures, "false_alarm_rate"),
                seconds_per_crop=seconds_per_crop[pair[0]],
                n_numbers=n_numbers[pair[0]],
                species=figures,
            )
        )
    return rows


def _mean(figures: Sequence[OfSpecies], name: str) -> float:
    return float(np.mean([getattr(one, name) for one in figures]))
