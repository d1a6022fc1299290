"""What the animals of the sample look like: proportions, coat and habits, as numbers."""

from dataclasses import dataclass, replace

import numpy as np

Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Species:
    """One kind of animal. Lengths are in units of its shoulder height, colours are RGB from 0 to 1, angles degrees."""

    name: str
    plan: str = "quadruped"  # or "bird"
    shoulder_m: float
    trunk: float = 1.2  # from rump to chest
    chest: float = 0.26  # radii of the trunk
    belly: float = 0.24
    rump: float = 0.24
    arch: float = 0.0  # how far the back rises between shoulder and rump
    slope: float = 0.0  # how much lower the rump is than the shoulder
    flat: float = 0.8  # width of the trunk over its height
    hump: float = 0.0
    leg: float = 0.055  # radius of a shin
    thigh: float = 2.4  # thigh over shin
    foot: float = 1.0  # length of the foot over the shin's radius
    neck: float = 0.5
    neck_deg: float = 45.0
    neck_base: float = 0.17
    neck_tip: float = 0.11
    skull: float = 0.12
    muzzle: float = 0.26  # from the middle of the skull to the nose
    nose: float = 0.055
    face_deg: float = -28.0
    ear: float = 0.18
    ear_wide: float = 0.05
    ear_deg: float = 50.0
    tail: float = 0.15
    tail_wide: float = 0.05
    tail_deg: float = -50.0
    horns: str = ""  # antlers, curved, spikes
    tusks: bool = False
    quills: float = 0.0
    mane: float = 0.0
    coat: Rgb = (0.5, 0.38, 0.26)
    back: Rgb = (0.42, 0.31, 0.2)
    under: Rgb = (0.72, 0.62, 0.5)
    legs: Rgb = (0.42, 0.32, 0.23)
    face: Rgb = (0.45, 0.35, 0.25)
    snout: Rgb = (0.2, 0.16, 0.14)
    tail_tip: Rgb = (0.8, 0.75, 0.68)
    horn: Rgb = (0.45, 0.38, 0.3)
    patch: Rgb | None = None  # of the rump
    pattern: str = ""  # spots, stripes, patches
    marks: Rgb = (0.9, 0.87, 0.8)
    marks_size: float = 0.1
    fur: float = 0.12  # contrast of the fur
    shag: float = 0.012  # how far the fur breaks the outline
    infrared: float = 0.0  # how much brighter or darker the coat is in infrared
    grazes: float = 0.4  # share of the photos with the head down
    trots: float = 0.2
    group: tuple[int, ...] = (1,)


