"""Seeded textures: smooth noise and streaks, the grain of everything that is drawn."""

import cv2
import numpy as np


def draw_noise(
    rng: np.random.Generator, height_px: int, width_px: int, *, cells: float, octaves: int = 4, gain: float = 0.55
) -> np.ndarray:
    """Fractal value noise, float32, shape ``(height_px, width_px)``, scaled to 0 to 1.

    Args:
        rng: The source of every random number.
        height_px: Rows.
        width_px: Columns.
        cells: Bumps of the coarsest octave across the width, > 0.
        octaves: How many times the bumps are halved in size, >= 1.
        gain: Strength of an octave relative to the one before it.
    """
    total = np.zeros((height_px, width_px), np.float32)
    strength = 1.0
    for octave in range(octaves):
        columns = max(2, round(cells * 2**octave) + 1)
        rows = max(2, round(columns * height_px / width_px) + 1)
        grid = rng.random((min(rows, height_px), min(columns, width_px)), dtype=np.float32)
        total += strength * cv2.resize(grid, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
        strength *= gain
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def draw_tile(rng: np.random.Generator, side_px: int, *, cells: int, octaves: int = 4) -> np.ndarray:
    """Like `draw_noise`, but square and without a seam when repeated."""
    total = np.zeros((side_px, side_px), np.float32)
    strength = 1.0
    for octave in range(octaves):
        n = min(cells * 2**octave, side_px)
        grid = rng.random((n, n), dtype=np.float32)
        padded = np.pad(grid, 2, mode="wrap")
        scaled = cv2.resize(padded, None, fx=side_px / n, fy=side_px / n, interpolation=cv2.INTER_CUBIC)
        edge = round(2 * side_px / n)
        total += strength * scaled[edge : edge + side_px, edge : edge + side_px]
        strength *= 0.6
    low, high = float(total.min()), float(total.max())
    return (total - low) / max(high - low, 1e-6)


def draw_streaks(
    rng: np.random.Generator, height_px: int, width_px: int, *, length_px: float, angle_deg: float
) -> np.ndarray:
    """Noise drawn out along one direction, float32, about -1 to 1: fur, bark, dry grass.

    ``angle_deg`` turns the streaks from the horizontal, downwards to the right.
    """
    size = max(3, int(length_px) | 1)
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = np.array([np.cos(np.radians(angle_deg)), np.sin(np.radians(angle_deg))]) * middle
    start = (round(middle - reach[0]), round(middle - reach[1]))
    end = (round(middle + reach[0]), round(middle + reach[1]))
    cv2.line(kernel, start, end, 1.0, 1)
    kernel /= kernel.sum()
    noise = rng.standard_normal((height_px, width_px), dtype=np.float32)
    streaks = cv2.filter2D(noise, -1, kernel)
    return np.clip(streaks / (2.2 * float(streaks.std()) + 1e-6), -1.0, 1.0)
