"""Colours and marks of points that colour-blind people can tell apart, on light and dark pages, for up to 56 groups.

Colour alone separates about eight groups; beyond that each colour is used again with another mark. Vermillion is
reserved for anomalies.
"""

from dataclasses import dataclass
from itertools import pairwise

# After Okabe and Ito (2008), without vermillion; darker on a light page and lighter on a dark one.
COLOURS = (
    ("#0072B2", "#4FA8E0"),  # blue
    ("#E0A21A", "#F0C04C"),  # amber
    ("#009E73", "#2EC4A0"),  # green
    ("#CC79A7", "#E79CC8"),  # pink
    ("#63BDF0", "#A9DDFB"),  # sky
    ("#5B3A1E", "#A9825C"),  # brown
    ("#6A5ACD", "#8C8CF0"),  # violet
    ("#2E3733", "#E4E9E5"),  # ink
)
MARKS = ("circle", "diamond", "square", "triangle", "cross", "x", "down")
ODD = ("#C85200", "#FF9A56")
QUIET = ("#A9B0AB", "#5D6761")
FINE = ("#0072B2", "#6FC1F2")
# From normal to anomalous; the anomalous end stands out on light and dark pages.
RAMP = (
    ((0.0, "#C9D4D6"), (0.45, "#D9A93F"), (0.75, "#C85200"), (1.0, "#7A1E00")),
    ((0.0, "#33474D"), (0.45, "#8A6A1F"), (0.75, "#F08A3C"), (1.0, "#FFE3B8")),
)
# A day from midnight to midnight: dark at night, bright at noon, morning and evening apart.
DAY = (
    ((0.0, "#22305E"), (0.25, "#B26FA0"), (0.5, "#E3B02F"), (0.75, "#C0502E"), (1.0, "#22305E")),
    ((0.0, "#5A70C8"), (0.25, "#D99ACB"), (0.5, "#FFE08A"), (0.75, "#EE7F55"), (1.0, "#5A70C8")),
)


@dataclass(frozen=True)
class Mark:
    """How the points of one group look: a colour for a light page, one for a dark page, and a shape."""

    light: str
    dark: str
    symbol: str = "circle"


def pick_mark(place: int) -> Mark:
    """The colours and shape of the group at index ``place``, from 0: 56 different ones, then they repeat."""
    light, dark = COLOURS[place % len(COLOURS)]
    return Mark(light, dark, MARKS[place // len(COLOURS) % len(MARKS)])


def blend_ramp(steps: int, ramp: tuple[tuple[tuple[float, str], ...], ...] = RAMP) -> list[Mark]:
    """A ramp in ``steps`` even steps, >= 2."""
    at = [k / (steps - 1) for k in range(steps)]
    light, dark = ([_blend(stops, x) for x in at] for stops in ramp)
    return [Mark(one, other) for one, other in zip(light, dark, strict=True)]


def _blend(stops: tuple[tuple[float, str], ...], x: float) -> str:
    for (a, first), (b, second) in pairwise(stops):
        if x <= b:
            share = (x - a) / (b - a)
            parts = zip(_rgb(first), _rgb(second), strict=True)
            return "#" + "".join(f"{round(p + (q - p) * share):02X}" for p, q in parts)
    return stops[-1][1]


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
