"""Compares the bundle before and after a retraining with the truth, where there are labels of it."""

import shutil
import tempfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.evaluation.judging import judge_crops, measure_judged
from core.formats.labelled import LabelFile
from core.review.training_labels import name_group
from core.runs.catalogue import read_catalogue
from core.runs.folder import RunFolder
from core.settings.run import RunSettings
from core.study.project import Project
from core.study.retrainings import SCRATCH
from models.bundles.bundle import Bundle
from models.bundles.scorer import BundleScorer
from models.loop.held_out import find_run

FIGURES = ("auroc", "average_precision", "review_at_95", "recall_flagged", "false_alarm_rate", "n_known", "n_novel")


def measure_truth(
    project: Project,
    *,
    old: Bundle | None,
    new: Bundle,
    trained_events: Collection[str],
    truth: LabelFile | None,
    split: str | None,
) -> dict[str, Any] | None:
    """Evaluate both bundles on the newest run with this encoder, against the truth.

    Args:
        project: The study.
        old: The bundle before the retraining; None: the run's own scores are used.
        new: The bundle after the retraining.
        trained_events: As ``name_group`` gives them. Crops of these events are left out for both bundles, because the
            new bundle was trained on them.
        truth: Labels that say what is in the photos; None: nothing is measured.
        split: Only the photos of this split of the truth.

    Returns:
        ``run``, ``n_left_out`` (crops of events used for training), and under ``before`` and ``after`` the ``FIGURES``;
        or ``problem``: a sentence that says why nothing could be measured.
    """
    if truth is None:
        return None
    run = find_run(project, new)
    if run is None:
        return {"problem": "No run was made with this encoder, so there is nothing to compare with the truth."}
    crops = read_catalogue(run, ["crop_id", "photo_id", "event_id"])
    is_trained = [
        name_group(*pair) in trained_events for pair in zip(crops["photo_id"], crops["event_id"], strict=True)
    ]
    trained = set(crops["crop_id"][is_trained])
    result: dict[str, Any] = {"run": run.run_id}
    known = sorted(set(new.counts) | set(old.counts if old else ()))
    for key, bundle in (("before", old), ("after", new)):
        with tempfile.TemporaryDirectory(dir=project.path, prefix=SCRATCH) as folder:
            path = Path(folder) / run.run_id
            shutil.copytree(run.path, path, ignore=shutil.ignore_patterns("catalogue-*", "explore", "ranking*"))
            copy = RunFolder.open(path)
            if bundle is not None:
                settings = RunSettings.from_values(run.info.settings)
                copy.write_all_scores(BundleScorer(bundle, settings).score(copy.embedded_shards()))
            judged = judge_crops(copy, truth, known_species=known, split=split)
        mask = judged.crops["crop_id"].isin(trained)
        kept = replace(judged, crops=judged.crops[~mask].reset_index(drop=True))
        values = measure_judged(kept, with_intervals=False)[0].to_values()
        result["n_left_out"] = int(mask.sum())
        result[key] = {name: values[name] for name in FIGURES}
    return result
