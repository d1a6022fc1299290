"""The recipes of the sample's three sceneries, and of invented ones for training."""

from dataclasses import dataclass, replace

import numpy as np

from core.sample.species import Rgb


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The recipe of a scenery. Shares and densities are around 0 to 1, distances in metres, colours RGB from 0 to 1."""

    name: str
    horizon: float = 0.38  # from the top of the picture
    field_deg: float = 52.0
    sky_top: Rgb = (0.45, 0.62, 0.82)
    sky_low: Rgb = (0.85, 0.89, 0.92)
    clouds: float = 0.5
    hills: tuple[Rgb, ...] = ((0.55, 0.63, 0.66), (0.38, 0.47, 0.4))
    hill_height: float = 0.12
    jagged: float = 0.3
    snow: float = 0.0
    soil: tuple[Rgb, Rgb, Rgb] = ((0.4, 0.33, 0.22), (0.5, 0.45, 0.28), (0.33, 0.38, 0.18))
    trail: Rgb | None = None
    water: Rgb | None = None
    trees: str = ""  # broadleaf, conifer, umbrella
    n_trees: int = 0
    near_trees: int = 0
    tree_m: tuple[float, float] = (14.0, 60.0)
    bark: Rgb = (0.3, 0.24, 0.19)
    leaves: Rgb = (0.28, 0.38, 0.16)
    thicket: float = 0.0
    n_bushes: int = 0
    bush: Rgb = (0.3, 0.38, 0.18)
    n_rocks: int = 0
    rock: Rgb = (0.5, 0.49, 0.47)
    rock_m: tuple[float, float] = (0.2, 0.8)
    grass: tuple[Rgb, Rgb] = ((0.36, 0.42, 0.17), (0.56, 0.55, 0.26))
    grass_m: float = 0.22
    grass_share: float = 0.6
    litter: float = 0.0
    dapple: float = 0.0
    near_m: float = 3.2
    far_m: float = 11.0


FOREST = Place(
    name="forest-trail",
    horizon=0.36,
    hills=((0.42, 0.5, 0.42), (0.27, 0.35, 0.24)),
    hill_height=0.2,
    clouds=0.1,
    sky_top=(0.72, 0.8, 0.82),
    sky_low=(0.86, 0.9, 0.86),
    soil=((0.3, 0.22, 0.14), (0.4, 0.29, 0.17), (0.22, 0.26, 0.12)),
    trail=(0.47, 0.38, 0.28),
    trees="broadleaf",
    n_trees=46,
    near_trees=2,
    tree_m=(9.0, 55.0),
    bark=(0.29, 0.25, 0.21),
    leaves=(0.25, 0.37, 0.13),
    thicket=0.9,
    n_bushes=16,
    bush=(0.22, 0.34, 0.12),
    n_rocks=3,
    rock=(0.36, 0.37, 0.33),
    grass=((0.2, 0.32, 0.1), (0.36, 0.45, 0.17)),
    grass_m=0.16,
    grass_share=0.4,
    litter=0.9,
    dapple=0.55,
)

WATERHOLE = Place(
    name="waterhole",
    horizon=0.33,
    sky_top=(0.37, 0.58, 0.82),
    sky_low=(0.88, 0.89, 0.86),
    clouds=0.55,
    hills=((0.6, 0.62, 0.66), (0.56, 0.52, 0.38)),
    hill_height=0.075,
    jagged=0.15,
    soil=((0.64, 0.5, 0.33), (0.73, 0.6, 0.38), (0.62, 0.55, 0.3)),
    water=(0.42, 0.5, 0.53),
    trees="umbrella",
    n_trees=11,
    tree_m=(22.0, 90.0),
    bark=(0.33, 0.26, 0.2),
    leaves=(0.36, 0.4, 0.19),
    n_bushes=7,
    bush=(0.42, 0.42, 0.22),
    n_rocks=4,
    rock=(0.58, 0.5, 0.42),
    rock_m=(0.1, 0.3),
    grass=((0.62, 0.52, 0.26), (0.83, 0.73, 0.43)),
    grass_m=0.24,
    grass_share=0.55,
    far_m=12.0,
)

RIDGE = Place(
    name="rocky-ridge",
    horizon=0.42,
    sky_top=(0.4, 0.57, 0.8),
    sky_low=(0.82, 0.87, 0.92),
    clouds=0.8,
    hills=((0.6, 0.66, 0.74), (0.47, 0.53, 0.58), (0.36, 0.4, 0.37)),
    hill_height=0.24,
    jagged=0.85,
    snow=0.55,
    soil=((0.45, 0.43, 0.4), (0.55, 0.53, 0.49), (0.4, 0.42, 0.28)),
    trees="conifer",
    n_trees=15,
    tree_m=(18.0, 70.0),
    bark=(0.26, 0.21, 0.18),
    leaves=(0.15, 0.24, 0.17),
    n_bushes=5,
    bush=(0.3, 0.34, 0.22),
    n_rocks=44,
    rock=(0.53, 0.52, 0.5),
    rock_m=(0.12, 0.75),
    grass=((0.42, 0.43, 0.24), (0.62, 0.58, 0.36)),
    grass_m=0.14,
    grass_share=0.35,
    far_m=10.0,
)

PLACES: tuple[Place, ...] = (FOREST, WATERHOLE, RIDGE)


def invent_place(rng: np.random.Generator) -> Place:
    """An invented place for training the bundled weights: one of the recipes with everything varied."""
    base = PLACES[int(rng.integers(len(PLACES)))]

    def tint(colour: Rgb, spread: float = 0.12) -> Rgb:
        gain = rng.uniform(0.75, 1.25)
        red, green, blue = (float(np.clip(v * gain * (1 + rng.normal(0, spread)), 0.03, 0.97)) for v in colour)
        return (red, green, blue)

    return replace(
        base,
        horizon=float(rng.uniform(0.2, 0.46)),
        field_deg=float(rng.uniform(42, 62)),
        sky_top=tint(base.sky_top),
        sky_low=tint(base.sky_low, 0.04),
        clouds=float(rng.uniform(0, 0.9)),
        hills=tuple(tint(colour) for colour in base.hills),
        hill_height=float(rng.uniform(0.05, 0.26)),
        jagged=float(rng.uniform(0.1, 0.9)),
        snow=float(rng.uniform(0, 0.7)) if rng.random() < 0.4 else 0.0,
        soil=(tint(base.soil[0]), tint(base.soil[1]), tint(base.soil[2])),
        trail=(0.47, 0.38, 0.28) if rng.random() < 0.35 else None,
        trees=str(rng.choice(["broadleaf", "conifer", "umbrella"])),
        n_trees=int(rng.integers(0, 30)),
        near_trees=int(rng.integers(0, 3)),
        tree_m=(float(rng.uniform(9, 20)), 60.0),
        bark=tint(base.bark),
        leaves=tint(base.leaves),
        thicket=float(rng.uniform(0.5, 1)) if rng.random() < 0.35 else 0.0,
        n_bushes=int(rng.integers(0, 14)),
        bush=tint(base.bush),
        n_rocks=int(rng.integers(0, 28)),
        rock=tint(base.rock),
        rock_m=(0.1, float(rng.uniform(0.3, 0.8))),
        grass=(tint(base.grass[0]), tint(base.grass[1])),
        grass_m=float(rng.uniform(0.08, 0.34)),
        grass_share=float(rng.uniform(0.1, 0.85)),
        litter=float(rng.uniform(0.2, 0.9)) if rng.random() < 0.4 else 0.0,
    )
