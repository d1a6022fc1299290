"""Warns of runs whose boxes come from the small detector that was made for the drawn sample season."""

from collections.abc import Iterable
from pathlib import Path

from core.disk.parquet import read_parquet

SMALL_DETECTOR = "bundled"
DRAWN_BY = "Anomalure"
"""The make of camera that drawn photos name."""
WARNING = (
    "The boxes come from the small detector that was made for the drawn sample season. On real photos it misses many "
    "animals and boxes much that is none. Run the folder again with another detector: a MegaDetector, which is "
    "downloaded once (python cli.py models list), a model of your own, or a file of MegaDetector's boxes."
)


def warn_of_detector(detector: str, photos: Iterable[Path]) -> list[str]:
    """What to say about a run's detector: nothing, or one sentence.

    Args:
        detector: The name of the detector.
        photos: The Parquet files ``photos`` of the run; the first that names a camera is enough.
    """
    if detector != SMALL_DETECTOR:
        return []
    for path in photos:
        makes = read_parquet(path, columns=["camera_make"])["camera_make"].unique().to_pylist()
        if makes:
            return [] if makes == [DRAWN_BY] else [WARNING]
    return []
