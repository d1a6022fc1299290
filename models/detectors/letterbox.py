"""Fits a photo onto the canvas of a detector, and converts the boxes back.

It computes the same as Ultralytics' LetterBox and scale_boxes, so that a detector gets the input it was trained on.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from core.records import Box, LoadedPhoto

GREY = 114


@dataclass(frozen=True, slots=True)
class Letterbox:
    """Where a photo of ``photo_hw`` pixels lies on a canvas of ``canvas_hw`` pixels: resized and centred.

    Blocks of a reduced photo may reach over its edges. Then ``covered_hw``, in pixels of the photo, is a little more.
    """

    photo_hw: tuple[int, int]
    canvas_hw: tuple[int, int]
    covered_hw: tuple[int, int] = (0, 0)

    def __post_init__(self) -> None:
        if self.covered_hw == (0, 0):
            object.__setattr__(self, "covered_hw", self.photo_hw)

    @classmethod
    def place(cls, photo: LoadedPhoto, canvas_hw: tuple[int, int]) -> "Letterbox":
        """Where a photo, reduced or not, lies on a canvas."""
        height, width = photo.pixels.shape[:2]
        return cls(
            (photo.photo.height_px, photo.photo.width_px), canvas_hw, (height * photo.shrink, width * photo.shrink)
        )

    @property
    def resized_hw(self) -> tuple[int, int]:
        """Size of the photo on the canvas."""
        gain = min(self.canvas_hw[0] / self.covered_hw[0], self.canvas_hw[1] / self.covered_hw[1])
        return max(round(self.covered_hw[0] * gain), 1), max(round(self.covered_hw[1] * gain), 1)

    @property
    def top_left(self) -> tuple[int, int]:
        """First row and column of the photo on the canvas."""
        height, width = self.resized_hw
        # The 0.1 rounds half pixels of odd borders as Ultralytics does.
        return round((self.canvas_hw[0] - height) / 2 - 0.1), round((self.canvas_hw[1] - width) / 2 - 0.1)

    def draw(self, pixels: np.ndarray, canvas: np.ndarray) -> None:
        """Put the photo, reduced or not, uint8 ``(h, w, 3)``, on a canvas ``(*canvas_hw, 3)``; around it is grey."""
        (height, width), (top, left) = self.resized_hw, self.top_left
        canvas[:top] = GREY
        canvas[top + height :] = GREY
        canvas[:, :left] = GREY
        canvas[:, left + width :] = GREY
        place = canvas[top : top + height, left : left + width]
        if (height, width) == pixels.shape[:2]:
            place[...] = pixels
        else:
            cv2.resize(pixels, (width, height), dst=place, interpolation=cv2.INTER_LINEAR)

    def box_on_photo(self, corners: np.ndarray) -> Box:
        """Convert canvas corners x1, y1, x2, y2 to a box in pixels of the photo, inside it, at least one pixel wide."""
        (height, width), (top, left) = self.resized_hw, self.top_left
        photo_height, photo_width = self.photo_hw
        down, across = self.covered_hw[0] / height, self.covered_hw[1] / width
        x1, x2 = (_clip((x - left) * across, photo_width) for x in (float(corners[0]), float(corners[2])))
        y1, y2 = (_clip((y - top) * down, photo_height) for y in (float(corners[1]), float(corners[3])))
        x, y = min(x1, photo_width - 1), min(y1, photo_height - 1)
        return Box(x=x, y=y, width=max(x2 - x, 1.0), height=max(y2 - y, 1.0))


def fit_canvas(photo_hw: tuple[int, int], *, image_px: int, stride: int) -> tuple[int, int]:
    """The smallest canvas, a multiple of the stride, for a photo whose longer side becomes ``image_px``."""
    height, width = Letterbox(photo_hw, (image_px, image_px)).resized_hw
    return math.ceil(height / stride) * stride, math.ceil(width / stride) * stride


def _clip(value: float, high: int) -> float:
    return min(max(value, 0.0), float(high))
