"""Random views of crops, made for a whole batch at once on the device that trains."""

import functools
import math
from dataclasses import dataclass

import torch

from core.settings.training import TrainingSettings
from models.engines.device import send

MEAN, SCALE = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of the channels, 0 to 1, that torchvision's published weights expect."""
GREY = (0.299, 0.587, 0.114)
MOST_STRETCH = 4 / 3
COLOUR_SHARE = 0.8
# At full strength; SimCLR's own values.
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.8, 0.8, 0.8, 0.2
LEAST_BLUR, MOST_BLUR = 0.1, 2.0
"""Standard deviation in pixels of a view of 128 px."""
BLUR_FRAME_PX = 128


@dataclass(frozen=True, kw_only=True)
class Augmenter:
    """Makes random views: cut, mirrored, in other light, grey or blurred.

    The views suit animals. Cuts keep more of a crop than SimCLR's own, which go down to 8%, a mere patch of fur. Hues
    change little, because coat colours tell species apart. Views can be grey, like night photos. Nothing is turned
    upside down. Brightness, contrast, saturation, hue and grey are each a matrix on red, green and blue, so that all of
    them and the network's normalisation take one multiplication per pixel.

    Source of the set of augmentations: Chen et al., ICML 2020, appendix A.
    """

    image_px: int
    smallest_cut: float
    colour_strength: float
    grey_share: float
    blur_share: float

    @classmethod
    def of(cls, settings: TrainingSettings) -> "Augmenter":
        """The views for the settings of a training."""
        return cls(
            image_px=settings.image_px,
            smallest_cut=settings.smallest_cut,
            colour_strength=settings.colour_strength,
            grey_share=settings.grey_share,
            blur_share=settings.blur_share,
        )

    def make_views(self, squares: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """One random view of each square.

        Args:
            squares: uint8, shape ``(n, s, s, 3)``, RGB.
            generator: Always one of the CPU, so that a seed gives the same views on every device.

        Returns:
            Float, normalised as for ImageNet, shape ``(n, 3, image_px, image_px)``.
        """
        pictures = squares.permute(0, 3, 1, 2).to(torch.float32)  # (n, 3, s, s), 0 to 255
        views = self._cut(pictures, generator)
        views = self._blur(views, generator)
        return self._colour(views, generator)

    def _cut(self, pictures: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n = len(pictures)
        draws = torch.rand(n, 5, generator=generator)
        area = self.smallest_cut + (1 - self.smallest_cut) * draws[:, 0]
        stretch = torch.exp((2 * draws[:, 1] - 1) * math.log(MOST_STRETCH)).sqrt()
        wide, tall = (area.sqrt() * stretch).clamp_max(1), (area.sqrt() / stretch).clamp_max(1)  # as shares of the side
        mirror = torch.where(draws[:, 4] < 0.5, -1.0, 1.0)
        # A cut's centre, in the frame from -1 to 1, moves as far as the cut stays inside.
        across, down = (2 * draws[:, 2] - 1) * (1 - wide), (2 * draws[:, 3] - 1) * (1 - tall)
        zero = torch.zeros(n)
        turn = torch.stack([torch.stack([wide * mirror, zero, across], 1), torch.stack([zero, tall, down], 1)], 1)
        grid = torch.nn.functional.affine_grid(
            send(turn, pictures.device), [n, 3, self.image_px, self.image_px], align_corners=False
        )
        return torch.nn.functional.grid_sample(
            pictures, grid, mode="bilinear", padding_mode="border", align_corners=False
        )

    def _blur(self, views: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n = len(views)
        chosen = (torch.rand(n, generator=generator) < self.blur_share).nonzero().flatten()
        widths = LEAST_BLUR + (MOST_BLUR - LEAST_BLUR) * torch.rand(n, generator=generator)
        if not len(chosen):
            return views
        sigma = (widths[chosen] * self.image_px / BLUR_FRAME_PX)[:, None]
        reach = max(1, min(math.ceil(2 * MOST_BLUR * self.image_px / BLUR_FRAME_PX), self.image_px - 1))
        offsets = torch.arange(-reach, reach + 1)[None]
        kernels = torch.exp(-0.5 * (offsets / sigma) ** 2)
        kernels = send((kernels / kernels.sum(1, keepdim=True)).repeat_interleave(3, dim=0), views.device)  # (3m, k)
        chosen = send(chosen, views.device)
        part = views[chosen].reshape(1, -1, *views.shape[2:])  # (1, 3m, px, px)
        groups = part.shape[1]
        part = torch.nn.functional.pad(part, (reach, reach, reach, reach), mode="reflect")
        part = torch.nn.functional.conv2d(part, kernels[:, None, None, :], groups=groups)
        part = torch.nn.functional.conv2d(part, kernels[:, None, :, None], groups=groups)
        views[chosen] = part.reshape(-1, 3, *views.shape[2:])
        return views

    def _colour(self, views: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        n, device = len(views), views.device
        grey, shift, scale = _place_constants(device)
        matrix, lift, flatness = (send(values, device) for values in self._draw_colours(n, generator))
        mean = views.mean(dim=(2, 3)) @ grey / 255  # (n,), of grey
        offset = lift * (flatness * mean)[:, None]  # the matrix on the grey that contrast adds
        # Normalising is one more matrix. Values above white or below black are clipped to white and black.
        matrix = matrix / 255 / scale[None, :, None]
        offset = (offset - shift) / scale
        views = torch.baddbmm(offset[:, :, None], matrix, views.reshape(n, 3, -1))
        black, white = (-shift / scale)[None, :, None], ((1 - shift) / scale)[None, :, None]
        views = torch.minimum(torch.maximum(views, black), white).reshape(n, 3, self.image_px, self.image_px)
        return views.contiguous(memory_format=torch.channels_last)

    def _draw_colours(self, n: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """For each view: a matrix on channels from 0 to 1, what it makes of white, and the contrast lost.

        Their shapes are ``(n, 3, 3)``, ``(n, 3)``, before the change of contrast, and ``(n,)``.
        """
        strength = self.colour_strength
        draws = 2 * torch.rand(n, 4, generator=generator) - 1
        gates = torch.rand(n, 2, generator=generator)
        brightness = 1 + BRIGHTNESS * strength * draws[:, 0]
        contrast = 1 + CONTRAST * strength * draws[:, 1]
        saturation = 1 + SATURATION * strength * draws[:, 2]
        angle = 2 * math.pi * HUE * strength * draws[:, 3]
        plain = gates[:, 0] >= COLOUR_SHARE
        brightness, contrast, saturation = (
            torch.where(plain, 1.0, value) for value in (brightness, contrast, saturation)
        )
        angle = torch.where(plain, 0.0, angle)
        eye = torch.eye(3).expand(n, 3, 3)
        to_grey = torch.tensor(GREY).expand(3, 3)
        saturated = saturation[:, None, None] * eye + (1 - saturation)[:, None, None] * to_grey
        matrix = _turn_hue(angle) @ saturated
        matrix = torch.where((gates[:, 1] < self.grey_share)[:, None, None], to_grey @ matrix, matrix)
        matrix = matrix * brightness[:, None, None]
        return matrix * contrast[:, None, None], matrix.sum(dim=2), 1 - contrast


@functools.cache
def _place_constants(device: torch.device) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """``GREY``, ``MEAN`` and ``SCALE`` on the device of the views."""
    return torch.tensor(GREY, device=device), torch.tensor(MEAN, device=device), torch.tensor(SCALE, device=device)


def _turn_hue(angle: torch.Tensor) -> torch.Tensor:
    """Matrices ``(n, 3, 3)`` that turn colours about the grey axis by angles ``(n,)`` in radians (Rodrigues)."""
    axis = 1 / math.sqrt(3)
    cross = torch.tensor([[0, -axis, axis], [axis, 0, -axis], [-axis, axis, 0]])
    cosine, sine = angle.cos()[:, None, None], angle.sin()[:, None, None]
    return cosine * torch.eye(3) + (1 - cosine) * torch.full((3, 3), 1 / 3) + sine * cross
