"""The published experiments on known anomalies: put a class into held-out scenes, or take one out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from core.errors import WrongUsage
from core.scenes.findings import Calibration, Kind, calibrate
from core.scenes.injection import find_rarest, inject_class, measure_injected, measure_removed, remove_class
from core.scenes.scene_set import SceneSet
from models.scenes.methods import CONTROL, DEFAULT, PUBLISHED
from models.scenes.model import FitSettings, SceneModel
from models.scenes.training import check_scenes, fit_scene_model, score_held_out

HELD_OUT, CALIBRATED = 0.2, 0.2
N_RAREST = 20
RATE = 0.05
PUBLISHED_BOTTLENECKS = tuple(range(5, 16))
FIGURES = (
    *("rare_under_half", "rare_most_anomalous", "uniform_under_half", "uniform_most_anomalous"),
    *("removed_over_half", "removed_most_missed", "false_alarms_unexpected", "false_alarms_missing"),
)


@dataclass(frozen=True)
class Contestant:
    """A model of an experiment; ``bottleneck`` is that of the autoencoder."""

    method: str
    bottleneck: int = 0

    @property
    def name(self) -> str:
        """Such as ``autoencoder 8``."""
        return f"{self.method} {self.bottleneck}" if self.bottleneck else self.method


def list_contestants(bottlenecks: Sequence[int] = PUBLISHED_BOTTLENECKS) -> tuple[Contestant, ...]:
    """The control, the published autoencoder with these bottlenecks, and the masked model."""
    return (Contestant(CONTROL), *(Contestant(PUBLISHED, width) for width in bottlenecks), Contestant(DEFAULT))


def run_experiment(
    scenes: SceneSet,
    *,
    contestants: Sequence[Contestant],
    n_seeds: int = 20,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, dict[str, list[float]]]:
    """Measure each model on held-out scenes with known anomalies.

    For each seed a fifth of the scenes is held out. Of the rest, a fifth calibrates and the others train. All models
    get the same scenes and the same anomalies. Classes are injected from the 20 rarest of the training scenes, and
    uniformly from all; one is removed uniformly.

    Args:
        scenes: At least one class each.
        contestants: The models.
        n_seeds: How often everything is drawn anew, >= 1.
        on_progress: Gets how many fits are done, and their total.

    Returns:
        For each contestant's name, for each of ``FIGURES`` one share of the held-out scenes for each seed, 0 to 1.
        ``false_alarms_*`` are shares of the untouched scenes that are flagged at a promised rate of 0.05.
    """
    if n_seeds < 1:
        raise WrongUsage(f"An experiment needs at least 1 seed, got {n_seeds}.")
    check_scenes(scenes)
    results: dict[str, dict[str, list[float]]] = {one.name: {name: [] for name in FIGURES} for one in contestants}
    total = n_seeds * len(contestants)
    for seed in range(n_seeds):
        order = np.random.default_rng(seed).permutation(len(scenes))
        n_held_out = int(len(order) * HELD_OUT)
        n_calibrated = int((len(order) - n_held_out) * CALIBRATED)
        held_out, calibrating, training = (
            scenes.take(rows) for rows in np.split(order, [n_held_out, n_held_out + n_calibrated])
        )
        anomalies = _make_anomalies(training, held_out, seed)
        for nth, one in enumerate(contestants):
            settings = FitSettings(seed=seed, bottleneck=one.bottleneck or FitSettings.bottleneck)
            model = fit_scene_model(training, one.method, settings)
            measured = _measure(model, held_out, calibrating, anomalies)
            for name in FIGURES:
                results[one.name][name].append(measured[name])
            on_progress(seed * len(contestants) + nth + 1, total)
    return results


def summarise(results: Mapping[str, Mapping[str, Sequence[float]]]) -> list[dict[str, Any]]:
    """A row for each model: the median of each figure, and with ``_range`` its lowest and highest over the seeds."""
    rows = []
    for name, figures in results.items():
        row: dict[str, Any] = {"model": name}
        for figure, values in figures.items():
            row[figure] = float(np.median(values))
            row[f"{figure}_range"] = [float(min(values)), float(max(values))]
        rows.append(row)
    return rows


@dataclass(frozen=True, eq=False)
class _Anomalies:
    rare: tuple[SceneSet, np.ndarray]
    uniform: tuple[SceneSet, np.ndarray]
    removed: tuple[SceneSet, np.ndarray]


def _make_anomalies(training: SceneSet, held_out: SceneSet, seed: int) -> _Anomalies:
    rng = np.random.default_rng((seed, 1))
    seen = np.flatnonzero(np.asarray(training.present.sum(axis=0)).ravel() > 0)
    made = [
        inject_class(held_out.present, find_rarest(training.present, N_RAREST), rng),
        inject_class(held_out.present, seen, rng),
        remove_class(held_out.present, rng),
    ]
    return _Anomalies(*((replace(held_out, present=present), chosen) for present, chosen in made))


def _measure(model: SceneModel, held_out: SceneSet, calibrating: SceneSet, anomalies: _Anomalies) -> dict[str, float]:
    figures = {}
    for name in ("rare", "uniform"):
        scenes, chosen = getattr(anomalies, name)
        for figure, value in measure_injected(model.predict(scenes), scenes.present, chosen).items():
            figures[f"{name}_{figure}"] = value
    scenes, chosen = anomalies.removed
    for figure, value in measure_removed(model.predict(scenes), scenes.present, chosen).items():
        figures[f"removed_{figure}"] = value
    calibration = calibrate(*score_held_out(model, calibrating))
    for kind, scores in zip(Kind, score_held_out(model, held_out), strict=True):
        figures[f"false_alarms_{kind}"] = _share_flagged(calibration, scores, kind)
    return figures


def _share_flagged(calibration: Calibration, scores: np.ndarray, kind: Kind) -> float:
    return float((calibration.p_values(scores, kind=kind) <= RATE).mean())
