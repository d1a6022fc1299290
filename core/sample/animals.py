"""Draw one animal as the camera sees it: outline, light on its rounded body, fur, eyes."""

from dataclasses import dataclass

import cv2
import numpy as np

from core.sample.bodies import Body, Pose, build_body
from core.sample.light import Light
from core.sample.noise import draw_noise, draw_streaks
from core.sample.species import Species

LARGEST_UNIT_PX = 300.0  # shoulder height while drawing; a nearer animal is enlarged afterwards
SMALLEST_UNIT_PX = 90.0
FUR_ANGLE_DEG = 155.0


@dataclass(frozen=True, slots=True)
class Sprite:
    """An animal cut out.

    ``rgb`` float32 (h, w, 3) from 0 to 1, not premultiplied; ``alpha`` float32 (h, w) from 0 to 1;
    ``foot_px`` the place (x, y) in the sprite of the ground under the middle of its trunk;
    ``eyes_px`` the eyes that face the camera as (x, y, radius).
    """

    rgb: np.ndarray
    alpha: np.ndarray
    foot_px: tuple[float, float]
    eyes_px: tuple[tuple[float, float, float], ...]


def draw_animal(
    rng: np.random.Generator, species: Species, pose: Pose, *, heading_deg: float, unit_px: float, light: Light
) -> Sprite:
    """Draw one animal.

    Args:
        rng: For its fur and its marks.
        species: Its proportions and coat.
        pose: How it stands.
        heading_deg: Where it looks: 0 to the right, 90 towards the camera, 180 to the left.
        unit_px: Its shoulder height in pixels.
        light: Sun and sky, or the flash.
    """
    body = build_body(species, pose)
    drawn_px = float(np.clip(2.0 * unit_px, SMALLEST_UNIT_PX, LARGEST_UNIT_PX))
    turn = np.radians(heading_deg)
    forward, up, right = body.centres.T
    view = np.stack(
        [forward * np.cos(turn) + right * np.sin(turn), up, forward * np.sin(turn) - right * np.cos(turn)], axis=1
    )
    # Half axes across and into the picture of an ellipsoid that is narrower sideways than it is high.
    across = body.radii * np.hypot(np.cos(turn), body.flat * np.sin(turn))
    into = body.radii * np.hypot(np.sin(turn), body.flat * np.cos(turn))

    margin = 0.06 + max(species.quills, species.mane)
    left = float((view[:, 0] - across).min()) - margin
    high = float((view[:, 1] + body.radii).max()) + margin
    width = int(np.ceil((float((view[:, 0] + across).max()) + margin - left) * drawn_px))
    height = int(np.ceil((high - min(0.0, float((view[:, 1] - body.radii).min())) + 0.04) * drawn_px))

    def place(x: float, y: float) -> tuple[float, float]:
        return (x - left) * drawn_px, (high - y) * drawn_px

    depth, owner = _splat(view, across, into, body, width, height, left, high, drawn_px)
    mask = owner >= 0
    rgb = _paint(rng, species, body, view, owner, left, high, drawn_px, float(np.cos(turn)))
    normals, hollow = _feel(depth, mask, drawn_px)
    if light.infrared:
        grey = rgb @ np.array([0.45, 0.4, 0.15], np.float32)
        grey = np.clip(0.2 + species.infrared + 0.72 * grey, 0.03, 1.0)
        rgb = np.repeat(grey[..., None], 3, axis=2)
    streaks = draw_streaks(
        rng,
        height,
        width,
        length_px=0.07 * drawn_px,
        angle_deg=FUR_ANGLE_DEG if np.cos(turn) > 0 else 180 - FUR_ANGLE_DEG,
    )
    clumps = draw_noise(rng, height, width, cells=max(4.0, 9.0 * width / drawn_px), octaves=3)
    fur = 1.0 + species.fur * (streaks * 0.8 + (clumps - 0.5))
    rgb = rgb * fur[..., None]
    alpha = mask.astype(np.float32)
    lit = _shade(rgb, normals, hollow, light)
    if species.quills or species.mane:
        lit, alpha = _bristle(rng, species, view, lit, alpha, place, drawn_px, float(np.cos(turn)), light)
    lit, alpha = _ruffle(rng, lit, alpha, species.shag * drawn_px)
    eyes = _find_eyes(body, depth, mask, place, turn, drawn_px, left, high)
    if not light.infrared:
        for x, y, radius in eyes:
            spot = (round(x * 8), round(y * 8))
            cv2.circle(lit, spot, max(4, round(radius * 8)), (0.03, 0.025, 0.02), -1, cv2.LINE_AA, 3)
            glint = (round((x + 0.3 * radius) * 8), round((y - 0.35 * radius) * 8))
            cv2.circle(lit, glint, max(2, round(radius * 2.4)), (0.75, 0.78, 0.8), -1, cv2.LINE_AA, 3)

    scale = unit_px / drawn_px
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small_alpha = cv2.resize(alpha, size, interpolation=way)
    small = cv2.resize(lit * alpha[..., None], size, interpolation=way) / np.maximum(small_alpha, 1e-3)[..., None]
    foot_x, foot_y = place(0.0, 0.0)
    return Sprite(
        np.clip(small, 0.0, 1.0).astype(np.float32),
        np.clip(small_alpha, 0.0, 1.0),
        (foot_x * scale, foot_y * scale),
        tuple((x * scale, y * scale, max(radius * scale, 0.5)) for x, y, radius in eyes),
    )


