"""The models of scenes, found by their files."""

import models.scenes
from core.errors import AnomalureError, did_you_mean
from core.registry import find_each
from models.scenes.model import SceneModel

DEFAULT = "masked"
CONTROL = "base_rates"
PUBLISHED = "autoencoder"


def list_scene_models() -> dict[str, type[SceneModel]]:
    """The models by the name that commands and model files use, the default first."""
    found = find_each(models.scenes, "MODEL")
    return {DEFAULT: found.pop(DEFAULT), **found}


def check_scene_model(name: str) -> str:
    """The name, if there is such a model.

    Raises:
        AnomalureError: If there is none.
    """
    known = list_scene_models()
    if name not in known:
        raise AnomalureError(
            f"The model of scenes must be one of {', '.join(known)}, got {name!r}.{did_you_mean(name, known)}"
        )
    return name


def name_scene_model(model: SceneModel) -> str:
    """The method that a model is of."""
    return next(name for name, of_method in list_scene_models().items() if type(model) is of_method)
