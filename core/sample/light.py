"""What falls on a scene: the sun and the sky by day, the infrared flash at night."""

from dataclasses import dataclass

import numpy as np

from core.sample.species import Rgb


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """``sun`` and ``ambient`` are strengths around 0.6; ``sun_xyz`` points to the sun: right, up, to the camera.

    ``exposure`` scales the finished photo, ``haze`` (0 to 1) fades what is far away, ``noise`` is the sensor's.
    """

    infrared: bool = False
    sun: float = 0.6
    ambient: float = 0.6
    sun_xyz: tuple[float, float, float] = (-0.5, 0.75, 0.43)
    sun_rgb: Rgb = (1.0, 0.96, 0.88)
    sky_rgb: Rgb = (0.95, 0.98, 1.05)
    exposure: float = 1.0
    haze: float = 0.0
    noise: float = 0.012


def light_at(rng: np.random.Generator, hour: float) -> Light:
    """The light at an hour (0 to 24): warm and low at the ends of the day, at times overcast, infrared at night."""
    if not 5.6 <= hour <= 20.4:
        return Light(
            infrared=True,
            sun=0.0,
            ambient=0.0,
            exposure=float(rng.uniform(0.88, 1.12)),
            noise=float(rng.uniform(0.018, 0.035)),
        )
    climb = np.sin(np.pi * (hour - 5.0) / 16.0)  # 0 at the horizon, 1 at noon
    low = float(1.0 - climb)
    overcast = rng.random() < 0.3
    across = float(np.cos(np.pi * (hour - 5.0) / 16.0)) * 0.8
    direction = np.array([-across, 0.3 + 0.7 * climb, 0.35])
    direction /= np.linalg.norm(direction)
    dim = 0.62 + 0.38 * min(1.0, float(climb) * 2.2)
    return Light(
        sun=0.12 if overcast else 0.72 * dim,
        ambient=(0.86 if overcast else 0.58) * dim,
        sun_xyz=(float(direction[0]), float(direction[1]), float(direction[2])),
        sun_rgb=(1.0, 0.97 - 0.2 * low, 0.9 - 0.42 * low),
        sky_rgb=(0.97, 1.0, 1.03) if overcast else (0.95 + 0.08 * low, 0.98, 1.06 - 0.1 * low),
        exposure=float(rng.uniform(0.93, 1.07)),
        haze=float(rng.uniform(0.0, 0.25) + 0.25 * low),
        noise=float(rng.uniform(0.006, 0.014) + 0.01 * low),
    )
