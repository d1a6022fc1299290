"""Compares two bundles on held-out verdicts, and finds the crops whose rank changed most."""

from typing import Any

import numpy as np
import pandas as pd

from core.evaluation.bootstrap import compare_draws, draw_figures
from core.evaluation.metrics import compute_auroc, compute_average_precision, compute_flag_rates, compute_review_share
from core.evaluation.threshold import RECALL, suggest_rate
from core.records import CropKind
from core.review.holding import match_crops
from core.review.training_labels import TrainingLabels
from core.runs.catalogue import rank_crops, read_catalogue
from core.runs.folder import RunFolder
from core.study.project import Project
from models.bundles.bundle import Bundle
from models.loop.ranker import Ranker
from models.loop.verdict_rows import VerdictRows, identify_encoders

MOST_MOVED = 12
MOST_RANKED = 20_000
"""In a run with more crops, both bundles rank a sample with a fixed seed."""
SEED = 0
_BOX = ["crop_id", "photo_id", "kind", "x", "y", "width", "height"]


def measure_bundles(held_out: VerdictRows, trained: VerdictRows, *, old: Bundle | None, new: Bundle) -> dict[str, Any]:
    """``before``, ``after`` and ``after_ranked`` (scores corrected by the training labels) on held-out verdicts.

    Each has ``auroc, average_precision, review_at_95, recall_flagged, false_alarm_rate, n_normal, n_anomalies``; a
    figure that cannot be computed is None, and ``why`` says why. Without an old bundle, ``before`` uses the scores
    that the first look showed. ``difference``: as ``draw_differences``.
    ``suggested_rate``: ``core.evaluation.threshold.suggest_rate`` for the new bundle.
    """
    usable = held_out.select(_can_be_scored(held_out, old) & _can_be_scored(held_out, new))
    odd = usable.anomalous
    scores, p_values = _score(new, usable)
    rate = (old or new).settings.false_alarm_rate
    if old is not None:
        first, shown = _score(old, usable)
    else:
        shown = np.nan_to_num(usable.verdicts["p_value"].to_numpy(dtype=float), nan=1.0)
        first = np.where(np.isnan(usable.scores), usable.verdicts["score"].to_numpy(dtype=float), usable.scores)
        first = np.nan_to_num(first)
    before = measure_order(first, shown, odd=odd, rate=rate)
    after = measure_order(scores, p_values, odd=odd, rate=new.settings.false_alarm_rate)
    difference = draw_differences(
        (first, shown, rate),
        (scores, p_values, new.settings.false_alarm_rate),
        odd=odd,
        events=usable.rows.column("owner"),
    )
    ranked = measure_order(_rank(new, usable, trained), None, odd=odd, rate=0.0)
    return {
        "before": before,
        "after": after,
        "after_ranked": ranked,
        "difference": difference,
        "not_judged": len(held_out) - len(usable),
        "suggested_rate": suggest_rate(p_values, anomalous=odd),
    }


Order = tuple[np.ndarray, np.ndarray, float]
"""Scores, p-values, and the false-alarm rate."""


def draw_differences(before: Order, after: Order, *, odd: np.ndarray, events: np.ndarray) -> dict[str, Any]:
    """How much of each figure's change is chance: 95% intervals of after minus before, by events drawn anew.

    None for a figure that too few draws can give; empty without crops.
    """
    if not len(odd):
        return {}
    draws = []
    for scores, p_values, rate in (before, after):
        table = pd.DataFrame(
            {
                "event": events,
                "rank": rank_crops(p_values, scores),
                "novel": odd,
                "flagged": p_values <= rate,
                "truth": "",
            }
        )
        draws.append(draw_figures(table, recall=RECALL))
    found = compare_draws(draws[1], draws[0])
    return {name: interval for name, interval in found.items() if not name.startswith("flagged of")}


def measure_order(scores: np.ndarray, p_values: np.ndarray | None, *, odd: np.ndarray, rate: float) -> dict[str, Any]:
    """The figures of one order of crops; ``odd`` says which are anomalies. Without p-values scores order them."""
    ranks = scores if p_values is None else rank_crops(p_values, scores)
    n_odd, n_normal = int(odd.sum()), int((~odd).sum())
    result: dict[str, Any] = {
        "auroc": None,
        "average_precision": None,
        "review_at_95": None,
        "recall_flagged": None,
        "false_alarm_rate": None,
        "n_anomalies": n_odd,
        "n_normal": n_normal,
        "why": "",
    }
    if n_odd and n_normal:
        result["auroc"] = compute_auroc(ranks, novel=odd)
        result["average_precision"] = compute_average_precision(ranks, novel=odd)
        result["review_at_95"] = compute_review_share(ranks, novel=odd)
    else:
        missing = "anomaly" if not n_odd else "normal crop"
        result["why"] = f"There is no {missing} among the held-out verdicts, so the order cannot be evaluated."
    if p_values is not None and len(odd):
        result["recall_flagged"], result["false_alarm_rate"] = compute_flag_rates(p_values <= rate, novel=odd)
    return result


