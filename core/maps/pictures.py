"""A projection of a run as a picture: its points, its iteration, and its file."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from core.disk.files import write_stream
from core.maps.projection import Projection


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A run's crops on the plane, in the order of ``Exploration.crop_ids``.

    Attributes:
        projection: The projection that it shows.
        points: Shape ``(n, 2)``, float32.
        iteration: The step out of ``iterations``; both are 0 for a projection without steps.
        kl: Kullback-Leibler divergence of a t-SNE, lower is better; NaN for the others.
        is_final: Whether it is finished; if not, later pictures follow.
    """

    projection: Projection
    points: np.ndarray
    iteration: int = 0
    iterations: int = 0
    kl: float = float("nan")
    is_final: bool = True


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture as one npz file, completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    numbers = {name: getattr(picture, name) for name in ("points", "iteration", "iterations", "kl", "is_final")}
    write_stream(path, lambda file: np.savez(file, **numbers), durable=picture.is_final)


def read_picture(path: Path, projection: Projection) -> Picture | None:
    """What ``write_picture`` wrote; None if the file is missing or damaged, so that it is computed again."""
    try:
        with np.load(path, allow_pickle=False) as file:
            points = np.asarray(file["points"], dtype=np.float32)
            if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
                return None
            return Picture(
                projection=projection,
                points=points,
                iteration=int(file["iteration"]),
                iterations=int(file["iterations"]),
                kl=float(file["kl"]),
                is_final=bool(file["is_final"]),
            )
    except Exception:  # a damaged zip raises many kinds of error
        return None
