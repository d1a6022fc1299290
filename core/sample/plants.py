"""Trees, thickets and grass, behind the animals and in front of them."""

from dataclasses import dataclass

import cv2
import numpy as np

from core.sample.canvas import CAMERA_HEIGHT_M, Canvas
from core.sample.noise import draw_noise, draw_streaks


@dataclass(frozen=True, slots=True)
class Layer:
    """What stands at one distance and can hide an animal behind it; premultiplied RGB and alpha, float32.

    ``top_px`` is the row of its upper edge in the photo. ``sway`` (h, w) says how far the wind moves each pixel.
    """

    distance_m: float
    top_px: int
    rgb: np.ndarray
    alpha: np.ndarray
    sway: np.ndarray


def _dab(
    image: np.ndarray,
    alpha: np.ndarray | None,
    x: float,
    y: float,
    size: float,
    colour: np.ndarray,
    angle: float = 0.0,
    thin: float = 0.55,
) -> None:
    axes = (max(1, round(size)), max(1, round(size * thin)))
    value = tuple(float(v) for v in colour)
    cv2.ellipse(image, (round(x), round(y)), axes, angle, 0, 360, value, -1, cv2.LINE_AA)
    if alpha is not None:
        cv2.ellipse(alpha, (round(x), round(y)), axes, angle, 0, 360, 1.0, -1, cv2.LINE_AA)


def draw_foliage(
    c: Canvas,
    image: np.ndarray,
    alpha: np.ndarray,
    x: float,
    y: float,
    wide: float,
    tall: float,
    colour: np.ndarray,
    leaf_px: float,
    dense: float = 1.0,
) -> None:
    """A crown or a bush: many dabs, dark inside and below, light above."""
    rng = c.rng
    count = int(np.clip(dense * 1.9 * wide * tall / max(leaf_px, 1.0) ** 2, 24, 520))
    leaf_px = max(leaf_px, np.sqrt(1.3 * wide * tall / count) * 0.62)
    angle = rng.uniform(0, 2 * np.pi, count)
    radius = np.sqrt(rng.uniform(0, 1, count)) * (0.86 + 0.2 * np.sin(3 * angle + rng.uniform(0, 6)))
    dx, dy = np.cos(angle) * radius, np.sin(angle) * radius
    order = np.argsort(-dy + rng.normal(0, 0.5, count))[::-1]
    for i in order[::-1]:
        light = 0.62 + 0.42 * (-dy[i] * 0.75 - dx[i] * 0.3) + rng.normal(0, 0.13)
        tint = colour * np.clip(light, 0.3, 1.5) * np.array([1 + rng.normal(0, 0.06), 1.0, 1 + rng.normal(0, 0.08)])
        _dab(
            image,
            alpha,
            x + dx[i] * wide,
            y + dy[i] * tall,
            leaf_px * rng.uniform(0.6, 1.25),
            np.clip(tint, 0, 1),
            float(rng.uniform(0, 180)),
        )


def draw_thicket(c: Canvas, sky: np.ndarray) -> None:
    """The depth of a wood: leaves and thin trunks without end behind the first trees."""
    rng = c.rng
    low = int(c.horizon + c.focal * CAMERA_HEIGHT_M / 32.0)
    noise = draw_noise(rng, low, c.width, cells=22, octaves=6, gain=0.7)
    gaps = draw_noise(rng, low, c.width, cells=9, octaves=4, gain=0.7)
    gaps = np.clip((gaps - 0.63) * 7, 0, 1)[..., None] * np.linspace(1.0, 0.1, low, dtype=np.float32)[:, None, None]
    leaves = np.asarray(c.place.leaves, np.float32) * (0.4 + 1.05 * noise[..., None] ** 1.4) + 0.1
    band = leaves * (1 - gaps) + np.asarray(c.place.sky_low, np.float32) * gaps
    soft = np.linspace(1.0, 0.0, low, dtype=np.float32)[:, None, None] ** 0.15 * c.place.thicket
    c.rgb[:low] = c.rgb[:low] * (1 - soft) + band * soft
    sky[:low] *= 0.25 * gaps[..., 0]
    c.distance[:low] = np.minimum(c.distance[:low], 60.0)
    for _ in range(60):
        x = float(rng.uniform(0, c.width))
        z = float(rng.uniform(30, 70))
        wide = max(1, round(0.22 * c.focal / z))
        colour = c.aerial(np.asarray(c.place.bark) * rng.uniform(0.7, 1.2), z)
        foot = round(c.horizon + c.focal * CAMERA_HEIGHT_M / z)
        cv2.line(
            c.rgb, (round(x), foot), (round(x + rng.normal(0, 9)), 0), tuple(map(float, colour)), wide, cv2.LINE_AA
        )