def find_run(project: Project, bundle: Bundle) -> RunFolder | None:
    """The newest scored run that was made with the bundle's encoders."""
    wanted = identify_encoders((spec.to_values() for spec in bundle.encoders), project=project.path)
    runs = (run for run in project.runs() if not run.problem and run.tables("scores"))
    return next((run for run in runs if identify_encoders(run.info.encoders, project=project.path) == wanted), None)


def list_moved(project: Project, labels: TrainingLabels, *, old: Bundle | None, new: Bundle) -> list[dict[str, Any]]:
    """The detections of the newest run with this encoder whose rank changed most: ``crop_id, run, before, after, of``.

    Ranks start at 1, the most anomalous; ``before`` is the rank by the old bundle, or in the first look; ``verdict`` is
    what a reviewer decided, or empty.
    """
    run = find_run(project, new)
    if run is None or new.species_judge is None or (old is not None and old.species_judge is None):
        return []  # whole frames alone have no detections that could move
    catalogue = read_catalogue(run, [*_BOX, "species"]).set_index("crop_id", drop=False)
    place = pd.Series(np.arange(len(catalogue)), index=catalogue.index)
    rng = np.random.default_rng(SEED)
    share = MOST_RANKED / max(len(catalogue), 1)
    ids: list[str] = []
    before: list[np.ndarray] = []
    after: list[np.ndarray] = []
    for crops, rows in run.embedded_shards():
        mask = (crops["kind"] != CropKind.FRAME).to_numpy() & (rng.random(len(crops)) < share)
        if not mask.any():
            continue
        ids += crops["crop_id"][mask].tolist()
        after.append(new.species_judge.judge(rows[mask]).scores)
        before.append(
            old.species_judge.judge(rows[mask]).scores
            if old is not None and old.species_judge is not None
            else -place.loc[crops["crop_id"][mask]].to_numpy(dtype=float)
        )
    if not ids:
        return []
    ranks = [_rank_scores(np.concatenate(part)) for part in (before, after)]
    # A move among the first ranks counts more than one far down the list, where no reviewer would have come.
    change = np.abs(np.log(ranks[1]) - np.log(ranks[0]))
    order = np.argsort(-change, kind="stable")[:MOST_MOVED]
    places = match_crops(labels.table, catalogue.reset_index(drop=True))
    said = {
        catalogue["crop_id"].iloc[place]: str(verdict)
        for place, verdict in zip(places, labels.table["verdict"], strict=True)
        if place >= 0
    }
    return [
        {
            "crop_id": ids[i],
            "run": run.run_id,
            "before": int(ranks[0][i]),
            "after": int(ranks[1][i]),
            "of": len(ids),
            "verdict": said.get(ids[i], ""),
            "species": str(catalogue.loc[ids[i], "species"]),
        }
        for i in order
        if ranks[0][i] != ranks[1][i]
    ]


def _can_be_scored(rows: VerdictRows, bundle: Bundle | None) -> np.ndarray:
    """What the bundle has a model of; whole frames only if they are scored by embedding: verdicts have no patches."""
    if bundle is None:
        return np.ones(len(rows), dtype=bool)
    frames, cameras = rows.rows.is_frame, list(set(bundle.camera_judges) - set(bundle.patch_judges))
    is_known = np.isin(rows.rows.column("deployment"), cameras)
    return np.where(frames, is_known, bundle.species_judge is not None)


def _score(bundle: Bundle, rows: VerdictRows) -> tuple[np.ndarray, np.ndarray]:
    scores, p_values = np.zeros(len(rows)), np.ones(len(rows))
    frames, vectors = rows.rows.is_frame, rows.rows.vectors()
    if (~frames).any() and bundle.species_judge is not None:
        judged = bundle.species_judge.judge(vectors[~frames])
        scores[~frames], p_values[~frames] = judged.scores, judged.p_values
    cameras = rows.rows.column("deployment")
    for camera in sorted(set(cameras[frames])):
        mask = frames & (cameras == camera)
        if camera in bundle.camera_judges:
            judged = bundle.camera_judges[camera].judge(vectors[mask])
            scores[mask], p_values[mask] = judged.scores, judged.p_values
    return scores, p_values


def _rank(bundle: Bundle, held_out: VerdictRows, trained: VerdictRows) -> np.ndarray:
    """Log-odds of a ranker that starts from the bundle's scores and is trained on the training labels."""
    normaliser = bundle.first_judge.normaliser
    trained = trained.select(_can_be_scored(trained, bundle))
    ranker = Ranker.fit(normaliser.transform(trained.rows.vectors()), _score(bundle, trained)[0], trained.anomalous)
    return ranker.log_odds(normaliser.transform(held_out.rows.vectors()), _score(bundle, held_out)[0])


def _rank_scores(scores: np.ndarray) -> np.ndarray:
    """1 for the highest, shape ``(n,)``, int."""
    return pd.Series(-scores).rank(method="first").to_numpy(dtype=int)