def _splat(
    view: np.ndarray,
    across: np.ndarray,
    into: np.ndarray,
    body: Body,
    width: int,
    height: int,
    left: float,
    high: float,
    unit_px: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Height towards the camera and the number of the nearest ellipsoid (-1: none) at each pixel."""
    depth = np.full((height, width), -1e3, np.float32)
    owner = np.full((height, width), -1, np.int32)
    columns = (np.arange(width, dtype=np.float32) + 0.5) / unit_px + left
    rows = high - (np.arange(height, dtype=np.float32) + 0.5) / unit_px
    for index in range(len(view)):
        x, y, z = view[index]
        wide, tall = across[index], body.radii[index]
        x0, x1 = int((x - wide - left) * unit_px), int((x + wide - left) * unit_px) + 2
        y0, y1 = int((high - y - tall) * unit_px), int((high - y + tall) * unit_px) + 2
        x0, y0 = max(x0, 0), max(y0, 0)
        dx = ((columns[x0:x1] - np.float32(x)) / np.float32(wide)) ** 2
        dy = ((rows[y0:y1] - np.float32(y)) / np.float32(tall)) ** 2
        inside = 1.0 - dx[None, :] - dy[:, None]
        front = np.float32(z) + np.float32(into[index]) * np.sqrt(np.maximum(inside, 0.0))
        window = depth[y0:y1, x0:x1]
        nearer = (inside > 0) & (front > window)
        window[nearer] = front[nearer]
        owner[y0:y1, x0:x1][nearer] = index
    return depth, owner


def _soften(values: np.ndarray, mask: np.ndarray, sigma_px: float) -> np.ndarray:
    """A blur that looks at the animal only."""
    weight = mask.astype(np.float32)
    blurred = cv2.GaussianBlur(values * (weight[..., None] if values.ndim == 3 else weight), (0, 0), sigma_px)
    share = np.maximum(cv2.GaussianBlur(weight, (0, 0), sigma_px), 1e-4)
    return blurred / (share[..., None] if values.ndim == 3 else share)


def _paint(
    rng: np.random.Generator,
    species: Species,
    body: Body,
    view: np.ndarray,
    owner: np.ndarray,
    left: float,
    high: float,
    unit_px: float,
    facing: float,
) -> np.ndarray:
    """Colours of the coat before any light falls on it."""
    height, width = owner.shape
    mask = owner >= 0
    rgb = body.colours[np.maximum(owner, 0)].astype(np.float32)
    coat_part = mask & ~body.plain[np.maximum(owner, 0)]
    # How high on its own ellipsoid a pixel lies: dark backs, light bellies.
    centre = view[np.maximum(owner, 0), 1].astype(np.float32)
    radius = body.radii[np.maximum(owner, 0)].astype(np.float32)
    y = high - (np.arange(height, dtype=np.float32)[:, None] + 0.5) / unit_px
    level = np.clip((y - centre) / radius, -1.0, 1.0)
    level = level + 0.25 * (draw_noise(rng, height, width, cells=14, octaves=3) - 0.5)
    to_back = np.clip((level - 0.25) / 0.45, 0.0, 1.0)[..., None]
    to_belly = np.clip((-level - 0.35) / 0.4, 0.0, 1.0)[..., None]
    coat = rgb * (1 - to_back) + np.array(species.back, np.float32) * to_back
    coat = coat * (1 - to_belly) + np.array(species.under, np.float32) * to_belly
    rgb = np.where(coat_part[..., None], coat, rgb)
    if species.pattern:
        shown = _draw_marks(rng, species, height, width, unit_px) * coat_part
        shown = cv2.GaussianBlur(shown.astype(np.float32), (0, 0), 0.008 * unit_px)[..., None]
        rgb = rgb * (1 - shown) + np.array(species.marks, np.float32) * shown
    return _soften(rgb, mask, 0.018 * unit_px)


def _draw_marks(rng: np.random.Generator, species: Species, height: int, width: int, unit_px: float) -> np.ndarray:
    size_px = species.marks_size * unit_px
    noise = draw_noise(rng, height, width, cells=max(2.0, width / max(size_px, 4.0)), octaves=2)
    if species.pattern == "patches":
        return noise > 0.55
    if species.pattern == "stripes":
        x = np.arange(width, dtype=np.float32)[None, :]
        return np.sin(2 * np.pi * x / max(0.6 * size_px, 5.0) + 5.0 * noise) > 0.25
    step = max(0.5 * size_px, 5.0)
    marks = np.zeros((height, width), np.uint8)
    for row, y in enumerate(np.arange(0, height, step)):
        for x in np.arange(0, width, step) + (row % 2) * step / 2:
            dx, dy, size = rng.uniform(-0.2, 0.2) * step, rng.uniform(-0.2, 0.2) * step, rng.uniform(0.18, 0.32) * step
            cv2.circle(marks, (round(x + dx), round(y + dy)), max(1, round(size)), 1, -1)
    return marks > 0


def _feel(depth: np.ndarray, mask: np.ndarray, unit_px: float) -> tuple[np.ndarray, np.ndarray]:
    """Directions of the surface (h, w, 3: right, up, to the camera) and how deep in the body's own shade it lies."""
    flat = np.where(mask, depth, 0.0).astype(np.float32)
    smooth = _soften(flat, mask, 0.022 * unit_px)
    slope_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=unit_px / 8)
    slope_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=unit_px / 8)
    normals = np.stack([-slope_x, slope_y, np.ones_like(smooth)], axis=2)
    normals /= np.linalg.norm(normals, axis=2, keepdims=True)
    hollow = np.clip((_soften(flat, mask, 0.09 * unit_px) - smooth) * 3.5, 0.0, 0.6)
    return normals, hollow


