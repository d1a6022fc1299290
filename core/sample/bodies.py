"""An animal's body in a pose as many small ellipsoids in three dimensions, so that it can be seen from any side."""

from dataclasses import dataclass

import numpy as np

from core.sample.species import Rgb, Species

Point = tuple[float, float, float]  # forward, up, to the animal's right; units of its shoulder height


@dataclass(frozen=True, slots=True)
class Pose:
    """How an animal stands: ``phase`` of its step (0 to 1), ``stride`` in shoulder heights, ``head_down`` 0 to 1."""

    phase: float = 0.0
    stride: float = 0.12
    head_down: float = 0.0
    head_turn_deg: float = 0.0
    tail_lift_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Body:
    """Ellipsoids of a body: ``centres`` (n, 3), ``radii`` (n,), ``flat`` (n,) sideways over upright, RGB (n, 3).

    ``plain`` (n,) is true where no coat pattern belongs; ``eyes`` are the two eyes' places with their radius.
    """

    centres: np.ndarray
    radii: np.ndarray
    flat: np.ndarray
    colours: np.ndarray
    plain: np.ndarray
    eyes: tuple[Point, Point]
    eye_radius: float


class _Clay:
    """Collects the ellipsoids."""

    def __init__(self) -> None:
        self.rows: list[np.ndarray] = []

    def chain(
        self, points: list[Point], radii: list[float], colours: list[Rgb], *, flat: float = 1.0, plain: bool = True
    ) -> None:
        """Ellipsoids close together along a line through ``points``; radii and colours change evenly on the way."""
        line = np.asarray(points, float)
        steps = np.linalg.norm(np.diff(line, axis=0), axis=1)
        places = np.concatenate([[0.0], np.cumsum(steps)])
        gap = max(0.3 * float(np.mean(radii)), 0.006)
        wanted = np.linspace(0.0, places[-1], max(2, int(places[-1] / gap) + 1))
        stops = places if places[-1] > 0 else np.linspace(0, 1e-6, len(points))

        def spread(values: np.ndarray) -> np.ndarray:
            at = np.linspace(stops[0], stops[-1], len(values)) if len(values) != len(stops) else stops
            return np.interp(wanted, at, values)

        row = np.empty((len(wanted), 9))
        for axis in range(3):
            row[:, axis] = spread(line[:, axis])
            row[:, 5 + axis] = spread(np.array([colour[axis] for colour in colours]))
        row[:, 3] = spread(np.asarray(radii, float))
        row[:, 4] = flat
        row[:, 8] = plain
        self.rows.append(row)

    def finish(self, eyes: tuple[Point, Point], eye_radius: float) -> Body:
        rows = np.concatenate(self.rows)
        return Body(
            rows[:, :3], rows[:, 3], rows[:, 4], rows[:, 5:8].astype(np.float32), rows[:, 8] > 0.5, eyes, eye_radius
        )


def build_body(species: Species, pose: Pose) -> Body:
    """The ellipsoids of one animal, feet on the ground at height 0, the middle of its trunk above the origin."""
    return _build_bird(species, pose) if species.plan == "bird" else _build_quadruped(species, pose)


def _turn(length: float, degrees: float, *, aside_deg: float = 0.0) -> np.ndarray:
    """A step of some length, so many degrees above the horizontal, turned sideways."""
    level = length * np.cos(np.radians(degrees))
    aside = np.radians(aside_deg)
    return np.array([level * np.cos(aside), length * np.sin(np.radians(degrees)), level * np.sin(aside)])


def _at(point: np.ndarray) -> Point:
    return (float(point[0]), float(point[1]), float(point[2]))


