"""The methods that find a square, by name; without torch, for the words of the command line."""

from dataclasses import dataclass

HEAT_MAP, CONSTANT = "heat_map", "constant"


@dataclass(frozen=True)
class Published:
    """One of the five: where it gets the numbers r and ratio (empty: nowhere), and how fast it learns."""

    label: str
    numbers: str
    rate: float


NETWORKS = {
    "image": Published("image only", "", 1e-3),
    "image_slow": Published("image only, slow", "", 1e-4),
    "numbers_early": Published("r and ratio before the dense layers", "early", 1e-3),
    "numbers_late": Published("r and ratio before the last layer", "late", 1e-3),
    "numbers_layer": Published("r and ratio through a layer of their own", "layer", 1e-3),
}
METHODS = (HEAT_MAP, *NETWORKS, CONSTANT)
