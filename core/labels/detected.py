"""Compares a detector's boxes with the labels of a photo: animals as a detector cuts them, and boxes on nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.labels.overlaps import LEAST_HELD, LEAST_IOU, measure_overlaps
from core.records import NOTHING, PERSON, Box, Detection

MOST_IOU, MOST_HELD = 0.1, 0.3
"""A detection shows nothing if it meets no label by more. What lies between is not used: nobody can tell."""


@dataclass(frozen=True)
class DetectedCrops:
    """What a photo's detections and labels give for training.

    Attributes:
        boxes: The boxes that are used, in pixels.
        species: Of each: a species, ``nothing`` or ``person``.
        n_doubtful: Detections that were not used, because it cannot be told what they show.
    """

    boxes: tuple[Box, ...]
    species: tuple[str, ...]
    n_doubtful: int = 0


def compare_with_labels(
    detections: Sequence[Detection], labels: Sequence[tuple[str, Box]], *, is_complete: bool = True
) -> DetectedCrops:
    """Say what each detection shows, and add the labels' own boxes where the detector found nothing.

    A person before or on a larger animal lies in the animal's box, so a detection of a person shows the animal only if
    the two boxes are about the same.

    Args:
        detections: Of one photo, in pixels; the class of people and vehicles is ``person``.
        labels: Every box that somebody drew on the photo, in pixels, and its species; empty: it cannot be used.
        is_complete: Whether every animal of the photo has a label with a box. Otherwise a detection that meets no
            label can be an animal, and shows nothing that is known.
    """
    overlap, held = measure_overlaps([one.box for one in detections], [box for _, box in labels])
    people = [one.detector_class == PERSON for one in detections]
    boxes: list[Box] = []
    species: list[str] = []
    met: set[int] = set()
    n_doubtful = 0
    for i, one in enumerate(detections):
        same = int(overlap[i].argmax()) if labels else -1
        around = int(held[i].argmax()) if labels else -1
        if same >= 0 and overlap[i, same] >= LEAST_IOU:
            met.add(same)
            name = labels[same][0]
        elif around >= 0 and held[i, around] >= LEAST_HELD:
            name = PERSON if people[i] else labels[around][0]
        elif same >= 0 and (overlap[i, same] > MOST_IOU or held[i, around] > MOST_HELD):
            name = ""
        else:
            name = PERSON if people[i] else NOTHING if is_complete else ""
        if name:
            boxes.append(one.box)
            species.append(name)
        else:
            n_doubtful += 1
    missed = [i for i, (name, _) in enumerate(labels) if name and i not in met]
    return DetectedCrops(
        (*boxes, *(labels[i][1] for i in missed)), (*species, *(labels[i][0] for i in missed)), n_doubtful
    )
