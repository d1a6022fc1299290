"""The names that guesses use: the 1,000 ImageNet classes, grouped to animals as a camera-trap biologist names them.

``imagenet_animals.csv`` has the 398 classes of animals. Breeds and synonyms have one name, such as 118 breeds "domestic
dog". Every other class, and two extinct animals, is "no animal". ``other_names.csv`` has further words for the same
animals, so that a project's own spelling is recognised.
"""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np

from core.records import NO_ANIMAL

N_CLASSES = 1_000
_FOLDER = Path(__file__).resolve().parent
_IRREGULAR = {"geese": "goose", "mice": "mouse", "oxen": "ox", "wolves": "wolf", "foxes": "fox", "gray": "grey"}


@cache
def list_names() -> tuple[str, ...]:
    """The distinct names in alphabetical order, ``NO_ANIMAL`` last."""
    return (*sorted({row["name"] for row in _read("imagenet_animals.csv")} - {NO_ANIMAL}), NO_ANIMAL)


@cache
def name_of_class() -> np.ndarray:
    """For each ImageNet class the row of its name in ``list_names()``, shape ``(1000,)``, int; read-only."""
    rows = {name: row for row, name in enumerate(list_names())}
    of_class = np.full(N_CLASSES, rows[NO_ANIMAL])
    for line in _read("imagenet_animals.csv"):
        of_class[int(line["index"])] = rows[line["name"]]
    of_class.setflags(write=False)
    return of_class


@cache
def scientific_names() -> dict[str, str]:
    """The scientific name of each name for which it is clear: of a species, or of the genus or family it stands for."""
    return {row["name"]: row["scientific_name"] for row in _read("imagenet_animals.csv") if row["scientific_name"]}


def find_own_names(species: Iterable[str]) -> dict[str, str]:
    """The names that a project spells in its own way, by our name; the others stay as they are.

    A species of the project counts if it is our name, its scientific name or another word for the same animal, in
    capitals or not, as a plural or not. Our name comes before other words. If several species of the project are other
    words for one name, such as African and Asian elephants, the name stays as it is.

    >>> find_own_names(["Mountain Lion", "Vulpes vulpes", "okapi"])
    {'puma': 'Mountain Lion', 'red fox': 'Vulpes vulpes'}
    """
    exact: dict[str, str] = {}
    other: dict[str, set[str]] = {}
    for own in dict.fromkeys(species):
        key = _fold(own)
        if key in _exact_names():
            exact.setdefault(_exact_names()[key], own)
        elif key in _other_names():
            other.setdefault(_other_names()[key], set()).add(own)
    only = {name: next(iter(owns)) for name, owns in other.items() if len(owns) == 1}
    return dict(sorted((only | exact).items()))


@cache
def _exact_names() -> dict[str, str]:
    names = {_fold(name): name for name in list_names()[:-1]}
    return names | {_fold(latin): name for name, latin in scientific_names().items()}


@cache
def _other_names() -> dict[str, str]:
    return {_fold(row["other_name"]): row["name"] for row in _read("other_names.csv")}


def _fold(name: str) -> str:
    """A name without what does not count: capitals, spaces, hyphens, spelling of grey, and the plural."""
    words = name.casefold().replace("_", " ").replace("-", " ").split()
    return " ".join(_to_singular(word) for word in words)


def _to_singular(word: str) -> str:
    """Both sides of a comparison go through this, so that only equal words need to end equal ("lens", "len")."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def _read(file_name: str) -> list[dict[str, str]]:
    with (_FOLDER / file_name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
