"""Single animals of a species, and invented species, drawn at random."""

from dataclasses import replace

import numpy as np

from core.sample.species import Rgb, Species


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
    """An invented species, for training the bundled weights: they should learn appearance, not the sample's species.

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
        "coat": coat,
        "back": near(coat, 0.6, 1.1),
        "under": near(coat, 0.9, 1.9) if rng.random() < 0.7 else other,
        "legs": other if rng.random() < 0.3 else near(coat, 0.4, 1.1),
        "face": other if rng.random() < 0.3 else near(coat, 0.6, 1.3),
        "snout": near(coat, 0.2, 1.0),
        "tail_tip": other if rng.random() < 0.5 else near(coat, 0.5, 1.3),
        "marks": other,
        "pattern": str(rng.choice(["", "", "spots", "stripes", "patches"])),
        "marks_size": float(uniform(0.06, 0.5)),
        "fur": float(uniform(0.06, 0.3)),
        "shag": float(uniform(0.003, 0.025)),
        "infrared": float(uniform(-0.1, 0.2)),
        "grazes": 0.4,
        "trots": 0.25,
        "patch": other if rng.random() < 0.2 else None,
    }
    if rng.random() < 0.2:
        tall = float(uniform(0.0, 1.0))
        return Species(
            name=name,
            plan="bird",
            shoulder_m=float(np.exp(uniform(np.log(0.3), np.log(1.2)))),
            trunk=float(uniform(0.45, 1.0)) * (1.3 - 0.6 * tall),
            chest=float(uniform(0.14, 0.36)) * (1.2 - 0.5 * tall),
            belly=float(uniform(0.16, 0.36)) * (1.2 - 0.5 * tall),
            rump=float(uniform(0.08, 0.22)),
            leg=float(uniform(0.012, 0.04)),
            thigh=float(uniform(1.4, 3.0)),
            foot=float(uniform(2.0, 5.0)),
            neck=float(uniform(0.15, 0.9)),
            neck_base=float(uniform(0.05, 0.13)),
            neck_tip=float(uniform(0.03, 0.08)),
            skull=float(uniform(0.06, 0.12)),
            muzzle=float(uniform(0.12, 0.35)),
            nose=float(uniform(0.012, 0.035)),
            face_deg=float(uniform(-50, 0)),
            tail=float(uniform(0.15, 0.8)),
            tail_wide=float(uniform(0.03, 0.12)),
            tail_deg=float(uniform(-40, 30)),
            **paint,  # type: ignore[arg-type]
        )
    chest = float(uniform(0.17, 0.4))
    return Species(
        name=name,
        shoulder_m=float(np.exp(uniform(np.log(0.28), np.log(1.4)))),
        trunk=float(uniform(0.85, 1.6)),
        chest=chest,
        belly=chest * float(uniform(0.75, 1.25)),
        rump=chest * float(uniform(0.7, 1.3)),
        arch=float(uniform(-0.04, 0.15)),
        slope=float(uniform(-0.1, 0.15)),
        flat=float(uniform(0.6, 1.0)),
        hump=float(uniform(0, 0.1)) if rng.random() < 0.3 else 0.0,
        leg=float(uniform(0.028, 0.1)),
        thigh=float(uniform(1.8, 3.6)),
        foot=float(uniform(0.8, 3.5)),
        neck=float(uniform(0.15, 0.75)),
        neck_deg=float(uniform(-5, 65)),
        neck_base=chest * float(uniform(0.6, 0.85)),
        neck_tip=chest * float(uniform(0.35, 0.62)),
        skull=float(uniform(0.09, 0.22)),
        muzzle=float(uniform(0.16, 0.48)),
        nose=float(uniform(0.03, 0.1)),
        face_deg=float(uniform(-45, -10)),
        ear=float(uniform(0.04, 0.5)),
        ear_wide=float(uniform(0.04, 0.1)),
        ear_deg=float(uniform(-20, 110)),
        tail=float(uniform(0.05, 1.1)),
        tail_wide=float(uniform(0.015, 0.14)),
        tail_deg=float(uniform(-80, 70)),
        horns=str(rng.choice(["", "", "", "antlers", "curved", "spikes"])),
        tusks=bool(rng.random() < 0.08),
        quills=float(uniform(0.15, 0.4)) if rng.random() < 0.06 else 0.0,
        mane=float(uniform(0.03, 0.1)) if rng.random() < 0.15 else 0.0,
        **paint,  # type: ignore[arg-type]
    )
