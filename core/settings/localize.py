"""The settings of a heat-map model that finds where a photo is odd."""

from dataclasses import dataclass

from core.settings.run import Settings, list_settings, setting


@dataclass(frozen=True, kw_only=True)
class LocalizeSettings(Settings):
    """How long a heat-map model learns, and from which squares. Pixels are those of a photo of 800 pixels."""

    side_steps: int = setting(
        200,
        group="Training",
        label="Steps for sides",
        low=1,
        high=100_000,
        help="Photos from which the model learns what the side of a brightened square looks like.",
    )
    place_steps: int = setting(
        60,
        group="Training",
        label="Steps for squares",
        low=1,
        high=500,
        help="Photos from which it then learns which four sides are a square.",
    )
    least_r: int = setting(
        30,
        group="Squares",
        label="Least radius",
        unit="px",
        low=28,
        high=320,
        help="Half the side of the smallest square.",
    )
    most_r: int = setting(
        300,
        group="Squares",
        label="Largest radius",
        unit="px",
        low=28,
        high=320,
        help="Half the side of the largest one.",
    )
    least_ratio: float = setting(
        1.05,
        group="Squares",
        label="Least ratio",
        low=1.01,
        high=4.0,
        help="How bright the faintest square is: 1.05 is 5% more.",
    )
    most_ratio: float = setting(
        1.15, group="Squares", label="Largest ratio", low=1.01, high=4.0, help="How bright the strongest square is."
    )
    localize_seed: int = setting(
        0, group="Training", label="Seed", low=0, high=2**31 - 1, help="The same seed makes the same model."
    )


LOCALIZE_SETTINGS = list_settings(LocalizeSettings)