DEER = Species(
    name="deer",
    shoulder_m=0.95,
    trunk=1.06,
    chest=0.225,
    belly=0.2,
    rump=0.21,
    arch=0.0,
    leg=0.03,
    thigh=3.9,
    neck=0.5,
    neck_deg=52,
    neck_base=0.155,
    neck_tip=0.085,
    skull=0.092,
    muzzle=0.25,
    nose=0.042,
    ear=0.2,
    ear_wide=0.05,
    ear_deg=35,
    tail=0.13,
    tail_wide=0.042,
    tail_deg=-62,
    coat=(0.52, 0.38, 0.255),
    back=(0.4, 0.285, 0.185),
    under=(0.8, 0.7, 0.55),
    legs=(0.5, 0.34, 0.21),
    face=(0.52, 0.37, 0.24),
    tail_tip=(0.9, 0.87, 0.8),
    patch=(0.88, 0.84, 0.75),
    fur=0.10,
    shag=0.006,
    infrared=0.12,
    grazes=0.4,
    group=(1, 1, 1, 2),
)
BOAR = Species(
    name="wild boar",
    shoulder_m=0.78,
    trunk=1.2,
    chest=0.33,
    belly=0.3,
    rump=0.26,
    arch=0.03,
    slope=0.1,
    flat=0.62,
    hump=0.05,
    leg=0.042,
    thigh=3.2,
    neck=0.24,
    neck_deg=-4,
    neck_base=0.29,
    neck_tip=0.2,
    skull=0.175,
    muzzle=0.46,
    nose=0.062,
    face_deg=-30,
    ear=0.17,
    ear_wide=0.06,
    ear_deg=75,
    tail=0.28,
    tail_wide=0.018,
    tail_deg=-70,
    tusks=True,
    coat=(0.24, 0.19, 0.16),
    back=(0.15, 0.12, 0.1),
    under=(0.3, 0.25, 0.21),
    legs=(0.13, 0.11, 0.1),
    face=(0.26, 0.21, 0.18),
    snout=(0.34, 0.26, 0.23),
    tail_tip=(0.12, 0.1, 0.1),
    mane=0.07,
    fur=0.26,
    shag=0.022,
    infrared=0.05,
    grazes=0.55,
    group=(1, 1, 2, 3),
)
HARE = Species(
    name="hare",
    shoulder_m=0.34,
    trunk=1.05,
    chest=0.25,
    belly=0.32,
    rump=0.37,
    arch=0.17,
    slope=-0.03,
    flat=0.78,
    leg=0.052,
    thigh=3.6,
    foot=4.4,
    neck=0.2,
    neck_deg=50,
    neck_base=0.2,
    neck_tip=0.15,
    skull=0.165,
    muzzle=0.2,
    nose=0.075,
    face_deg=-24,
    ear=0.56,
    ear_wide=0.066,
    ear_deg=102,
    tail=0.15,
    tail_wide=0.085,
    tail_deg=25,
    coat=(0.6, 0.47, 0.31),
    back=(0.47, 0.35, 0.22),
    under=(0.88, 0.84, 0.76),
    legs=(0.62, 0.48, 0.32),
    face=(0.58, 0.45, 0.3),
    snout=(0.4, 0.3, 0.24),
    tail_tip=(0.94, 0.93, 0.9),
    fur=0.2,
    shag=0.014,
    infrared=0.15,
    grazes=0.3,
    trots=0.15,
)
FOX = Species(
    name="fox",
    shoulder_m=0.4,
    trunk=1.3,
    chest=0.215,
    belly=0.18,
    rump=0.185,
    leg=0.043,
    thigh=3.0,
    neck=0.34,
    neck_deg=28,
    neck_base=0.18,
    neck_tip=0.14,
    skull=0.142,
    muzzle=0.3,
    nose=0.034,
    face_deg=-20,
    ear=0.23,
    ear_wide=0.085,
    ear_deg=68,
    tail=1.02,
    tail_wide=0.135,
    tail_deg=-24,
    coat=(0.74, 0.37, 0.13),
    back=(0.64, 0.3, 0.1),
    under=(0.9, 0.85, 0.78),
    legs=(0.13, 0.1, 0.09),
    face=(0.76, 0.42, 0.18),
    snout=(0.12, 0.1, 0.1),
    tail_tip=(0.96, 0.94, 0.9),
    fur=0.16,
    shag=0.016,
    infrared=0.08,
    grazes=0.35,
    trots=0.4,
)
BEAR = Species(
    name="bear",
    shoulder_m=1.05,
    trunk=1.25,
    chest=0.37,
    belly=0.37,
    rump=0.36,
    arch=0.02,
    flat=0.85,
    hump=0.09,
    leg=0.1,
    thigh=2.0,
    foot=1.6,
    neck=0.33,
    neck_deg=8,
    neck_base=0.3,
    neck_tip=0.22,
    skull=0.215,
    muzzle=0.36,
    nose=0.085,
    face_deg=-18,
    ear=0.12,
    ear_wide=0.085,
    ear_deg=95,
    tail=0.06,
    tail_wide=0.06,
    tail_deg=-60,
    coat=(0.17, 0.11, 0.075),
    back=(0.2, 0.14, 0.09),
    under=(0.12, 0.08, 0.06),
    legs=(0.1, 0.07, 0.055),
    face=(0.36, 0.26, 0.17),
    snout=(0.42, 0.31, 0.22),
    tail_tip=(0.12, 0.08, 0.06),
    fur=0.2,
    shag=0.022,
    infrared=-0.04,
    grazes=0.5,
)
PORCUPINE = Species(
    name="porcupine",
    shoulder_m=0.42,
    trunk=1.25,
    chest=0.3,
    belly=0.38,
    rump=0.36,
    arch=0.12,
    flat=0.95,
    leg=0.07,
    thigh=2.0,
    foot=1.8,
    neck=0.16,
    neck_deg=0,
    neck_base=0.25,
    neck_tip=0.19,
    skull=0.18,
    muzzle=0.25,
    nose=0.1,
    face_deg=-24,
    ear=0.06,
    ear_wide=0.05,
    ear_deg=90,
    tail=0.25,
    tail_wide=0.12,
    tail_deg=-30,
    coat=(0.1, 0.085, 0.08),
    back=(0.12, 0.1, 0.09),
    under=(0.08, 0.07, 0.065),
    legs=(0.07, 0.06, 0.06),
    face=(0.14, 0.12, 0.11),
    snout=(0.2, 0.17, 0.16),
    tail_tip=(0.9, 0.88, 0.84),
    quills=0.62,
    fur=0.25,
    shag=0.02,
    grazes=0.5,
)
GOAT = Species(
    name="piebald goat",
    shoulder_m=0.74,
    trunk=1.1,
    chest=0.28,
    belly=0.3,
    rump=0.27,
    flat=0.8,
    leg=0.042,
    thigh=3.1,
    neck=0.4,
    neck_deg=46,
    neck_base=0.19,
    neck_tip=0.12,
    skull=0.12,
    muzzle=0.26,
    nose=0.07,
    face_deg=-40,
    ear=0.22,
    ear_wide=0.055,
    ear_deg=-25,
    tail=0.15,
    tail_wide=0.055,
    tail_deg=45,
    horns="curved",
    coat=(0.93, 0.91, 0.86),
    back=(0.95, 0.93, 0.9),
    under=(0.85, 0.82, 0.76),
    legs=(0.85, 0.82, 0.77),
    face=(0.08, 0.07, 0.07),
    snout=(0.3, 0.25, 0.24),
    tail_tip=(0.08, 0.07, 0.07),
    horn=(0.3, 0.27, 0.24),
    pattern="patches",
    marks=(0.07, 0.06, 0.06),
    marks_size=0.42,
    fur=0.1,
    shag=0.016,
    grazes=0.45,
)
FLAMINGO = Species(
    name="flamingo",
    plan="bird",
    shoulder_m=0.8,
    trunk=0.5,
    chest=0.15,
    belly=0.16,
    rump=0.09,
    leg=0.014,
    thigh=1.6,
    foot=3.2,
    neck=0.86,
    neck_base=0.055,
    neck_tip=0.032,
    skull=0.062,
    muzzle=0.16,
    nose=0.02,
    face_deg=-48,
    tail=0.16,
    tail_wide=0.06,
    tail_deg=-28,
    coat=(0.97, 0.56, 0.56),
    back=(0.95, 0.45, 0.47),
    under=(0.99, 0.72, 0.7),
    legs=(0.93, 0.46, 0.52),
    face=(0.98, 0.65, 0.64),
    snout=(0.1, 0.09, 0.1),
    tail_tip=(0.9, 0.36, 0.4),
    fur=0.12,
    shag=0.004,
    infrared=0.05,
    grazes=0.3,
)

