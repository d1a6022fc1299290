"""How far a JPEG can be reduced while it is decoded, so that it is still large enough for what looks at it.

The decoder leaves out what makes a picture larger than a half, a quarter or an eighth. Each pixel of the reduced
picture is the mean of a block of the photo's pixels, from the upper left corner on; the last blocks may reach over the
edge.
"""

from collections.abc import Callable

SHRINKS = (8, 4, 2)
"""The sides of a block, largest first; 1 is the whole photo."""

ChooseShrink = Callable[[int, int], int]
"""From width and height of an upright photo to the side of the blocks: 8, 4, 2 or 1."""


def keep_all(width_px: int, height_px: int) -> int:
    """Every pixel."""
    return 1


def reduce_to_longest(longest_px: int) -> ChooseShrink:
    """So far that the longer side does not become shorter than this."""
    return lambda width_px, height_px: choose_largest(lambda shrink: max(width_px, height_px) >= longest_px * shrink)


def reduce_to_width(least_px: int) -> ChooseShrink:
    """So far that the photo does not become narrower than this."""
    return lambda width_px, height_px: choose_largest(lambda shrink: width_px >= least_px * shrink)


def choose_largest(is_enough: Callable[[int], bool]) -> int:
    """The largest block that is small enough, 1 if none is."""
    return next((shrink for shrink in SHRINKS if is_enough(shrink)), 1)


def count_blocks(length_px: int, shrink: int) -> int:
    """Into how many blocks a side is divided; the last may reach over the edge."""
    return -(-length_px // shrink)
