"""The choices made on the Evaluate page, and the figures of one run."""

from dataclasses import dataclass
from pathlib import Path

from core.evaluation.bootstrap import Draws
from core.evaluation.curves import Curves, trace_curves
from core.evaluation.judging import Evaluation, judge_crops, measure_judged
from core.formats.account import Problems
from core.formats.labelled import LabelFile
from core.runs.folder import RunFolder


@dataclass(frozen=True)
class Asked:
    """What to measure. With ``known`` None, the species of the truth's train split are the known ones."""

    run: RunFolder
    other: RunFolder | None
    truth: LabelFile
    truth_path: Path
    split: str | None
    known: tuple[str, ...] | None


@dataclass(frozen=True)
class Measured:
    """One run compared with the truth."""

    evaluation: Evaluation
    draws: Draws
    curves: Curves | None
    flagged_share: float
    crop_ids: frozenset[str]
    problems: tuple[str, ...] = ()  # of the truth, and of its photos in the run


def measure(run: RunFolder, truth: LabelFile, *, split: str | None, known: tuple[str, ...] | None) -> Measured:
    """Compare a run with the truth.

    Raises:
        AnomalureError: As ``core.evaluation.judging.judge_crops``.
    """
    problems = Problems()
    judged = judge_crops(run, truth, known_species=known, split=split, problems=problems)
    evaluation, draws = measure_judged(judged)
    crops = judged.crops
    novel = crops["novel"].to_numpy(dtype=bool)
    curves = trace_curves(crops["rank"].to_numpy(), novel=novel) if novel.any() and not novel.all() else None
    return Measured(
        evaluation,
        draws,
        curves,
        flagged_share=float(crops["flagged"].mean()) if len(crops) else 0.0,
        crop_ids=frozenset(crops["crop_id"]),
        problems=(*truth.problems, *problems.lines()),
    )