def draw_tree(c: Canvas, image: np.ndarray, alpha: np.ndarray, x_m: float, z: float) -> None:
    place, rng = c.place, c.rng
    metre = c.focal / z
    x, foot = c.foot(x_m, z)
    bark = c.aerial(np.asarray(place.bark) * rng.uniform(0.8, 1.25), z)
    leaves = c.aerial(np.asarray(place.leaves) * rng.uniform(0.8, 1.2), z)
    if place.trees == "conifer":
        tall = float(rng.uniform(3.5, 8.0)) * metre
        _draw_trunk(c, image, alpha, x, foot, foot - tall * 0.9, 0.1 * metre, bark)
        layers = 17
        for level in range(layers):
            t = level / (layers - 1)
            y = foot - tall * (0.12 + 0.88 * t)
            wide = tall * 0.23 * (1 - t) ** 0.85 + 1.5
            leaf = float(np.clip(wide * 0.2, 1.5, 4.5 * c.unit))
            for _ in range(int(np.clip(2.2 * wide / leaf, 8, 60))):
                dx = float(rng.uniform(-1, 1))
                tint = leaves * np.clip(0.75 - 0.25 * dx + rng.normal(0, 0.14), 0.35, 1.4)
                _dab(
                    image,
                    alpha,
                    x + dx * wide,
                    y + abs(dx) * wide * 0.42 + rng.normal(0, 0.3) * tall / layers,
                    leaf * rng.uniform(0.7, 1.6),
                    tint,
                    25 * np.sign(dx) + rng.normal(0, 15),
                    0.4,
                )
        return
    if place.trees == "umbrella":
        tall = float(rng.uniform(4.0, 6.5)) * metre
        lean = float(rng.normal(0, 0.12)) * tall
        _draw_trunk(c, image, alpha, x, foot, foot - tall * 0.55, 0.14 * metre, bark, lean * 0.5)
        for branch in (-1.0, -0.45, 0.4, 1.0):
            end = (round(x + lean * 0.5 + branch * tall * 0.42), round(foot - tall * rng.uniform(0.78, 0.86)))
            start = (round(x + lean * 0.4), round(foot - tall * 0.45))
            thick = max(1, round(0.09 * metre))
            cv2.line(image, start, end, tuple(map(float, bark * 0.9)), thick, cv2.LINE_AA)
            cv2.line(alpha, start, end, 1.0, thick, cv2.LINE_AA)
        for shift in (-0.42, 0.42, 0.0):
            draw_foliage(
                c,
                image,
                alpha,
                x + lean * 0.5 + shift * tall * 0.8,
                foot - tall * (0.9 - abs(shift) * 0.1),
                tall * 0.42,
                tall * 0.105,
                leaves,
                0.16 * metre,
                1.3,
            )
        return
    girth = float(rng.uniform(0.1, 0.3)) * metre
    _draw_trunk(c, image, alpha, x, foot, -10, girth, bark, float(rng.normal(0, 0.03)) * foot)
    if rng.random() < 0.75:
        for _ in range(2):
            draw_foliage(
                c,
                image,
                alpha,
                x + float(rng.normal(0, 1.3)) * metre,
                float(rng.uniform(-0.05, 0.2)) * c.height,
                1.5 * metre,
                0.8 * metre,
                leaves,
                max(0.11 * metre, 3.0),
                0.8,
            )


def _draw_trunk(
    c: Canvas,
    image: np.ndarray,
    alpha: np.ndarray,
    x: float,
    foot: float,
    top: float,
    girth: float,
    bark: np.ndarray,
    lean: float = 0.0,
) -> None:
    """A trunk with a light and a dark side and furrowed bark; ``girth`` is its radius in pixels."""
    girth = max(girth, 1.0)
    y0, y1 = max(0, int(top)), min(c.height, int(foot) + 2)
    reach = int(girth * 2.2 + abs(lean)) + 3
    x0, x1 = max(0, int(x) - reach), min(c.width, int(x) + reach)
    if y1 <= y0 or x1 <= x0:
        return
    rows = np.arange(y0, y1, dtype=np.float32)[:, None]
    climb = np.clip((foot - rows) / max(foot - top, 1.0), 0, 1)
    radius = girth * (1.0 - 0.25 * climb + 0.75 * np.exp(-climb * 22))
    wave = c.rng.normal(0, 0.12) * girth * np.sin(climb * 5 + c.rng.uniform(0, 6))
    across = (np.arange(x0, x1, dtype=np.float32)[None, :] - x - lean * climb - wave) / radius
    inside = np.clip((1 - np.abs(across)) * radius, 0, 1)
    across = np.clip(across, -1, 1)
    shade = 0.42 + 0.62 * np.sqrt(np.clip(1 - (across + 0.32) ** 2 * 0.55, 0, 1))
    furrows = draw_streaks(c.rng, y1 - y0, x1 - x0, length_px=max(5.0, girth * 1.1), angle_deg=90)
    moss = draw_noise(c.rng, y1 - y0, x1 - x0, cells=max(2.0, (x1 - x0) / max(girth, 2.0)), octaves=4)
    trunk = bark.astype(np.float32) * (shade * (1 + 0.26 * furrows) * (0.8 + 0.4 * moss))[..., None]
    view = image[y0:y1, x0:x1]
    view[:] = view * (1 - inside[..., None]) + trunk * inside[..., None]
    alpha[y0:y1, x0:x1] = np.maximum(alpha[y0:y1, x0:x1], inside)


