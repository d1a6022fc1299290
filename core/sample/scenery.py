"""What a fixed camera looks at when no animal is there: sky, hills, ground in perspective, trees, rocks, grass."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from core.sample.canvas import CAMERA_HEIGHT_M, FAR_M, Canvas
from core.sample.noise import draw_noise, draw_streaks, draw_tile
from core.sample.places import Place
from core.sample.plants import Layer, draw_foliage, draw_layers, draw_thicket, draw_tree, draw_tufts


@dataclass(frozen=True, slots=True)
class Scenery:
    """A place drawn for one camera. ``rgb`` (h, w, 3) in plain light, ``distance_m`` (h, w) of each pixel."""

    place: Place
    rgb: np.ndarray
    distance_m: np.ndarray
    sky: np.ndarray
    layers: tuple[Layer, ...]
    focal_px: float
    horizon_px: float
    dapples: np.ndarray
    blocked: tuple[tuple[float, float, float], ...] = field(default=())  # x, distance, radius of what stands in the way

    @property
    def size_px(self) -> tuple[int, int]:
        """Width and height."""
        return self.rgb.shape[1], self.rgb.shape[0]

    def ground_px(self, x_m: float, distance_m: float) -> tuple[float, float]:
        """Where a spot on the ground is in the photo."""
        width = self.rgb.shape[1]
        return (
            width / 2 + self.focal_px * x_m / distance_m,
            self.horizon_px + self.focal_px * CAMERA_HEIGHT_M / distance_m,
        )


def draw_scenery(
    place: Place, rng: np.random.Generator, *, width_px: int = 640, height_px: int = 480, oversample: float = 2.0
) -> Scenery:
    """Draw a place.

    Args:
        place: The recipe.
        rng: The source of every random number: the same place with another seed is another spot.
        width_px: Width of the photos.
        height_px: Height of the photos.
        oversample: How much larger it is drawn before it is reduced, >= 1.
    """
    canvas = Canvas(place, rng, round(width_px * oversample), round(height_px * oversample), oversample)
    _draw_sky(canvas)
    sky = np.ones((canvas.height, canvas.width), np.float32)
    _draw_hills(canvas, sky)
    _draw_ground(canvas, sky)
    if place.thicket:
        draw_thicket(canvas, sky)
    blocked: list[tuple[float, float, float]] = []
    _draw_things(canvas, sky, blocked)
    draw_tufts(canvas, farthest_m=26.0, nearest_m=1.9)
    size = (width_px, height_px)
    rgb = cv2.resize(canvas.rgb, size, interpolation=cv2.INTER_AREA)
    distance = cv2.resize(canvas.distance, size, interpolation=cv2.INTER_AREA)
    layers = draw_layers(canvas, size, blocked)
    dapples = draw_noise(rng, height_px, width_px, cells=16, octaves=3)
    dapples = np.clip((dapples - 0.48) * 5, 0, 1)
    return Scenery(
        place,
        np.clip(rgb, 0, 1),
        distance,
        cv2.resize(sky, size, interpolation=cv2.INTER_AREA),
        tuple(layers),
        canvas.focal / oversample,
        canvas.horizon / oversample,
        dapples,
        tuple(blocked),
    )


def _draw_sky(c: Canvas) -> None:
    level = np.clip(np.arange(c.height, dtype=np.float32) / max(c.horizon, 1.0), 0, 1)[:, None, None] ** 0.8
    sky = np.asarray(c.place.sky_top, np.float32) * (1 - level) + np.asarray(c.place.sky_low, np.float32) * level
    clouds = draw_noise(c.rng, c.height, c.width // 2, cells=3, octaves=5, gain=0.6)
    clouds = cv2.resize(
        clouds, (c.width, (c.height + 1) // 2), interpolation=cv2.INTER_AREA
    )  # long and low, as clouds are
    clouds = np.concatenate([clouds, clouds[: c.height - len(clouds)]])
    cover = np.clip((clouds - 0.52) * 3.5, 0, 1)[..., None] * c.place.clouds
    c.rgb[:] = sky * (1 - cover) + np.float32(0.96) * cover


def _draw_hills(c: Canvas, sky: np.ndarray) -> None:
    count = len(c.place.hills)
    rows = np.arange(c.height, dtype=np.float32)[:, None]
    for index, colour in enumerate(c.place.hills):
        nearness = (index + 1) / count
        ridge = draw_noise(c.rng, 8, c.width, cells=3 + 2 * index, octaves=6, gain=0.35 + 0.2 * c.place.jagged)[3]
        tall = c.place.hill_height * c.height * (1.15 - 0.75 * nearness * (count > 1))
        top = c.horizon - tall * (0.3 + 0.9 * ridge)
        inside = np.clip(rows - top[None, :], 0, 1)
        texture = draw_noise(c.rng, c.height, c.width, cells=26 + 30 * index, octaves=4)
        lit = draw_noise(c.rng, c.height, c.width, cells=9 + 4 * index, octaves=5, gain=0.6)
        slope = cv2.Sobel(lit, cv2.CV_32F, 1, 0, ksize=3) * c.width / 60.0
        shade = 0.92 + 0.16 * (texture - 0.5) * nearness + np.clip(slope * (0.15 + 0.3 * c.place.jagged), -0.22, 0.22)
        hill = np.asarray(colour, np.float32) * shade[..., None]
        if c.place.snow and index < count - 1:
            line = rows - top[None, :] - tall * c.place.snow * (0.1 + 0.6 * texture + 0.5 * lit)
            white = np.clip(-line / (0.04 * c.height) + slope * 0.8, 0, 1)[..., None] * (1 - 0.45 * index)
            hill = hill * (1 - white) + np.float32(0.94) * white * np.clip(shade, 0.8, 1.06)[..., None]
        c.rgb[:] = c.rgb * (1 - inside[..., None]) + hill * inside[..., None]
        sky *= 1 - inside
        c.distance[inside > 0.5] = FAR_M / (1 + 2 * nearness)


def _draw_ground(c: Canvas, sky: np.ndarray) -> None:
    place, rng = c.place, c.rng
    first = int(np.ceil(c.horizon)) + 1
    rows = np.arange(first, c.height, dtype=np.float32)
    distance = (c.focal * CAMERA_HEIGHT_M / (rows - c.horizon + 0.5))[:, None]
    x_m = (np.arange(c.width, dtype=np.float32)[None, :] - c.width / 2) * distance / c.focal
    z_m = np.broadcast_to(distance, x_m.shape)
    tiles = [draw_tile(rng, 512, cells=8, octaves=6) for _ in range(3)]

    def lay(tile: np.ndarray, per_m: float, turn: float) -> np.ndarray:
        u = (x_m * np.cos(turn) - z_m * np.sin(turn)) * per_m % 512
        v = (x_m * np.sin(turn) + z_m * np.cos(turn)) * per_m % 512
        return cv2.remap(tile, u.astype(np.float32), v.astype(np.float32), cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)

    broad, fine, grain = lay(tiles[0], 34, 0.4), lay(tiles[1], 130, 1.1), lay(tiles[2], 420, 2.0)
    soft = np.clip(distance / 40.0, 0, 1)  # far away the grain is too small to see
    grain = 0.5 + (grain - 0.5) * (1 - soft)
    a, b, plant = (np.asarray(colour, np.float32) for colour in place.soil)
    mix = np.clip((fine * 0.6 + broad * 0.4 - 0.3) * 2.2, 0, 1)[..., None]
    ground = a * (1 - mix) + b * mix
    green = np.clip((broad - 0.45) * 4, 0, 1)[..., None] * 0.8
    ground = ground * (1 - green) + plant * green
    if place.trail is not None:
        bend = (
            0.9 * np.sin(distance * 0.22 + rng.uniform(0, 6)) + 0.25 * np.sin(distance * 0.8) + rng.uniform(-0.4, 0.4)
        )
        edge = np.abs(x_m - bend) - 0.62 - 0.5 * (fine - 0.5)
        path = np.clip(0.5 - edge * 3.5, 0, 1)[..., None]
        ground = ground * (1 - path) + np.asarray(place.trail, np.float32) * (0.8 + 0.4 * fine[..., None]) * path
    shade = 0.62 + 0.42 * fine + 0.5 * (grain - 0.5)
    ground = ground * shade[..., None]
    if place.litter:
        c.rgb[first:] = ground
        ground = _scatter_litter(c, ground, first)
    if place.water is not None:
        wet_z, wet_x, deep = 13.5, float(rng.uniform(-1.5, 1.5)), 3.0
        shape = ((x_m - wet_x) / 7.5) ** 2 + ((z_m - wet_z) / deep) ** 2 + 0.5 * (broad - 0.5)
        mud = np.clip((1.7 - shape) * 2.2, 0, 1)[..., None]
        ground = ground * (1 - mud) + np.array((0.43, 0.34, 0.24), np.float32) * (0.75 + 0.4 * fine[..., None]) * mud
        wet = np.clip((1.0 - shape) * 7, 0, 1)[..., None]
        mirror_rows = np.clip(2 * c.horizon - rows - 0.02 * c.height, 0, c.height - 1).astype(int)
        mirror = cv2.GaussianBlur(c.rgb, (0, 0), 2.5 * c.unit)[mirror_rows]
        ripple = draw_streaks(rng, len(rows), c.width, length_px=26 * c.unit, angle_deg=0)
        pond = mirror * 0.72 + np.asarray(place.water, np.float32) * 0.25 + 0.035 * ripple[..., None]
        ground = ground * (1 - wet) + pond * wet
    fade = (1.0 - np.exp(-np.maximum(distance - 6, 0) / 90.0))[..., None]
    ground = ground * (1 - fade) + np.asarray(place.sky_low, np.float32) * 0.9 * fade
    c.rgb[first:] = ground
    c.distance[first:] = distance
    sky[first:] = 0


def _scatter_litter(c: Canvas, ground: np.ndarray, first: int) -> np.ndarray:
    ground = np.ascontiguousarray(ground)
    count = int(2600 * c.place.litter * min(1.0, c.unit))
    nearest, farthest = 1.6, 16.0
    for _ in range(count):
        z = 1.0 / c.rng.uniform(1 / farthest, 1 / nearest)
        half = c.width / 2 * z / c.focal
        x, y = c.foot(float(c.rng.uniform(-half, half)), z)
        size = 0.05 * c.focal / z * c.rng.uniform(0.5, 1.2)
        tone = c.rng.uniform(0.55, 1.25)
        leaf = [(0.46, 0.3, 0.15), (0.55, 0.4, 0.2), (0.36, 0.23, 0.13), (0.4, 0.36, 0.16)][int(c.rng.integers(4))]
        axes = (max(1, round(size)), max(1, round(size * 0.42)))
        angle = float(c.rng.uniform(-35, 35))
        cv2.ellipse(
            ground, (round(x), round(y) - first), axes, angle, 0, 360, [v * tone for v in leaf], -1, cv2.LINE_AA
        )
    return ground


def _draw_things(c: Canvas, sky: np.ndarray, blocked: list[tuple[float, float, float]]) -> None:
    """Trees, bushes and rocks behind the animals' ground, from far to near; rocks also between them."""
    place, rng = c.place, c.rng
    things: list[tuple[float, str]] = []
    things += [(float(1 / rng.uniform(1 / place.tree_m[1], 1 / place.tree_m[0])), "tree") for _ in range(place.n_trees)]
    things += [(float(rng.uniform(place.far_m, place.far_m * 3)), "bush") for _ in range(place.n_bushes)]
    things += [(float(1 / rng.uniform(1 / 38.0, 1 / (place.far_m * 0.62))), "rock") for _ in range(place.n_rocks)]
    alpha = np.zeros((c.height, c.width), np.float32)
    for z, kind in sorted(things, reverse=True):
        half = c.width / 2 * z / c.focal
        x_m = float(rng.uniform(-1.05, 1.05)) * half
        alpha[:] = 0
        if kind == "tree":
            draw_tree(c, c.rgb, alpha, x_m, z)
        elif kind == "bush":
            size = float(rng.uniform(0.35, 0.9)) * c.focal / z
            x, y = c.foot(x_m, z)
            colour = c.aerial(np.asarray(place.bush) * rng.uniform(0.8, 1.2), z)
            draw_foliage(c, c.rgb, alpha, x, y - size * 0.55, size, size * 0.7, colour, 0.05 * c.focal / z)
        else:
            radius = float(rng.uniform(*place.rock_m))
            _draw_rock(c, c.rgb, alpha, x_m, z, radius)
            if z < place.far_m + 1:
                blocked.append((x_m, z, radius * 1.2))
        seen = alpha > 0.5
        c.distance[seen] = z
        sky[seen] = 0


