"""Rolls names of a classifier up to the level that a project uses, and further where the scores are low."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.formats.classifiers.classified import Candidate, Said
from core.formats.classifiers.taxon import VEHICLE, Kind
from core.records import NO_ANIMAL, PERSON
from core.species import LEVELS

_NAMES_OF_KINDS = {Kind.EMPTY: NO_ANIMAL, Kind.PERSON: PERSON, Kind.VEHICLE: VEHICLE}


@dataclass(frozen=True, slots=True)
class Decided:
    """What a crop is called by a classifier.

    Attributes:
        name: The name; empty for an unknown animal.
        score: Of the name, 0 to 1.
        further: How many levels it was rolled up beyond the chosen one, because the scores were low.
        level: The level at which it was decided; empty for names without a taxonomy, and where nothing was.
        is_animal: Whether it names an animal.
        names: The likeliest names with their scores, the decided one first; those of animals at the chosen level.
    """

    name: str
    score: float
    further: int
    level: str
    is_animal: bool
    names: tuple[tuple[str, float], ...]


def decide_name(said: Said, *, level: str, least_score: float, own_names: Mapping[str, str]) -> Decided:
    """Decide on a name by the scores.

    The scores of candidates that have one name at a level are added up. The program's own answer has at least the
    score that the program gives it. If the best name has less than ``least_score``, the next coarser level is tried;
    if none reaches it, the animal is unknown.

    Args:
        said: What a classifier says.
        level: One of ``core.species.LEVELS``: no finer names are given.
        least_score: 0 to 1.
        own_names: As ``Taxon.name_at`` takes it.

    Source: after the roll-up of SpeciesNet's ensemble (Gadot et al. 2024), without its geography.
    """
    first = said.answer or said.candidates[0]
    names = _list_names(said, level=level, own_names=own_names)
    if first.taxon.kind in _NAMES_OF_KINDS and first.score >= least_score:
        name = _NAMES_OF_KINDS[first.taxon.kind]
        return Decided(name, first.score, 0, "", False, _put_first(name, first.score, names))
    animals = [one for one in said.candidates if one.taxon.kind == Kind.ANIMAL]
    answer = said.answer if said.answer is not None and said.answer.taxon.kind == Kind.ANIMAL else None
    is_open = said.answer is None or answer is not None  # the program may have settled on "animal"
    for further, coarser in enumerate(LEVELS[LEVELS.index(level) :]):
        if not is_open:
            break
        sums = _add_up(animals, answer, level=coarser, own_names=own_names)
        if not sums:
            break
        name = answer.taxon.name_at(coarser, own_names) if answer is not None else max(sums, key=sums.__getitem__)
        if name and sums[name] >= least_score:
            of_name = [one.taxon for one in (*([answer] if answer else []), *animals)]
            has_ranks = any(one.has_ranks for one in of_name if one.name_at(coarser, own_names) == name)
            return Decided(
                name, sums[name], further, coarser if has_ranks else "", True, _put_first(name, sums[name], names)
            )
    return Decided("", first.score, 0, "", False, names)


def _add_up(
    animals: Sequence[Candidate], answer: Candidate | None, *, level: str, own_names: Mapping[str, str]
) -> dict[str, float]:
    sums: dict[str, float] = {}
    for one in animals:
        if name := one.taxon.name_at(level, own_names):
            sums[name] = min(sums.get(name, 0.0) + one.score, 1.0)
    if answer is not None and (name := answer.taxon.name_at(level, own_names)):
        sums[name] = max(sums.get(name, 0.0), answer.score)
    return sums


def _list_names(said: Said, *, level: str, own_names: Mapping[str, str]) -> tuple[tuple[str, float], ...]:
    animals = [one for one in said.candidates if one.taxon.kind == Kind.ANIMAL]
    answer = said.answer if said.answer is not None and said.answer.taxon.kind == Kind.ANIMAL else None
    sums = _add_up(animals, answer, level=level, own_names=own_names)
    for one in (*said.candidates, *([said.answer] if said.answer else [])):
        if name := _NAMES_OF_KINDS.get(one.taxon.kind, ""):
            sums[name] = max(sums.get(name, 0.0), one.score)
    return tuple(sorted(sums.items(), key=lambda pair: -pair[1]))


def _put_first(name: str, score: float, names: Sequence[tuple[str, float]]) -> tuple[tuple[str, float], ...]:
    return ((name, score), *(pair for pair in names if pair[0] != name))
