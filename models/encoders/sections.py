"""The sections of an embedding: what each part of it is, and how much it counts."""

from collections.abc import Sequence
from typing import NamedTuple

from core.errors import AnomalureError
from core.settings.training import AUTOENCODERS, SCORED_BY
from models.encoders.spec import LITE2, EncoderSpec


class Section(NamedTuple):
    """A part of an embedding that is normalised on its own; ``weight`` is its share of the distance, > 0."""

    name: str
    weight: float = 1.0


FEATURES, CLASSES, MIDDLE, DETECTOR, ERRORS = "features", "classes", "middle", "detector", "errors"
LITE2_SECTIONS = (Section(FEATURES), Section(CLASSES, 0.7), Section(MIDDLE, 0.5))
"""Chosen by the mean and the worst over each species unknown in turn (docs/decisions/0012)."""
DETECTOR_SECTIONS = (Section(DETECTOR, 0.5),)
"""With equal weights, features of a detector were measured to help with one unknown species and to harm with others
(docs/decisions/0006)."""
AUTOENCODER_SECTIONS = (Section(FEATURES), Section(ERRORS, 1e-6))
"""The errors say how little a crop fits, not how it looks, so they have no share of the distance."""


_SECTIONS_OF = {LITE2: LITE2_SECTIONS} | dict.fromkeys(AUTOENCODERS, AUTOENCODER_SECTIONS)


def list_sections(specs: Sequence[EncoderSpec]) -> tuple[Section, ...]:
    """The sections of the encoders' joined embedding, in order."""
    sections: list[Section] = []
    for spec in specs:
        if spec.detector:
            sections += DETECTOR_SECTIONS
        else:
            sections += _SECTIONS_OF.get(spec.backbone, (Section(FEATURES),))
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


def find_error(specs: Sequence[EncoderSpec], lengths: Sequence[int], scored_by: str) -> int | None:
    """The column of an embedding that crops are scored by; None: they are scored by one-class models.

    Args:
        specs: The encoders.
        lengths: Of the sections, as the encoder gives them.
        scored_by: Of ``SCORED_BY``.

    Raises:
        AnomalureError: If none of the encoders is an autoencoder.
    """
    if scored_by == SCORED_BY[0]:
        return None
    check_scored_by(specs, scored_by)
    errors = find_section(specs, lengths, ERRORS)
    assert errors is not None, f"sections of an autoencoder were expected, got {tuple(lengths)}"
    return errors.start + SCORED_BY.index(scored_by) - 1


def check_scored_by(specs: Sequence[EncoderSpec], scored_by: str) -> None:
    """Refuse to score by reconstruction where nothing is reconstructed.

    Raises:
        AnomalureError: If none of the encoders is an autoencoder.
    """
    if scored_by != SCORED_BY[0] and not any(spec.backbone in AUTOENCODERS and not spec.detector for spec in specs):
        raise AnomalureError(
            f"Only an autoencoder puts crops together again, so the others cannot be scored by {scored_by}. Train with "
            f"the method {' or '.join(AUTOENCODERS)}, or score by one_class."
        )