def _build_quadruped(s: Species, pose: Pose) -> Body:
    clay = _Clay()
    half = s.trunk / 2
    chest_y = 1.0 - s.chest
    rump_y = 1.0 - s.slope - s.rump
    middle_y = (1.0 - s.slope / 2 + s.arch) - s.belly
    lower = pose.head_down
    chest = np.array([half - s.chest * 0.6, chest_y - 0.03 * lower, 0.0])
    rump = np.array([-half + s.rump * 0.75, rump_y, 0.0])

    clay.chain(
        [_at(rump), (-0.18 * s.trunk, (middle_y + rump_y) / 2, 0), (0.08 * s.trunk, middle_y, 0), _at(chest)],
        [s.rump, (s.rump + s.belly) / 2, s.belly, s.chest],
        [s.coat] * 4,
        flat=s.flat,
        plain=False,
    )
    if s.hump:
        clay.chain(
            [(half - s.chest * 1.2, chest_y + s.hump, 0), (half - s.chest * 0.5, chest_y + s.hump * 0.8, 0)],
            [s.chest * 0.85, s.chest * 0.8],
            [s.back] * 2,
            flat=s.flat * 0.8,
            plain=False,
        )
    if s.patch is not None:
        clay.chain(
            [(rump[0] - s.rump * 0.62, rump_y + s.rump * 0.1, 0), (rump[0] - s.rump * 0.55, rump_y - 0.09, 0)],
            [s.rump * 0.5, s.rump * 0.45],
            [s.patch] * 2,
            flat=s.flat,
        )

    _add_legs(clay, s, pose, chest, rump)

    # Tail
    root = rump + np.array([-s.rump * 0.85, s.rump * 0.45, 0.0])
    first = root + _turn(s.tail * 0.5, 180 - (s.tail_deg + pose.tail_lift_deg), aside_deg=0)
    last = first + _turn(s.tail * 0.5, 180 - (s.tail_deg * 0.6 + pose.tail_lift_deg), aside_deg=0)
    last[1] = max(last[1], 0.08)
    wide = s.tail_wide
    clay.chain(
        [_at(root), _at(first), _at(last)],
        [wide * 0.6, wide, wide * 0.45],
        [s.coat, s.coat, s.coat, s.tail_tip, s.tail_tip],
    )

    # Neck: lowered to graze
    base = chest + np.array([s.chest * 0.35, s.chest * 0.25, 0.0])
    reach_down = -np.degrees(np.arcsin(np.clip((base[1] - 0.35 * s.muzzle - s.skull) / max(s.neck, 0.01), 0.0, 0.97)))
    neck_deg = s.neck_deg + (max(reach_down, -62.0) - s.neck_deg) * lower
    aside = pose.head_turn_deg
    tip = base + _turn(s.neck, neck_deg, aside_deg=aside * 0.5)
    clay.chain(
        [_at(base - np.array([s.chest * 0.3, 0, 0])), _at((base + tip) / 2 + np.array([0, -0.01, 0])), _at(tip)],
        [s.neck_base * 1.05, (s.neck_base + s.neck_tip) / 2 * 0.97, s.neck_tip],
        [s.coat] * 3,
        flat=0.85,
        plain=False,
    )
    face_deg = s.face_deg + (-62.0 - s.face_deg) * lower
    eyes = _add_head(clay, s, tip, face_deg, aside)
    return clay.finish(eyes, max(s.skull * 0.14, 0.013))


def _add_legs(clay: _Clay, s: Species, pose: Pose, chest: np.ndarray, rump: np.ndarray) -> None:
    side = s.chest * s.flat * 0.58
    ground = s.leg * 0.9
    # A walk: each foot a quarter of a step after the one before it.
    for right, front, lag in ((1, True, 0.0), (-1, False, 0.25), (-1, True, 0.5), (1, False, 0.75)):
        turn = 2 * np.pi * (pose.phase + lag)
        swing = pose.stride * np.cos(turn)
        lift = max(0.0, np.sin(turn)) * pose.stride * 0.35
        z = right * side
        thin = s.leg
        if front:
            top = np.array([chest[0] + 0.02, chest[1] - s.chest * 0.25, z * 0.85])
            foot = np.array([chest[0] + 0.03 + swing, ground + lift, z])
            knee = top * 0.45 + foot * 0.55 + np.array([0.02 + 0.5 * lift, lift * 0.4, 0.0])
            ankle = top * 0.1 + foot * 0.9 + np.array([-0.012, 0.0, 0.0])
            joints = [top, knee, ankle, foot]
            radii = [thin * s.thigh * 0.85, thin * 1.2, thin * 0.95, thin * 1.15]
        else:
            top = np.array([rump[0] - 0.01, rump[1] - s.rump * 0.15, z * 0.85])
            foot = np.array([rump[0] - s.rump * 0.35 + swing, ground + lift, z])
            height = top[1] - foot[1]
            stifle = top * 0.6 + foot * 0.4 + np.array([0.2 * height, 0.02, 0.0])
            hock = top * 0.28 + foot * 0.72 + np.array([-0.13 * height, lift * 0.5, 0.0])
            joints = [top, stifle, hock, foot]
            radii = [thin * s.thigh * 1.15, thin * s.thigh * 0.72, thin * 1.12, thin * 1.1]
        clay.chain([_at(joint) for joint in joints], radii, [s.coat, s.coat, s.legs, s.legs, s.legs])
        toe = joints[-1] + np.array([thin * (0.4 + s.foot), -0.2 * thin, 0.0])
        toe[1] = max(toe[1], ground * 0.8)
        clay.chain([_at(joints[-1]), _at(toe)], [thin * 1.1, thin * 0.85], [s.legs] * 2)


