"""The project's list of species with their scientific names: asked for once, checked, and kept in the project."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from core.disk.text import read_table
from core.errors import AnomalureError, FileFormatError
from core.formats.csv import unescape_formula
from core.formats.species_names import UNDETERMINED, SpeciesName, SpeciesNames, name_each
from core.records import tidy_species
from core.team.roles import Action

if TYPE_CHECKING:
    from core.store.database import Store

SETTING = "species_names"
_EXPECTED = "a CSV with the columns species and scientific_name, and language if wanted"
_LOCAL = ("species", "local_name", "vernacular_name", "vernacularname", "common_name")
_SCIENTIFIC = ("scientific_name", "scientificname")


def read_species_table(path: Path) -> dict[str, SpeciesName]:
    """The names in a table; rows without a scientific name are left out.

    Raises:
        AnomalureError: If it is not such a table, or a name in it cannot be right.
    """
    table = read_table(path, expected=_EXPECTED)
    columns = {name.strip().lower(): name for name in table.columns}
    local, scientific = (
        next((columns[one] for one in names if one in columns), None) for names in (_LOCAL, _SCIENTIFIC)
    )
    if local is None or scientific is None:
        raise FileFormatError(f"{path.name}: expected {_EXPECTED}; got the columns {', '.join(table.columns)[:200]}.")
    found = []
    for number, row in enumerate(table, start=2):
        name, latin = (tidy_species(unescape_formula(row[column])) for column in (local, scientific))
        language = row[columns["language"]].strip() if "language" in columns else ""
        if not latin:
            continue
        try:
            found.append(SpeciesName(name, latin, language.lower() or UNDETERMINED))
        except AnomalureError as error:
            raise AnomalureError(f"{path.name}, row {number}: {error}") from error
    if not found:
        raise AnomalureError(f"{path.name} has no scientific name in it; expected {_EXPECTED}.")
    return name_each(found)


def read_species_names(store: "Store") -> SpeciesNames:
    """The names that the project keeps; empty in a new project. What another version wrote is left out."""
    found = []
    for values in store.get_setting(SETTING, []):
        try:
            found.append(SpeciesName(*values))
        except (AnomalureError, TypeError):
            continue
    return {key: one for one in found for key in name_each([one])}


def keep_species_names(store: "Store", names: Iterable[SpeciesName]) -> None:
    """Keep these names, and no others.

    Raises:
        AnomalureError: If a species has two scientific names.
    """
    kept = sorted(name_each(names).values(), key=lambda one: one.local)
    store.set_setting(SETTING, [[one.local, one.scientific, one.language] for one in kept], needs=Action.EXPORT)