KNOWN: tuple[Species, ...] = (DEER, BOAR, HARE, FOX)
INTRUDERS: tuple[Species, ...] = (PORCUPINE, FLAMINGO, BEAR, GOAT)


def vary_individual(rng: np.random.Generator, species: Species) -> Species:
    """One animal of a species: a few per cent larger or smaller, lighter or darker; stags among the deer."""
    tone = rng.normal(0.0, 0.045)
    warmth = rng.normal(0.0, 0.02)

    def tint(colour: Rgb) -> Rgb:
        red, green, blue = (float(np.clip(value * (1.0 + 1.6 * tone), 0.02, 1.0)) for value in colour)
        return (min(1.0, red * (1.0 + warmth)), green, max(0.0, blue * (1.0 - warmth)))

    stout = 1.0 + rng.normal(0.0, 0.04)
    horns = "antlers" if species.name == "deer" and rng.random() < 0.3 else species.horns
    return replace(
        species,
        shoulder_m=species.shoulder_m * (1.0 + rng.normal(0.0, 0.06)),
        chest=species.chest * stout,
        belly=species.belly * stout,
        rump=species.rump * stout,
        horns=horns,
        coat=tint(species.coat),
        back=tint(species.back),
        under=tint(species.under),
        legs=tint(species.legs),
        face=tint(species.face),
    )