def _draw_blade(
    image: np.ndarray,
    alpha: np.ndarray | None,
    sway: np.ndarray | None,
    x: float,
    y: float,
    tall: float,
    lean: float,
    thick: int,
    colour: np.ndarray,
) -> None:
    t = np.array([0.0, 0.35, 0.7, 1.0])
    points = np.stack([x + lean * t**2, y - tall * t * (1 - 0.12 * t * abs(lean) / max(tall, 1))], axis=1)
    line = [np.round(points * 8).astype(np.int32)]
    cv2.polylines(image, line, False, tuple(float(v) for v in colour), thick, cv2.LINE_AA, 3)
    if alpha is not None:
        cv2.polylines(alpha, line, False, 1.0, thick, cv2.LINE_AA, 3)


def _grass_colour(c: Canvas) -> np.ndarray:
    low, high = (np.asarray(colour, np.float32) for colour in c.place.grass)
    mix = c.rng.random()
    return np.clip((low * (1 - mix) + high * mix) * c.rng.uniform(0.65, 1.15), 0, 1)


def draw_tufts(c: Canvas, *, farthest_m: float, nearest_m: float) -> None:
    """Grass that stands on the ground behind and around the animals; it does not move."""
    place, rng = c.place, c.rng
    count = int(1500 * place.grass_share * min(1.0, c.unit))
    z = 1.0 / rng.uniform(1 / farthest_m, 1 / nearest_m, count)
    for distance in np.sort(z)[::-1]:
        half = c.width / 2 * distance / c.focal
        x, y = c.foot(float(rng.uniform(-1.05, 1.05)) * half, float(distance))
        metre = c.focal / distance
        if place.water is not None and 9.5 < distance < 18:
            continue
        colour = c.aerial(_grass_colour(c), float(distance))
        for _ in range(int(rng.integers(4, 9))):
            tall = place.grass_m * metre * float(rng.uniform(0.35, 1.0)) * 0.6
            _draw_blade(
                c.rgb,
                None,
                None,
                x + float(rng.normal(0, 0.05)) * metre,
                y,
                tall,
                float(rng.normal(0.1, 0.35)) * tall,
                max(1, round(0.006 * metre)),
                colour * rng.uniform(0.8, 1.15),
            )


def draw_layers(c: Canvas, size: tuple[int, int], blocked: list[tuple[float, float, float]]) -> list[Layer]:
    """Grass, and now and then a trunk or a stone, in steps from far to near, to be put in front of animals."""
    place, rng = c.place, c.rng
    scale = size[0] / c.width
    layers = []
    steps = np.geomspace(place.far_m, 2.0, 7)
    trunks = (
        {int(i) for i in rng.choice(np.arange(1, 4), place.near_trees, replace=False)} if place.near_trees else set()
    )
    for index, z in enumerate(steps):
        rgb = np.zeros((c.height, c.width, 3), np.float32)
        alpha = np.zeros((c.height, c.width), np.float32)
        metre = c.focal / z
        half = c.width / 2 * z / c.focal
        if index in trunks:
            x_m = float(rng.choice([-1, 1])) * float(rng.uniform(0.5, 0.92)) * half
            x, foot = c.foot(x_m, float(z))
            _draw_trunk(c, rgb, alpha, x, foot, -10, float(rng.uniform(0.09, 0.16)) * metre, np.asarray(place.bark))
            blocked.append((x_m, float(z), 0.25))
            rgb *= alpha[..., None]
        clumps = max(4, int(place.grass_share * (26 + 4 * half)))
        near = 1.0 if index < len(steps) - 1 else 1.5
        for _ in range(clumps):
            x_m = float(rng.uniform(-1.05, 1.05)) * half
            spot = float(z * rng.uniform(0.9, 1.06))
            x, y = c.foot(x_m, spot)
            wide = float(rng.uniform(0.03, 0.16))
            tint = rng.uniform(0.75, 1.15)
            for _ in range(int(rng.integers(7, 22))):
                tall = place.grass_m * near * metre * float(rng.uniform(0.35, 1.15))
                _draw_blade(
                    rgb,
                    alpha,
                    None,
                    x + float(rng.normal(0, wide)) * metre,
                    y,
                    tall,
                    float(rng.normal(0.12, 0.4)) * tall,
                    max(1, round(0.0065 * metre)),
                    _grass_colour(c) * tint,
                )
        small_rgb = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        small_alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        used = np.flatnonzero(small_alpha.max(axis=1) > 0)
        if not len(used):
            continue
        top, bottom = int(used[0]), int(used[-1]) + 1
        foot_row = c.foot(0.0, float(z))[1] * scale
        reach = max(place.grass_m * near * metre * scale, 4.0)
        rows = np.arange(top, bottom, dtype=np.float32)[:, None]
        sway = np.clip((foot_row - rows) / reach, 0, 1) ** 1.6 * reach * 0.22
        if index in trunks:
            sway = sway * (rows > foot_row - reach)
        layers.append(
            Layer(
                float(z),
                top,
                small_rgb[top:bottom],
                small_alpha[top:bottom],
                np.repeat(sway, size[0], axis=1).astype(np.float32),
            )
        )
    return layers