def _shade(rgb: np.ndarray, normals: np.ndarray, hollow: np.ndarray, light: Light) -> np.ndarray:
    if light.infrared:
        # The flash sits beside the lens: what faces the camera is bright, what turns away is dark.
        strength = 0.3 + 0.85 * np.clip(normals[..., 2], 0.0, 1.0) ** 1.2
        return (rgb * (strength * (1.0 - 0.5 * hollow))[..., None]).astype(np.float32)
    sun = np.clip(normals @ np.asarray(light.sun_xyz, np.float32), 0.0, 1.0)
    sky = 0.5 + 0.5 * normals[..., 1]
    ambient = (light.ambient * (0.55 + 0.6 * sky) * (1.0 - hollow))[..., None] * np.asarray(light.sky_rgb, np.float32)
    direct = (light.sun * sun * (1.0 - 0.6 * hollow))[..., None] * np.asarray(light.sun_rgb, np.float32)
    return np.clip(rgb * (ambient + direct), 0.0, 1.0).astype(np.float32)


def _bristle(rng, species, view, lit, alpha, place, unit_px, facing, light):  # type: ignore[no-untyped-def]
    """Quills over the back half, or a crest of stiff hair along the spine."""
    lit, alpha = np.ascontiguousarray(lit), np.ascontiguousarray(alpha)
    rear = species.trunk / 2
    backwards = -1.0 if facing >= 0 else 1.0
    count = 420 if species.quills else 170
    for _ in range(count):
        t = float(rng.uniform(-1.0, 0.75))
        if species.quills:
            length = species.quills * float(rng.uniform(0.45, 1.0)) * (0.55 + 0.45 * (1 - (t + 1) / 1.75))
            rise = float(rng.uniform(-0.75, 1.0))
            radius = species.belly * (1.0 - 0.35 * t * t)
            y = 1.0 - species.belly + species.arch * (1 - t * t) + rise * radius * 0.85
            lean = float(rng.normal(38 if rise > 0 else 10, 13)) - 10 * t
        else:
            length = species.mane * float(rng.uniform(0.6, 1.3))
            y = 1.0 + species.arch * (1 - t * t) - species.slope * (0.5 - t / 2) + species.hump * max(t, 0) - 0.015
            lean = float(rng.normal(48, 14))
        x = t * rear * abs(facing) * (1 if facing >= 0 else -1) * 0.9
        start = place(x, y)
        end = place(
            x + backwards * length * np.cos(np.radians(lean)) * max(abs(facing), 0.4),
            y + length * np.sin(np.radians(lean)),
        )
        column, row = int(start[0]), int(start[1])
        if not (0 <= row < alpha.shape[0] and 0 <= column < alpha.shape[1]) or alpha[row, column] < 0.5:
            continue
        thick = max(1, round((0.014 if species.quills else 0.01) * unit_px))
        bright = 0.55 + 0.5 * float(rng.random())
        colours = [species.back, species.tail_tip, species.back, species.tail_tip] if species.quills else [species.back]
        for part, colour in enumerate(colours):
            low, top = part / len(colours), (part + 1) / len(colours)
            a = tuple(round(8 * (s + (e - s) * low)) for s, e in zip(start, end, strict=True))
            b = tuple(round(8 * (s + (e - s) * top)) for s, e in zip(start, end, strict=True))
            shade = bright * (light.ambient + 0.5 * light.sun if not light.infrared else 0.9)
            value = tuple(float(np.clip(c * shade, 0, 1)) for c in colour)
            if light.infrared:
                value = (sum(value) / 3 + 0.04,) * 3
            cv2.line(lit, a, b, value, thick, cv2.LINE_AA, 3)
            cv2.line(alpha, a, b, 1.0, thick, cv2.LINE_AA, 3)
    return lit, alpha