def invent_species(rng: np.random.Generator, name: str) -> Species:
    """A made-up kind of animal, for training the bundled weights: they should learn looks, not the sample's species.

    Proportions, coat, pattern, horns and tail are drawn independently from wide ranges; one in five is a bird.
    """
    uniform = rng.uniform

    def colour(light: float, spread: float = 0.1) -> Rgb:
        hue = np.array([1.0, uniform(0.62, 1.0), uniform(0.35, 1.0)])
        if rng.random() < 0.12:
            hue = uniform(0.35, 1.0, 3)
        red, green, blue = np.clip(hue * light + rng.normal(0.0, spread * light * 0.3, 3), 0.03, 0.98)
        return (float(red), float(green), float(blue))

    light = float(uniform(0.08, 0.95))
    coat = colour(light)

    def near(base: Rgb, low: float, high: float) -> Rgb:
        factor = uniform(low, high)
        red, green, blue = (float(np.clip(value * factor, 0.03, 0.98)) for value in base)
        return (red, green, blue)

    other = colour(float(uniform(0.05, 0.95)))
    paint = {
        "coat": coat, "back": near(coat, 0.6, 1.1), "under": near(coat, 0.9, 1.9) if rng.random() < 0.7 else other,
        "legs": other if rng.random() < 0.3 else near(coat, 0.4, 1.1),
        "face": other if rng.random() < 0.3 else near(coat, 0.6, 1.3), "snout": near(coat, 0.2, 1.0),
        "tail_tip": other if rng.random() < 0.5 else near(coat, 0.5, 1.3), "marks": other,
        "pattern": str(rng.choice(["", "", "spots", "stripes", "patches"])), "marks_size": float(uniform(0.06, 0.5)),
        "fur": float(uniform(0.06, 0.3)), "shag": float(uniform(0.003, 0.025)), "infrared": float(uniform(-0.1, 0.2)),
        "grazes": 0.4, "trots": 0.25, "patch": other if rng.random() < 0.2 else None,
    }  # fmt: skip
    if rng.random() < 0.2:
        tall = float(uniform(0.0, 1.0))
        return Species(
            name=name, plan="bird", shoulder_m=float(np.exp(uniform(np.log(0.3), np.log(1.2)))),
            trunk=float(uniform(0.45, 1.0)) * (1.3 - 0.6 * tall), chest=float(uniform(0.14, 0.36)) * (1.2 - 0.5 * tall),
            belly=float(uniform(0.16, 0.36)) * (1.2 - 0.5 * tall), rump=float(uniform(0.08, 0.22)),
            leg=float(uniform(0.012, 0.04)), thigh=float(uniform(1.4, 3.0)), foot=float(uniform(2.0, 5.0)),
            neck=float(uniform(0.15, 0.9)), neck_base=float(uniform(0.05, 0.13)), neck_tip=float(uniform(0.03, 0.08)),
            skull=float(uniform(0.06, 0.12)), muzzle=float(uniform(0.12, 0.35)), nose=float(uniform(0.012, 0.035)),
            face_deg=float(uniform(-50, 0)), tail=float(uniform(0.15, 0.8)), tail_wide=float(uniform(0.03, 0.12)),
            tail_deg=float(uniform(-40, 30)), **paint,  # type: ignore[arg-type]
        )  # fmt: skip
    chest = float(uniform(0.17, 0.4))
    return Species(
        name=name, shoulder_m=float(np.exp(uniform(np.log(0.28), np.log(1.4)))), trunk=float(uniform(0.85, 1.6)),
        chest=chest, belly=chest * float(uniform(0.75, 1.25)), rump=chest * float(uniform(0.7, 1.3)),
        arch=float(uniform(-0.04, 0.15)), slope=float(uniform(-0.1, 0.15)), flat=float(uniform(0.6, 1.0)),
        hump=float(uniform(0, 0.1)) if rng.random() < 0.3 else 0.0, leg=float(uniform(0.028, 0.1)),
        thigh=float(uniform(1.8, 3.6)), foot=float(uniform(0.8, 3.5)), neck=float(uniform(0.15, 0.75)),
        neck_deg=float(uniform(-5, 65)), neck_base=chest * float(uniform(0.6, 0.85)),
        neck_tip=chest * float(uniform(0.35, 0.62)), skull=float(uniform(0.09, 0.22)),
        muzzle=float(uniform(0.16, 0.48)),
        nose=float(uniform(0.03, 0.1)), face_deg=float(uniform(-45, -10)), ear=float(uniform(0.04, 0.5)),
        ear_wide=float(uniform(0.04, 0.1)), ear_deg=float(uniform(-20, 110)), tail=float(uniform(0.05, 1.1)),
        tail_wide=float(uniform(0.015, 0.14)), tail_deg=float(uniform(-80, 70)),
        horns=str(rng.choice(["", "", "", "antlers", "curved", "spikes"])), tusks=bool(rng.random() < 0.08),
        quills=float(uniform(0.15, 0.4)) if rng.random() < 0.06 else 0.0,
        mane=float(uniform(0.03, 0.1)) if rng.random() < 0.15 else 0.0, **paint,  # type: ignore[arg-type]
    )  # fmt: skip