def _add_head(clay: _Clay, s: Species, tip: np.ndarray, face_deg: float, aside: float) -> tuple[Point, Point]:
    skull = tip + _turn(s.skull * 0.5, face_deg * 0.3, aside_deg=aside)
    nose = skull + _turn(s.muzzle, face_deg, aside_deg=aside)
    bridge = skull + _turn(s.muzzle * 0.5, face_deg * 1.06, aside_deg=aside)
    across = np.array([-np.sin(np.radians(aside)), 0.0, np.cos(np.radians(aside))])
    clay.chain([_at(tip), _at(skull)], [max(s.neck_tip, s.skull * 0.8), s.skull], [s.coat, s.face], flat=0.85)
    clay.chain(
        [_at(skull), _at(bridge), _at(nose)],
        [s.skull * 0.92, (s.skull * 0.45 + s.nose * 0.6), s.nose],
        [s.face, s.face, s.face, s.under],
        flat=0.85,
    )
    clay.chain(
        [_at(nose), _at(nose + _turn(s.nose * 0.5, face_deg, aside_deg=aside))],
        [s.nose * 0.75, s.nose * 0.62],
        [s.snout] * 2,
    )
    crown = skull + _turn(s.skull * 0.72, face_deg + 118, aside_deg=aside)
    for right in (1.0, -1.0):
        root = crown + across * right * s.skull * 0.52
        away = _turn(s.ear, 180 - s.ear_deg, aside_deg=aside)
        spread = across * right * s.ear * (0.45 if s.ear_deg < 60 else 0.2)
        end = root + away + spread
        middle = (root * 0.5 + end * 0.5) + across * right * 0.01
        inner = _at(0.55 * np.asarray(s.face) + 0.45 * np.asarray(s.under))
        clay.chain(
            [_at(root), _at(middle), _at(end)],
            [s.ear_wide * 0.62, s.ear_wide, s.ear_wide * 0.3],
            [s.face, inner, s.coat],
            flat=0.45,
        )
        if s.horns:
            _add_horn(clay, s, crown + across * right * s.skull * 0.3, across * right, aside)
        if s.tusks:
            start = skull + _turn(s.muzzle * 0.8, face_deg - 6, aside_deg=aside) + across * right * s.nose * 0.9
            clay.chain([_at(start), _at(start + np.array([0.035, 0.085, 0.0]))], [0.014, 0.006], [(0.92, 0.9, 0.8)] * 2)
    eye = skull + _turn(s.skull * 0.62, face_deg + 32, aside_deg=aside)
    return _at(eye + across * s.skull * 0.68), _at(eye - across * s.skull * 0.68)


def _add_horn(clay: _Clay, s: Species, root: np.ndarray, out: np.ndarray, aside: float) -> None:
    def step(length: float, degrees: float, outward: float = 0.0) -> np.ndarray:
        return _turn(length, degrees, aside_deg=aside) + out * outward

    if s.horns == "antlers":
        low = root + step(0.16, 105, 0.07)
        mid = low + step(0.18, 118, 0.09)
        top = mid + step(0.16, 75, -0.01)
        clay.chain([_at(p) for p in (root, low, mid, top)], [0.022, 0.018, 0.016, 0.008], [s.horn] * 2)
        for start, length, degrees in ((root + step(0.05, 100, 0.02), 0.13, 30), (low, 0.12, 48), (mid, 0.11, 122)):
            clay.chain([_at(start), _at(start + step(length, degrees, 0.03))], [0.014, 0.006], [s.horn] * 2)
    elif s.horns == "curved":
        points = [root]
        for bend in range(6):
            points.append(points[-1] + step(0.085, 100 + 24 * bend, 0.018))
        clay.chain([_at(p) for p in points], list(np.linspace(0.042, 0.012, len(points))), [s.horn] * 2)
    else:
        clay.chain([_at(root), _at(root + step(0.3, 112, 0.05))], [0.024, 0.007], [s.horn] * 2)