def _ruffle(rng: np.random.Generator, rgb: np.ndarray, alpha: np.ndarray, reach_px: float) -> tuple:
    """Break the outline: fur is not cut with scissors."""
    height, width = alpha.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    cells = max(4.0, width / 5.0)
    dx = (draw_noise(rng, height, width, cells=cells, octaves=2) - 0.5) * 2 * reach_px
    dy = (draw_noise(rng, height, width, cells=cells, octaves=2) - 0.5) * 2 * reach_px
    moved = cv2.remap(rgb, x + dx, y + dy, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    outline = cv2.remap(alpha, x + dx, y + dy, cv2.INTER_LINEAR)
    return moved, outline


def _find_eyes(body, depth, mask, place, turn, unit_px, left, high):  # type: ignore[no-untyped-def]
    """The eyes that are not hidden behind the head: (x, y, radius) in pixels of the large drawing."""
    seen = []
    for forward, up, right in body.eyes:
        x = forward * np.cos(turn) + right * np.sin(turn)
        z = forward * np.sin(turn) - right * np.cos(turn)
        column, row = place(x, up)
        i, j = int(row), int(column)
        if (
            0 <= i < mask.shape[0]
            and 0 <= j < mask.shape[1]
            and mask[i, j]
            and z > depth[i, j] - 0.55 * body.eye_radius * 3
        ):
            seen.append((column, row, body.eye_radius * unit_px))
    return tuple(seen)
