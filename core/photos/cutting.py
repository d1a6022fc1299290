"""Cuts crops out of a photo, each at the resolution that it needs: from its reduced picture, or from a larger one."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.photos.crops import find_cut
from core.photos.decoding import decode_photo
from core.photos.reduction import choose_largest, count_blocks
from core.records import Box, LoadedPhoto

PIXELS_PER_INPUT = 1.5
"""A crop of a reduced photo has at least so many pixels to one of the encoder's input, each way. With fewer, embeddings
of real photos are others."""


@dataclass(frozen=True, slots=True)
class Needed:
    """The sizes in pixels for which photos are decoded.

    ``photo_px`` is the longer side of a photo, as a detector sees it. Crops are kept large enough for an encoder with
    inputs of ``input_px``, and for pictures whose longer side is ``saved_px``.
    """

    input_px: int
    saved_px: int
    photo_px: int = 640


@dataclass(frozen=True, slots=True)
class Part:
    """What was cut out: a view, uint8, ``(height, width, 3)``, and its size in pixels of the photo."""

    pixels: np.ndarray
    size_hw: tuple[int, int]


def cut_parts(
    photo: LoadedPhoto,
    boxes: Sequence[Box],
    *,
    margins: Sequence[float],
    input_px: int,
    saved_px: int,
    max_megapixels: float,
) -> list[Part]:
    """Each box with its surroundings, in no more pixels than are needed.

    A reduced photo is decoded again, once, if a box needs it larger. What does not is cut from the picture that is
    there, so that it looks the same whatever else is in the photo.

    Args:
        photo: Reduced or not.
        boxes: In pixels of the photo.
        margins: For each box, as for ``core.photos.crops.cut_crop``.
        input_px: Side of the encoder's input, for which each crop is kept large enough.
        saved_px: The longer side is not reduced to less than this, for the picture for the pages.
        max_megapixels: As when the photo was read.

    Returns:
        Views: copy them to keep them.

    Raises:
        PhotoUnreadable: If the larger picture does not fit into the memory.
        ValueError: If a box is not finite, has a negative size, or lies outside the photo.
    """
    width, height = photo.photo.width_px, photo.photo.height_px
    cuts = [
        find_cut(box, margin=margin, width=width, height=height) for box, margin in zip(boxes, margins, strict=True)
    ]
    needed = [find_needed(cut, most=photo.shrink, input_px=input_px, saved_px=saved_px) for cut in cuts]
    pixels, shrink = photo.pixels, photo.shrink
    finest = min(needed, default=shrink)
    if finest < shrink:
        decoded = decode_photo(photo.content, max_megapixels=max_megapixels, choose_shrink=lambda *size: finest)
        pixels, shrink = decoded.pixels, decoded.shrink
    return [
        _cut(photo.pixels, photo.shrink, cut) if most == photo.shrink else _cut(pixels, shrink, cut)
        for cut, most in zip(cuts, needed, strict=True)
    ]


def find_needed(cut: tuple[int, int, int, int], *, most: int, input_px: int, saved_px: int) -> int:
    """How far a photo may be reduced, at most ``most``, so that what is cut out at ``cut`` is still large enough.

    ``cut`` is left, top, right and bottom in pixels of the photo; the others are those of ``cut_parts``.
    """
    left, top, right, bottom = cut
    short, long = sorted((right - left, bottom - top))
    least = input_px * PIXELS_PER_INPUT
    return min(choose_largest(lambda shrink: short >= shrink * least and long >= shrink * saved_px), most)


def _cut(pixels: np.ndarray, shrink: int, cut: tuple[int, int, int, int]) -> Part:
    left, top, right, bottom = cut
    rows, columns = (slice(low // shrink, count_blocks(high, shrink)) for low, high in ((top, bottom), (left, right)))
    return Part(pixels[rows, columns], (bottom - top, right - left))