def _build_bird(s: Species, pose: Pose) -> Body:
    clay = _Clay()
    half = s.trunk / 2
    y = 1.0 - s.belly
    chest = np.array([half * 0.7, y + s.belly * 0.1, 0.0])
    back = np.array([-half * 0.75, y - s.belly * 0.1, 0.0])
    clay.chain([_at(back), (0, y, 0), _at(chest)], [s.rump, s.belly, s.chest], [s.coat] * 3, flat=0.8, plain=False)
    wing = s.belly * 0.62
    for right in (1.0, -1.0):
        z = right * s.belly * 0.42
        clay.chain(
            [(half * 0.45, y + 0.03, z), (-half * 0.3, y + 0.02, z), (-half * 1.15, y - 0.04, z * 0.5)],
            [wing * 0.8, wing, wing * 0.4],
            [s.back, s.back, s.tail_tip],
            flat=0.5,
            plain=False,
        )
    end = back + _turn(s.tail, 180 - s.tail_deg)
    clay.chain([_at(back), _at(end)], [s.tail_wide * 1.2, s.tail_wide * 0.6], [s.back, s.tail_tip], flat=0.7)
    for right, lag in ((1.0, 0.0), (-1.0, 0.5)):
        turn = 2 * np.pi * (pose.phase + lag)
        swing, lift = pose.stride * np.cos(turn), max(0.0, np.sin(turn)) * pose.stride * 0.4
        hip = np.array([-0.02, y - s.belly * 0.75, right * s.belly * 0.35])
        foot = np.array([0.0 + swing, s.leg + lift, right * s.belly * 0.35])
        bend = hip * 0.45 + foot * 0.55 + np.array([-0.05, lift * 0.4, 0.0])
        clay.chain([_at(hip), _at(hip * 0.8 + bend * 0.2)], [s.leg * s.thigh * 1.8, s.leg * s.thigh], [s.coat, s.legs])
        clay.chain([_at(hip), _at(bend), _at(foot)], [s.leg * 1.2, s.leg * 1.15, s.leg], [s.legs] * 3)
        clay.chain([_at(foot), _at(foot + np.array([s.leg * s.foot, 0, 0]))], [s.leg, s.leg * 0.8], [s.legs] * 2)
    base = chest + np.array([s.chest * 0.45, s.chest * 0.35, 0.0])
    # The neck is an S; lowered, it hangs in one bow to the ground.
    up = [
        base + np.array([0.25, 0.3, 0]) * s.neck,
        base + np.array([0.08, 0.62, 0]) * s.neck,
        base + np.array([0.2, 0.95, 0]) * s.neck,
    ]
    drop = max(0.1, base[1] - 0.16)
    down = [
        base + np.array([0.34 * s.neck, 0.02 * s.neck, 0]),
        base + np.array([0.5 * s.neck, -0.5 * drop, 0]),
        base + np.array([0.42 * s.neck, -min(drop, 0.95 * s.neck), 0]),
    ]
    bends = [a * (1 - pose.head_down) + b * pose.head_down for a, b in zip(up, down, strict=True)]
    inside = chest - np.array([s.chest * 0.2, 0, 0])
    width = np.linspace(s.neck_base, s.neck_tip, 4)
    clay.chain([_at(p) for p in (inside, base, *bends)], [s.chest * 0.8, *width], [s.coat] * 3, flat=0.95)
    face_deg = s.face_deg + (-100.0 - s.face_deg) * pose.head_down
    skull = bends[-1] + _turn(s.skull * 0.6, face_deg * 0.5, aside_deg=pose.head_turn_deg)
    tip = skull + _turn(s.muzzle, face_deg, aside_deg=pose.head_turn_deg)
    middle = skull + _turn(s.muzzle * 0.55, face_deg * 0.7, aside_deg=pose.head_turn_deg)
    clay.chain([_at(bends[-1]), _at(skull)], [s.neck_tip, s.skull], [s.coat, s.face], flat=0.85)
    clay.chain([_at(skull), _at(middle), _at(tip)], [s.skull * 0.62, s.nose * 1.7, s.nose], [s.face, s.under, s.snout])
    eye = skull + _turn(s.skull * 0.4, 40, aside_deg=pose.head_turn_deg)
    across = np.array([0.0, 0.0, s.skull * 0.75])
    return clay.finish((_at(eye + across), _at(eye - across)), max(0.16 * s.skull, 0.01))
