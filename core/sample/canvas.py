"""A scenery while it is drawn, and its perspective: where a spot on the ground is in the photo."""

import numpy as np

from core.sample.places import Place

CAMERA_HEIGHT_M = 1.05

FAR_M = 400.0


class Canvas:
    """A scenery while it is drawn, larger than the photo will be."""

    def __init__(self, place: Place, rng: np.random.Generator, width: int, height: int, detail: float) -> None:
        self.place, self.rng, self.width, self.height, self.detail = place, rng, width, height, detail
        self.focal = float(width / 2 / np.tan(np.radians(place.field_deg / 2)))
        self.horizon = place.horizon * height
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.distance = np.full((height, width), FAR_M, np.float32)
        self.unit = width / 640.0

    def foot(self, x_m: float, distance_m: float) -> tuple[float, float]:
        return (
            self.width / 2 + self.focal * x_m / distance_m,
            self.horizon + self.focal * CAMERA_HEIGHT_M / distance_m,
        )

    def fade(self, distance_m: float) -> float:
        return float(1.0 - np.exp(-max(distance_m - 6.0, 0.0) / 90.0))

    def aerial(self, colour: np.ndarray, distance_m: float) -> np.ndarray:
        """Distant things take the colour of the air."""
        fade = self.fade(distance_m)
        return np.asarray(colour, np.float32) * (1 - fade) + np.asarray(self.place.sky_low, np.float32) * 0.93 * fade
