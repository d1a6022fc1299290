"""What a fixed camera looks at when no animal is there: sky, hills, ground in perspective, trees, rocks, grass."""

from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from core.sample.noise import draw_noise, draw_streaks, draw_tile
from core.sample.species import Rgb

CAMERA_HEIGHT_M = 1.05
FAR_M = 400.0


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


class _Canvas:
    """A scenery in the making, drawn larger than it will be."""

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
        """Far things take the colour of the air."""
        fade = self.fade(distance_m)
        return np.asarray(colour, np.float32) * (1 - fade) + np.asarray(self.place.sky_low, np.float32) * 0.93 * fade


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
    canvas = _Canvas(place, rng, round(width_px * oversample), round(height_px * oversample), oversample)
    _draw_sky(canvas)
    sky = np.ones((canvas.height, canvas.width), np.float32)
    _draw_hills(canvas, sky)
    _draw_ground(canvas, sky)
    if place.thicket:
        _draw_thicket(canvas, sky)
    blocked: list[tuple[float, float, float]] = []
    _draw_things(canvas, sky, blocked)
    _draw_tufts(canvas, farthest_m=26.0, nearest_m=1.9)
    size = (width_px, height_px)
    rgb = cv2.resize(canvas.rgb, size, interpolation=cv2.INTER_AREA)
    distance = cv2.resize(canvas.distance, size, interpolation=cv2.INTER_AREA)
    layers = _draw_layers(canvas, size, blocked)
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


def _draw_sky(c: _Canvas) -> None:
    level = np.clip(np.arange(c.height, dtype=np.float32) / max(c.horizon, 1.0), 0, 1)[:, None, None] ** 0.8
    sky = np.asarray(c.place.sky_top, np.float32) * (1 - level) + np.asarray(c.place.sky_low, np.float32) * level
    clouds = draw_noise(c.rng, c.height, c.width // 2, cells=3, octaves=5, gain=0.6)
    clouds = cv2.resize(clouds, (c.width, (c.height + 1) // 2), interpolation=cv2.INTER_AREA)  # long and low, as clouds are
    clouds = np.concatenate([clouds, clouds[: c.height - len(clouds)]])
    cover = np.clip((clouds - 0.52) * 3.5, 0, 1)[..., None] * c.place.clouds
    c.rgb[:] = sky * (1 - cover) + np.float32(0.96) * cover


def _draw_hills(c: _Canvas, sky: np.ndarray) -> None:
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


def _draw_ground(c: _Canvas, sky: np.ndarray) -> None:
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


def _scatter_litter(c: _Canvas, ground: np.ndarray, first: int) -> np.ndarray:
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


def _draw_foliage(
    c: _Canvas,
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


def _draw_thicket(c: _Canvas, sky: np.ndarray) -> None:
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


def _draw_things(c: _Canvas, sky: np.ndarray, blocked: list[tuple[float, float, float]]) -> None:
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
            _draw_tree(c, c.rgb, alpha, x_m, z)
        elif kind == "bush":
            size = float(rng.uniform(0.35, 0.9)) * c.focal / z
            x, y = c.foot(x_m, z)
            colour = c.aerial(np.asarray(place.bush) * rng.uniform(0.8, 1.2), z)
            _draw_foliage(c, c.rgb, alpha, x, y - size * 0.55, size, size * 0.7, colour, 0.05 * c.focal / z)
        else:
            radius = float(rng.uniform(*place.rock_m))
            _draw_rock(c, c.rgb, alpha, x_m, z, radius)
            if z < place.far_m + 1:
                blocked.append((x_m, z, radius * 1.2))
        seen = alpha > 0.5
        c.distance[seen] = z
        sky[seen] = 0


def _draw_tree(c: _Canvas, image: np.ndarray, alpha: np.ndarray, x_m: float, z: float) -> None:
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
            _draw_foliage(
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
            _draw_foliage(
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
    c: _Canvas,
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


def _draw_rock(c: _Canvas, image: np.ndarray, alpha: np.ndarray, x_m: float, z: float, radius_m: float) -> None:
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


def _grass_colour(c: _Canvas) -> np.ndarray:
    low, high = (np.asarray(colour, np.float32) for colour in c.place.grass)
    mix = c.rng.random()
    return np.clip((low * (1 - mix) + high * mix) * c.rng.uniform(0.65, 1.15), 0, 1)


def _draw_tufts(c: _Canvas, *, farthest_m: float, nearest_m: float) -> None:
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


def _draw_layers(c: _Canvas, size: tuple[int, int], blocked: list[tuple[float, float, float]]) -> list[Layer]:
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


def invent_place(rng: np.random.Generator) -> Place:
    """A made-up place for training the bundled weights: one of the recipes with everything moved about."""
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
