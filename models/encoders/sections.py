"""The sections of an embedding: what each part of it is, and how much it counts."""

from collections.abc import Sequence
from typing import NamedTuple

from models.encoders.spec import LITE2, EncoderSpec


class Section(NamedTuple):
    """A part of an embedding that is normalised on its own; ``weight`` is its share of the distance, > 0."""

    name: str
    weight: float = 1.0


FEATURES, CLASSES, MIDDLE, DETECTOR = "features", "classes", "middle", "detector"
LITE2_SECTIONS = (Section(FEATURES), Section(CLASSES, 0.7), Section(MIDDLE, 0.5))
"""Chosen by the mean and the worst over each species unknown in turn (docs/decisions/0012)."""
DETECTOR_SECTIONS = (Section(DETECTOR, 0.5),)
"""With equal weights, features of a detector were measured to help with one unknown species and to harm with others
(docs/decisions/0006)."""


def list_sections(specs: Sequence[EncoderSpec]) -> tuple[Section, ...]:
    """The sections of the encoders' joined embedding, in order."""
    sections: list[Section] = []
    for spec in specs:
        if spec.detector:
            sections += DETECTOR_SECTIONS
        else:
            sections += LITE2_SECTIONS if spec.backbone == LITE2 else (Section(FEATURES),)
    return tuple(sections)


def weigh_sections(specs: Sequence[EncoderSpec], lengths: Sequence[int]) -> tuple[float, ...]:
    """The weight of each section of an embedding; empty: all the same.

    Args:
        specs: The encoders.
        lengths: Of the sections, as the encoder gives them. If they are not those of ``specs``, the result is empty.
    """
    weights = tuple(section.weight for section in list_sections(specs))
    if len(weights) != len(lengths) or len(set(weights)) == 1:
        return ()
    return weights


def find_section(specs: Sequence[EncoderSpec], lengths: Sequence[int], name: str) -> slice | None:
    """Where the first section of that name stands in an embedding; None if there is none."""
    names = [section.name for section in list_sections(specs)]
    if len(names) != len(lengths) or name not in names:
        return None
    start = sum(lengths[: names.index(name)])
    return slice(start, start + lengths[names.index(name)])
