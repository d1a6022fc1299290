"""Scientific names of a project's species, which packages for GBIF and others demand beside the local ones."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.errors import AnomalureError

UNDETERMINED = "und"
"""The code of a language that nobody has said (ISO 639-3)."""

_SCIENTIFIC = re.compile(r"[A-Z][a-z-]+( ?[×x])?( \([A-Z][a-z]+\))?( ([a-z-]{2,}|(sp|spp|cf|aff|subsp|var)\.?)){0,4}")
_LANGUAGE = re.compile(r"[a-z]{3}")


@dataclass(frozen=True, slots=True)
class SpeciesName:
    """A species as the project calls it, its scientific name, and the language of its local name (ISO 639-3).

    Raises:
        AnomalureError: If one of them cannot be that.
    """

    local: str
    scientific: str
    language: str = UNDETERMINED

    def __post_init__(self) -> None:
        if not self.local:
            raise AnomalureError(f"The scientific name {self.scientific} belongs to no species of the project.")
        if not is_scientific(self.scientific):
            raise AnomalureError(
                f"{self.scientific!r} is no scientific name of {self.local}. One looks like Vulpes vulpes: the genus "
                "with a capital, the rest in small letters, without an author."
            )
        if not _LANGUAGE.fullmatch(self.language):
            raise AnomalureError(
                f"The language of {self.local} is a code of three letters (ISO 639-3), such as eng or deu, got "
                f"{self.language!r}."
            )


SpeciesNames = Mapping[str, SpeciesName]
"""By the local name, as ``to_key`` writes it."""


def to_key(local: str) -> str:
    """A local name without what two ways of writing it may differ in: capitals and blanks."""
    return " ".join(local.split()).casefold()


def name_each(names: Iterable[SpeciesName]) -> dict[str, SpeciesName]:
    """The names by their keys.

    Raises:
        AnomalureError: If a species has two scientific names.
    """
    found: dict[str, SpeciesName] = {}
    for one in names:
        before = found.setdefault(to_key(one.local), one)
        if before.scientific != one.scientific:
            raise AnomalureError(f"{one.local} has two scientific names: {before.scientific} and {one.scientific}.")
    return found


def is_scientific(name: str) -> bool:
    """Whether a name has the form of a scientific one, such as ``Vulpes vulpes``. ``Red fox`` has it, too."""
    return bool(_SCIENTIFIC.fullmatch(name.strip()))
