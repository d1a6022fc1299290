"""Lets a detector look at annotated photos, a few at a time: only the classes that it sees are kept."""

from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import PhotoUnreadable
from core.formats.labelled import LabelledPhoto
from core.labels.meeting import meet_photos
from core.photos.reading import find_photos, read_photo
from core.runs.parts import Detector
from core.scenes.agreement import Seen
from core.species import fold_name

BATCH = 8
MOST_MEGAPIXELS = 100.0


def see_photos(
    detector: Detector,
    folder: Path,
    annotated: Sequence[LabelledPhoto],
    *,
    min_confidence: float,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[dict[str, Seen], list[str]]:
    """What a detector sees in the annotated photos of a folder, by their names in the annotations.

    Args:
        detector: Its boxes under ``min_confidence`` do not count, 0 to 1.
        folder: Of the photos.
        annotated: Names are matched by their longest common ending.
        min_confidence: 0 to 1.
        on_progress: Gets how many photos are done, and their total.

    Returns:
        The classes of each photo, and the names of photos that could not be read.

    Raises:
        AnomalureError: If the folder has no photos.
    """
    names = list(find_photos(folder))
    wanted = list(meet_photos(annotated, names, folder=folder).items())
    seen: dict[str, Seen] = {}
    failed: list[str] = []
    for start in range(0, len(wanted), BATCH):
        loaded = []
        for theirs, ours in wanted[start : start + BATCH]:
            try:
                loaded.append((theirs, read_photo(folder, ours, deployment="", max_megapixels=MOST_MEGAPIXELS)))
            except PhotoUnreadable:
                failed.append(theirs)
        for (theirs, _), found in zip(loaded, detector.detect([photo for _, photo in loaded]), strict=True):
            best: dict[str, float] = {}
            for one in found.detections:
                if one.confidence >= min_confidence:
                    name = fold_name(one.detector_class)
                    best[name] = max(best.get(name, 0.0), one.confidence)
            seen[theirs] = best
        on_progress(min(start + BATCH, len(wanted)), len(wanted))
    return seen, failed
