"""The heat-map model: for a photo, where it is odd, and how likely each part of it belongs to the odd square."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from core.disk.bounded import MEGA, read_bounded
from core.disk.files import write_whole
from core.errors import AnomalureError
from core.settings.localize import LocalizeSettings
from core.squares.square import Square
from models.judging.calibration import compute_p_values
from models.localize.edges import EdgeNet, judge_sides
from models.localize.photos import Scaled, scale_photo
from models.localize.places import PlaceNet, Places, describe_places, list_radii, search_places, spread, sum_sides

FACTS, WEIGHTS = "model.json", "model.safetensors"
FORMAT = "anomalure-localize-2"
_NORMAL = "normal_scores"
_MOST_BYTES = 50 * MEGA


class HeatMapNet(nn.Module):
    """The two small networks together."""

    def __init__(self) -> None:
        super().__init__()
        self.edges = EdgeNet()
        self.places = PlaceNet()

    def describe(
        self, image: np.ndarray, radii: Sequence[int] | None = None, squares: Sequence[Square] = ()
    ) -> tuple[Places, torch.Tensor]:
        """The likely squares of an RGB image ``(height, width, 3)``, and their features for ``places``.

        Args:
            image: uint8, both sides multiples of ``CELL_PX``.
            radii: To look for; None: all.
            squares: To be among them, whether they are likely or not.
        """
        sums = sum_sides(judge_sides(self.edges, image))
        places = search_places(sums, radii or list_radii(*image.shape[:2])).join(squares)
        return places, describe_places(sums, places)

    def score(self, image: np.ndarray) -> tuple[Places, np.ndarray]:
        """The likely squares of an image, and how clearly each stands out, ``(n,)``."""
        with torch.inference_mode():
            places, features = self.describe(image)
            return places, self.places(features).double().numpy()


@dataclass(frozen=True)
class Found:
    """Where a photo is odd.

    Attributes:
        row: Of the centre, in pixels of the photo.
        column: Likewise.
        r: Half the side of the square.
        score: How clearly it stands out; higher is more anomalous.
        p_value: The share of normal photos in which something stands out as much; NaN without normal photos.
        heat: For each cell of 8 pixels of the scaled photo how likely it belongs to the odd square, 0 to 1, ``(h, w)``.
    """

    row: float
    column: float
    r: float
    score: float
    p_value: float
    heat: np.ndarray


@dataclass(frozen=True, eq=False)
class HeatMapModel:
    """A trained network with its settings, and the scores of normal photos, ascending (none if all had squares)."""

    net: HeatMapNet
    settings: LocalizeSettings
    normal_scores: np.ndarray
    n_photos: int = 0

    def look(self, pixels: np.ndarray) -> Found:
        """Where a photo is odd. There is always a most odd place; ``p_value`` says whether it is worth a look.

        Args:
            pixels: RGB, uint8, shape ``(height, width, 3)``.

        Raises:
            PhotoUnreadable: If the photo is too small.
        """
        return self.look_at(scale_photo(pixels))

    def look_at(self, scaled: Scaled) -> Found:
        """The same for a photo that is scaled already."""
        return self.find(*self.net.score(scaled.pixels), scaled)

    def find(self, places: Places, scores: np.ndarray, scaled: Scaled) -> Found:
        """The place with the highest score."""
        height, width = scaled.pixels.shape[:2]
        best = int(scores.argmax())
        top, left, r = (float(one[best]) for one in (places.top, places.left, places.r))
        shares = np.exp(scores - scores[best])
        p_value = float("nan")
        if len(self.normal_scores):
            p_value = float(compute_p_values(scores[best : best + 1], reference=self.normal_scores)[0])
        heat = spread(shares / shares.sum(), places, height, width).clip(0, 1)
        scale = scaled.scale
        return Found((top + r) * scale, (left + r) * scale, r * scale, float(scores[best]), p_value, heat)

    def save(self, folder: Path) -> None:
        """Write it to an existing folder, without pickle; the facts come last, so that a part is no model."""
        tensors = {name: tensor.detach().contiguous() for name, tensor in self.net.state_dict().items()}
        tensors[_NORMAL] = torch.from_numpy(np.array(self.normal_scores, np.float64))
        write_whole(folder / WEIGHTS, safetensors.torch.save(tensors))
        facts = {"format": FORMAT, "settings": self.settings.to_values(), "n_photos": self.n_photos}
        write_whole(folder / FACTS, json.dumps(facts, indent=1).encode())

    @classmethod
    def load(cls, folder: Path) -> "HeatMapModel":
        """The model that ``save`` wrote. No code from its files is run.

        Raises:
            AnomalureError: If there is none, or it is damaged or of something else.
        """
        try:
            facts = json.loads(read_bounded(folder / FACTS, most_bytes=MEGA))
            if facts["format"] != FORMAT:
                raise ValueError(f"it has the format {facts['format']!r}, and this version knows {FORMAT!r}.")
            tensors = safetensors.torch.load(read_bounded(folder / WEIGHTS, most_bytes=_MOST_BYTES))
            normal = tensors.pop(_NORMAL).numpy()
            net = HeatMapNet()
            net.load_state_dict(tensors)
            if normal.ndim != 1 or not all(
                np.isfinite(one.numpy()).all() for one in (*tensors.values(), torch.from_numpy(normal))
            ):
                raise ValueError("it holds something other than finite numbers.")
            settings = LocalizeSettings.from_values(facts["settings"])
            return cls(net.eval(), settings, np.sort(normal), int(facts["n_photos"]))
        except FileNotFoundError as error:
            raise AnomalureError(f"There is no heat-map model in {folder}. Train one first.") from error
        except (
            OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError, AnomalureError,
        ) as error:  # fmt: skip
            raise AnomalureError(
                f"The heat-map model in {folder} cannot be used: {error} Train it again, or choose another one."
            ) from error
