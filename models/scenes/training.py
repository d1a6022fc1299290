"""Trains a model of scenes and calibrates it on scenes that it has not seen."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.errors import AnomalureError
from core.scenes.findings import calibrate, score_scenes
from core.scenes.scene_set import SceneSet
from models.scenes.methods import DEFAULT, check_scene_model, list_scene_models
from models.scenes.model import FitSettings, SceneModel, check_loss
from models.scenes.trained import TrainedScenes

LEAST_SCENES = 20
FEW_SCENES = 2_000
"""With fewer, each scene is held out once, in turn; with more, a fifth of them is held out for good."""
N_FOLDS = 5
USUAL_RATE = 0.05
MOST_NAMED = 5


def train_scenes(
    scenes: SceneSet,
    *,
    method: str = DEFAULT,
    settings: FitSettings | None = None,
    by: str = "photo",
    left_out: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> TrainedScenes:
    """Learn what is ordinary, and how often an ordinary scene looks odd all the same.

    With many scenes a fifth is held out, and the promised rate holds for scenes of the same kind. With few, the model
    is fitted five times without a fifth of them and once with all, and the rate holds approximately.

    Args:
        scenes: Ordinary scenes; a few odd ones among them do no harm.
        method: Of ``list_scene_models``.
        settings: How it is fitted.
        by: What a scene is: ``photo`` or ``event``.
        left_out: Classes that were left out of the scenes.
        notes: Sentences about the scenes.

    Raises:
        AnomalureError: If there are too few scenes or classes, or the training fails.
    """
    check_scene_model(method)
    settings = settings or FitSettings()
    notes = [*notes, *check_scenes(scenes)]
    n = len(scenes)
    folds = np.array_split(np.random.default_rng(settings.seed).permutation(n), N_FOLDS)
    if n >= FEW_SCENES:
        folds = folds[:1]
    n_fits = len(folds) if len(folds) == 1 else len(folds) + 1
    scores = []
    for nth, held_out in enumerate(folds):
        rest = np.setdiff1d(np.arange(n), held_out)
        model = fit_scene_model(scenes.take(rest), method, _share(settings, nth, n_fits))
        scores.append(score_held_out(model, scenes.take(np.sort(held_out))))
    if len(folds) > 1:
        model = fit_scene_model(scenes, method, _share(settings, n_fits - 1, n_fits))
    unexpected, missing = (np.concatenate(parts) for parts in zip(*scores, strict=True))
    least = 1 / (1 + len(unexpected))
    if least > USUAL_RATE:
        notes.append(
            f"With {len(unexpected)} held-out scenes nothing can be flagged at a false-alarm rate under {least:.2f}."
        )
    return TrainedScenes(
        model=model,
        classes=scenes.classes,
        several_of=scenes.several_of,
        calibration=calibrate(unexpected, missing),
        n_scenes=n,
        by=by,
        left_out=tuple(left_out),
        notes=tuple(notes),
    )


def fit_scene_model(scenes: SceneSet, method: str, settings: FitSettings) -> SceneModel:
    """One fit without calibration.

    Its matrices are small, so one thread is faster than several that wait for each other.

    Raises:
        AnomalureError: If the training does not end in numbers.
    """
    import torch

    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        model = list_scene_models()[check_scene_model(method)].fit(scenes, settings)
    finally:
        torch.set_num_threads(n_threads)
    for array in model.to_arrays().values():
        check_loss(float(array.sum()))
    return model


def score_held_out(model: SceneModel, scenes: SceneSet) -> tuple[np.ndarray, np.ndarray]:
    """The scores of ``core.scenes.findings.score_scenes`` of scenes in the model's classes."""
    return score_scenes(model.predict(scenes), scenes.present, several_of=scenes.several_of)


def check_scenes(scenes: SceneSet) -> list[str]:
    """Sentences about scenes that a model can learn from.

    Raises:
        AnomalureError: If nothing can be learned from them.
    """
    n = len(scenes)
    if n < LEAST_SCENES:
        raise AnomalureError(
            f"A model of scenes needs at least {LEAST_SCENES} scenes, got {n}. Give labels of more photos, or choose "
            "scenes of fewer classes (--min-classes)."
        )
    counts = np.asarray(scenes.present.sum(axis=0)).ravel()
    if (counts > 0).sum() < 2:
        raise AnomalureError(
            f"A model of scenes needs at least 2 classes, got {_list_names(scenes, counts > 0) or 'none'}. What goes "
            "together cannot be learned from one."
        )
    if (counts[counts > 0] == n).all():
        raise AnomalureError(
            f"All {n} scenes have the same classes ({_list_names(scenes, counts > 0)}). What is unexpected cannot be "
            "learned from scenes that are all alike."
        )
    notes = []
    if (counts == n).any():
        notes.append(f"In every scene: {_list_names(scenes, counts == n)}. It can be missing, but never unexpected.")
    if (counts == 0).any():
        notes.append(f"In no scene: {_list_names(scenes, counts == 0)}. It is unexpected wherever it appears.")
    return notes


def _list_names(scenes: SceneSet, chosen: np.ndarray) -> str:
    names = [scenes.classes[i] for i in np.flatnonzero(chosen)]
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _share(settings: FitSettings, nth: int, n_fits: int) -> FitSettings:
    """Settings of one of several fits, whose steps are counted together."""
    return replace(settings, on_step=lambda done, total: settings.on_step(nth * total + done, n_fits * total))