def _draw_rock(c: Canvas, image: np.ndarray, alpha: np.ndarray, x_m: float, z: float, radius_m: float) -> None:
    rng = c.rng
    x, foot = c.foot(x_m, z)
    wide = radius_m * c.focal / z
    tall = wide * float(rng.uniform(0.55, 0.9))
    x0, x1 = max(0, int(x - 1.4 * wide)), min(c.width, int(x + 1.4 * wide) + 2)
    y0, y1 = max(0, int(foot - 1.5 * tall)), min(c.height, int(foot + 0.35 * tall) + 2)
    if x1 - x0 < 4 or y1 - y0 < 4:
        return
    rows, columns = y1 - y0, x1 - x0
    u = (np.arange(x0, x1, dtype=np.float32)[None, :] - x) / wide
    v = (np.arange(y0, y1, dtype=np.float32)[:, None] - foot + 0.45 * tall) / tall
    # Cut by random planes, as broken stone is.
    height = np.full((rows, columns), 1.0, np.float32)
    for _ in range(9):
        angle = rng.uniform(0, 2 * np.pi)
        steep = rng.uniform(0.6, 2.2)
        height = np.minimum(height, steep * (rng.uniform(0.75, 1.0) - (u * np.cos(angle) + v * np.sin(angle))))
    height = np.minimum(height, 1.6 * (1.0 - (u**2 + v**2)))
    bumps = draw_noise(rng, rows, columns, cells=5, octaves=5, gain=0.6)
    surface = (height + 0.35 * (bumps - 0.5)).astype(np.float32)
    slope_x = cv2.Sobel(surface, cv2.CV_32F, 1, 0, ksize=3, scale=wide / 8)
    slope_y = cv2.Sobel(surface, cv2.CV_32F, 0, 1, ksize=3, scale=tall / 8)
    light = (0.45 * slope_x + 0.8 * slope_y + 0.65) / np.sqrt(1 + slope_x**2 + slope_y**2)
    lichen = draw_noise(rng, rows, columns, cells=7, octaves=4)
    shade = np.clip(0.42 + 0.5 * light, 0.16, 1.15) * (0.8 + 0.4 * bumps)
    stone = np.asarray(c.place.rock, np.float32) * float(rng.uniform(0.85, 1.12))
    colour = stone * (1 - 0.3 * np.clip((lichen - 0.62) * 6, 0, 1)[..., None] * np.array((0.1, 0.0, 0.6), np.float32))
    inside = np.clip((height + 0.1 * (bumps - 0.5)) * wide * 0.6, 0, 1)
    inside *= np.clip(
        (foot + 0.06 * tall * np.sin(9 * u) - np.arange(y0, y1, dtype=np.float32)[:, None]) / 2 + 0.5, 0, 1
    )
    rock = c.aerial(colour * shade[..., None], z)
    # A dark line where it meets the ground.
    shadow = np.clip(1.15 - np.hypot(u * 0.85, (v - 0.62) * 2.4), 0, 1)[..., None] * 0.55
    view = image[y0:y1, x0:x1]
    view *= 1 - shadow
    view[:] = view * (1 - inside[..., None]) + rock * inside[..., None]
    alpha[y0:y1, x0:x1] = np.maximum(alpha[y0:y1, x0:x1], inside)
