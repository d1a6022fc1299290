"""Put animals into a scenery and take the photo."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from core.records import Box
from core.sample.animals import Sprite, draw_animal
from core.sample.bodies import Pose
from core.sample.individuals import invent_species, vary_individual
from core.sample.light import Light, light_at
from core.sample.noise import draw_noise
from core.sample.places import PLACES, Place, invent_place
from core.sample.plants import Layer
from core.sample.scenery import Scenery, draw_scenery
from core.sample.species import INTRUDERS, KNOWN, Species

STRIP_SHARE = 0.052  # of the photo's height, for the camera's black line of text
LEAST_VISIBLE = 0.45
IN_VIEW_SHARE = 0.4  # of the depth of the scene


@dataclass(frozen=True, slots=True)
class Actor:
    """An animal in a scene: where it stands in metres from the camera's axis and from the camera, and how."""

    species: Species
    x_m: float
    distance_m: float
    heading_deg: float
    pose: Pose
    fur_seed: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """An actor in the finished photo: its box and the share of it that can be seen (0 to 1)."""

    species: str
    box: Box
    visible: float


def compose_photo(
    scenery: Scenery,
    actors: Sequence[Actor],
    light: Light,
    rng: np.random.Generator,
    *,
    wind: float = 0.4,
    jolt_px: tuple[float, float] = (0.0, 0.0),
) -> tuple[np.ndarray, list[Drawn]]:
    """A photo, RGB uint8, and what is in it, in the order of ``actors``.

    Args:
        scenery: Where.
        actors: Who.
        light: When.
        rng: For the wind, the grain and the vignette.
        wind: How far the grass bends, 0 to 1.
        jolt_px: How far the camera has been pushed out of its place, right and down.
    """
    width, height = scenery.size_px
    picture = _light_scenery(scenery, light, scenery.rgb, scenery.distance_m, scenery.sky, 0)
    if not light.infrared:
        shadow = 1.0 - scenery.place.dapple * (light.sun / 0.8) * scenery.dapples * (1 - scenery.sky)
        picture *= shadow[..., None]
    gust = _draw_gust(rng, width, height)
    sprites = [_draw_actor(scenery, actor, light) for actor in actors]
    order = sorted(range(len(actors)), key=lambda index: -actors[index].distance_m)
    layers = sorted(scenery.layers, key=lambda layer: -layer.distance_m)
    cover = [np.zeros((height, width), np.float32) for _ in actors]
    next_layer = 0
    glows: list[tuple[int, float, float, float]] = []
    for index in order:
        actor, (sprite, left, top) = actors[index], sprites[index]
        while next_layer < len(layers) and layers[next_layer].distance_m > actor.distance_m:
            _add_layer(picture, cover, scenery, layers[next_layer], light, gust, wind)
            next_layer += 1
        _add_shadow(picture, scenery, actor, sprite, left, top, light)
        _add_sprite(picture, cover, index, scenery, actor, sprite, left, top, light)
        glows += [(index, left + x, top + y, radius) for x, y, radius in sprite.eyes_px]
    for layer in layers[next_layer:]:
        _add_layer(picture, cover, scenery, layer, light, gust, wind)
    if light.infrared:
        _add_glows(picture, cover, glows, rng)
    picture = _expose(picture, light, rng, scenery.sky)
    if jolt_px != (0.0, 0.0):
        shift = np.array([[1, 0, jolt_px[0]], [0, 1, jolt_px[1]]], np.float32)
        picture = cv2.warpAffine(picture, shift, (width, height), borderMode=cv2.BORDER_REFLECT)
    pixels = (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)
    drawn = [_measure(actors[i], sprites[i], cover[i], jolt_px, width, height) for i in range(len(actors))]
    return pixels, drawn


def _flash(distance_m: np.ndarray | float) -> np.ndarray | float:
    """How much light of the flash returns from a distance: much near by, nothing beyond about twenty metres."""
    return 1.25 / (1.0 + (np.asarray(distance_m) / 6.2) ** 2.4)


