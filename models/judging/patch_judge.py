"""Scores whole frames of one camera by their most unusual patch, with p-values from held-out frames."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.records import HeatMap
from models.judging.calibration import N_FOLDS, Units, assign_folds, compute_p_values, score_held_out
from models.judging.judge import Group
from models.judging.patch_distance import PatchBank


@dataclass(frozen=True)
class PatchJudge:
    """The patch model of one camera.

    Attributes:
        bank: Patches of its normal frames.
        units: Units of its scores: 0 is the median and 1 the 95th percentile of the held-out frames.
        group: Scores of the held-out frames, in these units, ascending.
    """

    bank: PatchBank
    units: Units
    group: Group

    def judge(self, largest: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Scores (higher is more anomalous) and p-values of frames by the largest distance of each, shape ``(n,)``."""
        scores = self.units.standardise(np.asarray(largest, dtype=float))
        return scores, compute_p_values(scores, reference=self.group.scores)

    def map_frames(self, maps: np.ndarray) -> list[HeatMap]:
        """Heat maps of frames, from their maps of features ``(n, h, w, d)``."""
        return [HeatMap(heat, self.bank.bank_id, self.units.high) for heat in self.bank.measure_distances(maps)]


def fit_patch_judge(
    maps: np.ndarray, groups: Sequence[str], *, camera: str, n_folds: int = N_FOLDS, seed: int = 0
) -> PatchJudge:
    """Keep the patches of a camera, and calibrate: the frames of each fold are scored with a bank of the other folds.

    Args:
        maps: Features of normal frames, shape ``(n, h, w, d)``.
        groups: The event or photo that each comes from, shape ``(n,)``, at least two; never split.
        camera: Name of the camera.
        n_folds: >= 2.
        seed: Seed of the folds and of the samples of the banks.

    Source: see ``models.judging.patch_distance`` and ``models.judging.judge.fit_judge``.
    """
    folds = assign_folds([camera] * len(maps), groups, n_folds=n_folds, seed=seed)

    def fit_and_score(learn: np.ndarray, held_out: np.ndarray) -> np.ndarray:
        return PatchBank.fit(maps[learn], seed=seed).score_maps(maps[held_out])[:, None]

    largest = score_held_out(len(maps), folds, fit_and_score=fit_and_score)[:, 0]
    units = Units.of(largest)
    group = Group(f"whole frames of {camera} (by their strangest patch)", np.sort(units.standardise(largest)))
    return PatchJudge(PatchBank.fit(maps, seed=seed), units, group)
