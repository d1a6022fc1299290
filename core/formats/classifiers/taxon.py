"""A name that a classifier gives: an animal with its place in the taxonomy, nothing there, people, or no answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.records import PERSON
from core.species import (
    LEVELS,
    fold_name,
    is_empty_name,
    is_person_name,
    is_thing_name,
    name_taxon,
    read_species,
    split_taxonomy,
)

VEHICLE = "vehicle"
_NO_RANKS = ("",) * len(LEVELS)
_UNKNOWN = frozenset({"animal", "unknown", "unknown animal"})


class Kind(StrEnum):
    """What a name is about. ``UNKNOWN``: an animal, or nobody knows what."""

    ANIMAL = "animal"
    EMPTY = "empty"
    PERSON = "person"
    VEHICLE = "vehicle"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Taxon:
    """A name of a classifier.

    ``ranks`` are its names from the class down to the species, each as it is shown (``Vulpes vulpes``), empty where it
    is not known; all are empty if the classifier only has a name. ``plain`` is its common name, or that name.
    """

    kind: Kind
    ranks: tuple[str, ...] = _NO_RANKS
    plain: str = ""

    @property
    def has_ranks(self) -> bool:
        """Whether its place in the taxonomy is known."""
        return any(self.ranks)

    @property
    def level(self) -> str:
        """The finest level that is known; empty without any."""
        return next((level for level, name in zip(LEVELS, reversed(self.ranks), strict=True) if name), "")

    def name_at(self, level: str, own_names: Mapping[str, str]) -> str:
        """What the animal is called at this level, or at the next coarser one that is known; empty if none is.

        A name without a taxonomy is the same at every level.

        Args:
            level: One of ``core.species.LEVELS``.
            own_names: What the project calls animals, by their scientific and other names as ``fold_name`` writes them.
        """
        if not self.has_ranks:
            return own_names.get(fold_name(self.plain), self.plain)
        start = LEVELS.index(level)
        finest = LEVELS.index(self.level)
        found = next((name for name in list(reversed(self.ranks))[start:] if name), "")
        own = own_names.get(fold_name(found), "") if found else ""
        if not own and self.plain and finest >= start:  # its common name is that of the finest level
            own = own_names.get(fold_name(self.plain), "")
        return own or found


@lru_cache(maxsize=16_384)
def read_taxon(text: str) -> Taxon | None:
    """The name that a classifier writes: a taxonomy with semicolons, or only a name.

    None if it has semicolons, but too few parts for a taxonomy.
    """
    taxonomy = split_taxonomy(text)
    if taxonomy is None:
        return None if ";" in text else _read_plain(text)
    ranks, common_name = taxonomy
    name = name_taxon(ranks, common_name=common_name)
    if _tell_kind(name) != Kind.ANIMAL:
        return Taxon(_tell_kind(name))
    *coarser, _ = known = [_show_rank(rank) for rank in ranks]
    if not any(known):
        return _read_plain(common_name)
    species = name if known[-1] else ""
    return Taxon(Kind.ANIMAL, (*coarser, species), read_species(common_name))


def _read_plain(text: str) -> Taxon:
    name = read_species(text)
    kind = _tell_kind(name)
    return Taxon(kind, plain=name) if kind == Kind.ANIMAL else Taxon(kind)


def _show_rank(rank: str) -> str:
    name = read_species(rank)
    return name[:1].upper() + name[1:].lower()


def _tell_kind(name: str) -> Kind:
    if not name or fold_name(name) in _UNKNOWN:
        return Kind.UNKNOWN
    if is_empty_name(name):
        return Kind.EMPTY
    if name == PERSON or is_person_name(name):
        return Kind.PERSON
    return Kind.VEHICLE if is_thing_name(name) else Kind.ANIMAL