def _light_scenery(
    scenery: Scenery, light: Light, rgb: np.ndarray, distance_m: np.ndarray | float, sky: np.ndarray | float, top: int
) -> np.ndarray:
    if light.infrared:
        grey = rgb @ np.array([0.3, 0.55, 0.15], np.float32)
        green = np.clip(rgb[..., 1] - 0.5 * (rgb[..., 0] + rgb[..., 2]), 0, 1)  # leaves are bright in infrared
        grey = (0.08 + 0.85 * grey + 1.3 * green) * np.asarray(_flash(distance_m), np.float32) * (1 - np.asarray(sky))
        return np.repeat((grey + 0.018)[..., None], 3, axis=2).astype(np.float32)
    strength = light.ambient * np.asarray(light.sky_rgb) + 0.62 * light.sun * np.asarray(light.sun_rgb)
    lit = rgb * (strength / 1.02).astype(np.float32)
    if light.haze:
        fade = 1.0 - np.exp(-np.asarray(distance_m, np.float32) / (120.0 / max(light.haze, 0.02)))
        fade = (fade * (1 - 0.6 * np.asarray(sky, np.float32)) * light.haze * 1.3)[..., None]
        lit = lit * (1 - fade) + np.float32(0.8) * np.asarray(light.sun_rgb, np.float32) * fade
    return lit.astype(np.float32)


def _draw_gust(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    return 2.0 * draw_noise(rng, height // 4, width // 4, cells=5, octaves=2) - 1.0


def _add_layer(
    picture: np.ndarray,
    cover: list[np.ndarray],
    scenery: Scenery,
    layer: Layer,
    light: Light,
    gust: np.ndarray,
    wind: float,
) -> None:
    rows, width = layer.alpha.shape
    rgb, alpha = layer.rgb, layer.alpha
    if wind > 0:
        push = cv2.resize(gust, (width, picture.shape[0]))[layer.top_px : layer.top_px + rows]
        x = np.arange(width, dtype=np.float32)[None, :] + push * layer.sway * (2.2 * wind)
        y = np.broadcast_to(np.arange(rows, dtype=np.float32)[:, None], x.shape)
        both = np.dstack([rgb, alpha])
        both = cv2.remap(both, x, np.ascontiguousarray(y), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        rgb, alpha = both[..., :3], both[..., 3]
    if light.infrared:
        # The layer is premultiplied: light its own colour, then fade it again.
        plain = rgb / np.maximum(alpha, 1e-3)[..., None]
        rgb = _light_scenery(scenery, light, plain, layer.distance_m, 0.0, layer.top_px) * alpha[..., None]
    else:
        rgb = _light_scenery(scenery, replace(light, haze=0.0), rgb, layer.distance_m, 0.0, layer.top_px)
    window = picture[layer.top_px : layer.top_px + rows]
    window *= (1 - alpha)[..., None]
    window += rgb
    for share in cover:
        share[layer.top_px : layer.top_px + rows] *= 1 - alpha


def _draw_actor(scenery: Scenery, actor: Actor, light: Light) -> tuple[Sprite, int, int]:
    metre_px = scenery.focal_px / actor.distance_m
    sprite = draw_animal(
        np.random.default_rng(actor.fur_seed),
        actor.species,
        actor.pose,
        heading_deg=actor.heading_deg,
        unit_px=actor.species.shoulder_m * metre_px,
        light=light,
    )
    x, y = scenery.ground_px(actor.x_m, actor.distance_m)
    return sprite, round(x - sprite.foot_px[0]), round(y - sprite.foot_px[1])


def _window(sprite_shape: tuple[int, ...], left: int, top: int, width: int, height: int) -> tuple[slice, ...] | None:
    """Rows and columns in the photo, then in the sprite; None when the sprite is outside."""
    x0, x1 = max(left, 0), min(left + sprite_shape[1], width)
    y0, y1 = max(top, 0), min(top + sprite_shape[0], height)
    if x1 <= x0 or y1 <= y0:
        return None
    return slice(y0, y1), slice(x0, x1), slice(y0 - top, y1 - top), slice(x0 - left, x1 - left)


def _add_shadow(
    picture: np.ndarray, scenery: Scenery, actor: Actor, sprite: Sprite, left: int, top: int, light: Light
) -> None:
    height, width = picture.shape[:2]
    foot_x, foot_y = left + sprite.foot_px[0], top + sprite.foot_px[1]
    metre_px = scenery.focal_px / actor.distance_m
    tilt = 1.05 / actor.distance_m  # how flat the ground is seen
    # Under the belly: the sky does not reach there.
    wide = max(3.0, 0.5 * actor.species.trunk * actor.species.shoulder_m * metre_px)
    wide *= max(0.45, abs(np.cos(np.radians(actor.heading_deg))))
    tall = max(1.5, 0.3 * actor.species.shoulder_m * metre_px * tilt)
    x0, x1 = max(0, int(foot_x - 1.6 * wide)), min(width, int(foot_x + 1.6 * wide) + 1)
    y0, y1 = max(0, int(foot_y - 2.2 * tall)), min(height, int(foot_y + 2.2 * tall) + 1)
    if x1 > x0 and y1 > y0:
        u = (np.arange(x0, x1, dtype=np.float32)[None, :] - foot_x) / wide
        v = (np.arange(y0, y1, dtype=np.float32)[:, None] - foot_y) / tall
        dark = np.clip(1.25 - np.hypot(u, v * 0.8), 0, 1) * (0.5 if not light.infrared else 0.3)
        picture[y0:y1, x0:x1] *= (1 - dark)[..., None]
    if light.infrared or light.sun < 0.2:
        return
    # The cast shadow: the outline laid on the ground away from the sun.
    sun_x, sun_y, sun_z = light.sun_xyz
    along, back = -sun_x / max(sun_y, 0.25), sun_z / max(sun_y, 0.25)
    reach = float(np.clip(abs(along), 0, 1.6)) * np.sign(along)
    depth = 0.16 + 0.6 * tilt * back
    to_photo = np.array(
        [[1, -reach, left + reach * sprite.foot_px[1]], [0, depth, foot_y - depth * sprite.foot_px[1]]], np.float32
    )
    shadow = cv2.warpAffine(sprite.alpha, to_photo, (width, height), flags=cv2.INTER_LINEAR)
    shadow = cv2.GaussianBlur(shadow, (0, 0), 0.8 + 0.01 * metre_px)
    picture *= (1 - 0.42 * (light.sun / 0.72) * shadow)[..., None]


def _add_sprite(
    picture: np.ndarray,
    cover: list[np.ndarray],
    index: int,
    scenery: Scenery,
    actor: Actor,
    sprite: Sprite,
    left: int,
    top: int,
    light: Light,
) -> None:
    height, width = picture.shape[:2]
    window = _window(sprite.alpha.shape, left, top, width, height)
    if window is None:
        return
    rows, columns, own_rows, own_columns = window
    rgb, alpha = sprite.rgb[own_rows, own_columns], sprite.alpha[own_rows, own_columns]
    if light.infrared:
        rgb = rgb * np.float32(min(float(_flash(actor.distance_m)) * 1.15, 1.35))
    else:
        if scenery.place.dapple:
            rgb = rgb * (1 - 0.4 * scenery.place.dapple * scenery.dapples[rows, columns])[..., None]
        fade = light.haze * 1.3 * (1 - np.exp(-actor.distance_m / (120.0 / max(light.haze, 0.02))))
        rgb = rgb * (1 - fade) + 0.8 * fade
    view = picture[rows, columns]
    view[:] = view * (1 - alpha[..., None]) + rgb * alpha[..., None]
    for share in cover:
        share[rows, columns] *= 1 - alpha
    cover[index][rows, columns] += alpha


def _add_glows(
    picture: np.ndarray, cover: list[np.ndarray], glows: list[tuple[int, float, float, float]], rng: np.random.Generator
) -> None:
    """Eyes throw the flash straight back."""
    height, width = picture.shape[:2]
    for index, x, y, radius in glows:
        column, row = round(x), round(y)
        if not (0 <= column < width and 0 <= row < height) or cover[index][row, column] < 0.4:
            continue
        core = float(np.clip(1.1 * radius, 0.9, 3.2))
        reach = int(6 * core) + 2
        y0, y1, x0, x1 = (
            max(row - reach, 0),
            min(row + reach, height),
            max(column - reach, 0),
            min(column + reach, width),
        )
        d2 = (np.arange(x0, x1)[None, :] - x) ** 2 + (np.arange(y0, y1)[:, None] - y) ** 2
        glow = 1.5 * np.exp(-d2 / (2 * core**2)) + 0.22 * np.exp(-d2 / (2 * (2.6 * core) ** 2))
        picture[y0:y1, x0:x1] += (glow * float(rng.uniform(0.75, 1.1)))[..., None].astype(np.float32)


def _expose(picture: np.ndarray, light: Light, rng: np.random.Generator, sky: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    radius = x**2 + (0.75 * y) ** 2
    corners = (1 - 0.72 * np.clip(radius, 0, 1.3) ** 0.9) if light.infrared else (1 - 0.17 * radius)
    picture = picture * (corners * light.exposure)[..., None]
    grain = rng.standard_normal((height, width), dtype=np.float32) * light.noise
    if light.infrared:
        picture = cv2.GaussianBlur(picture, (0, 0), 0.55)
        return np.clip(picture, 0, 1.4) ** 0.88 + grain[..., None]
    colour_grain = rng.standard_normal((height, width, 3), dtype=np.float32) * light.noise * 0.5
    return np.clip(picture, 0, 1.3) ** 0.92 + grain[..., None] + colour_grain


def _measure(
    actor: Actor,
    placed: tuple[Sprite, int, int],
    cover: np.ndarray,
    jolt_px: tuple[float, float],
    width: int,
    height: int,
) -> Drawn:
    sprite, left, top = placed
    seen = sprite.alpha > 0.35
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    x0 = float(np.clip(left + columns[0] + jolt_px[0], 0, width))
    x1 = float(np.clip(left + columns[-1] + 1 + jolt_px[0], 0, width))
    y0 = float(np.clip(top + rows[0] + jolt_px[1], 0, height))
    y1 = float(np.clip(top + rows[-1] + 1 + jolt_px[1], 0, height))
    visible = float(cover.sum()) / max(float(sprite.alpha.sum()), 1.0)
    return Drawn(actor.species.name, Box(round(x0, 1), round(y0, 1), round(x1 - x0, 1), round(y1 - y0, 1)), visible)


def cast_actor(rng: np.random.Generator, scenery: Scenery, species: Species, *, in_view: bool = False) -> Actor:
    """An individual of a species at a free spot where it fits into the picture.

    Args:
        rng: The source of every random number.
        scenery: Where.
        species: Who.
        in_view: Well in view: nearer than usual, and away from the edges.
    """
    place = scenery.place
    individual = vary_individual(rng, species)
    # Small animals trigger the camera only when they are near, large ones from far away, too.
    nearest = max(place.near_m, 2.3 * individual.shoulder_m + 1.0 + (1.3 if species.plan == "bird" else 0.0))
    farthest = min(place.far_m - 0.5, max(nearest + 1.0, 2.2 + 8.5 * individual.shoulder_m))
    aside = 0.8
    if in_view:
        farthest, aside = nearest + IN_VIEW_SHARE * (farthest - nearest), 0.5
    x_m, distance = 0.0, nearest
    for _ in range(30):
        distance = float(rng.uniform(nearest, farthest))
        half = scenery.size_px[0] / 2 * distance / scenery.focal_px
        x_m = float(rng.uniform(-aside, aside)) * max(half - 0.35 * individual.shoulder_m, 0.2 * half)
        if all(
            (x_m - x) ** 2 + (distance - z) ** 2 > (r + 0.5 * individual.shoulder_m) ** 2 for x, z, r in scenery.blocked
        ):
            break
    facing = 0.0 if rng.random() < 0.5 else 180.0
    heading = facing + float(np.clip(rng.normal(0, 28), -75, 75))
    grazing = rng.random() < individual.grazes
    trotting = not grazing and rng.random() < individual.trots
    pose = Pose(
        phase=float(rng.random()),
        stride=float(
            rng.uniform(0.02, 0.1) if grazing else rng.uniform(0.28, 0.42) if trotting else rng.uniform(0.08, 0.24)
        ),
        head_down=float(rng.uniform(0.75, 1.0)) if grazing else float(rng.uniform(0.0, 0.15)),
        head_turn_deg=float(np.clip(rng.normal(0, 18), -50, 50)),
        tail_lift_deg=float(rng.normal(0, 8)),
    )
    return Actor(individual, x_m, distance, heading, pose, int(rng.integers(2**31)))


def move_actor(rng: np.random.Generator, actor: Actor, seconds: float) -> Actor:
    """The same animal some seconds later: a walker has walked, a grazer may have looked up."""
    pose = actor.pose
    walking = pose.head_down < 0.5 and pose.stride > 0.12
    speed = (1.6 * pose.stride * actor.species.shoulder_m) if walking else 0.05 * actor.species.shoulder_m
    step = speed * seconds
    turn = np.radians(actor.heading_deg)
    head_down = pose.head_down
    if not walking and rng.random() < 0.25:
        head_down = 0.05 if head_down > 0.5 else 0.9
    moved = replace(
        pose,
        phase=(pose.phase + step / max(2 * pose.stride * actor.species.shoulder_m, 0.02)) % 1.0,
        head_down=head_down,
        head_turn_deg=float(np.clip(pose.head_turn_deg + rng.normal(0, 12), -50, 50)),
    )
    return replace(
        actor,
        x_m=actor.x_m + step * float(np.cos(turn)),
        pose=moved,
        distance_m=max(actor.distance_m - step * float(np.sin(turn)), 2.2),
        heading_deg=actor.heading_deg + float(rng.normal(0, 5)),
    )


def render_scene(
    rng: np.random.Generator,
    *,
    scenery: Scenery | None = None,
    species: Sequence[Species] | None = None,
    n_animals: int | None = None,
    night: float = 0.4,
    size_px: tuple[int, int] = (640, 480),
) -> tuple[np.ndarray, list[Box], list[str]]:
    """An invented photo for training: its pixels (h, w, 3) RGB uint8, and a box and a species for each animal.

    Args:
        rng: The source of every random number.
        scenery: Drawn anew when not given, which takes most of the time.
        species: The kinds to draw from; by default the known ones and as many invented ones. Never the intruders.
        n_animals: How many; by default none to three.
        night: The share of infrared photos.
        size_px: Width and height when a scenery is drawn.
    """
    if scenery is None:
        scenery = draw_scenery(invent_place(rng), rng, width_px=size_px[0], height_px=size_px[1], oversample=1.5)
    if species is None:
        species = [*KNOWN, *(invent_species(rng, f"invented {i}") for i in range(len(KNOWN)))]
    count = n_animals if n_animals is not None else int(rng.choice([0, 1, 1, 1, 1, 2, 2, 3]))
    hour = float(rng.uniform(20.6, 29.4)) % 24 if rng.random() < night else float(rng.uniform(5.8, 20.2))
    actors = [cast_actor(rng, scenery, species[int(rng.integers(len(species)))]) for _ in range(count)]
    pixels, drawn = compose_photo(scenery, actors, light_at(rng, hour), rng, wind=float(rng.uniform(0, 0.8)))
    seen = [item for item in drawn if item.visible >= LEAST_VISIBLE and item.box.width >= 6 and item.box.height >= 6]
    return pixels, [item.box for item in seen], [item.species for item in seen]


__all__ = [
    "INTRUDERS",
    "KNOWN",
    "PLACES",
    "Actor",
    "Drawn",
    "Place",
    "cast_actor",
    "compose_photo",
    "move_actor",
    "render_scene",
]
