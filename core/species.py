"""What species are called: one spelling for each, one name for an empty photo, and one for people."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import combinations

from core.records import JOINERS, NOTHING, PERSON, drop_hidden_signs, tidy_species

LEVELS = ("species", "genus", "family", "order", "class")
"""Levels of the taxonomy, from the finest to the coarsest."""
EMPTY = "empty"
"""The species of a label of a photo without animals."""

_EMPTY_NAMES = frozenset(
    {
        "empty",
        "blank",
        "nothing",
        "nothing here",
        "nothinghere",
        "none",
        "no animal",
        "no animals",
        "no wildlife",
        "no detection",
        "empty image",
        "empty frame",
        "empty photo",
        "blank image",
        "no animals present",
        "none present",
        "false trigger",
        "false triggers",
        "false positive",
        "misfire",
        "leer",
        "kein tier",
        "vide",
        "vacío",
        "vacio",
        "vacía",
        "vacia",
        "vazio",
        "vazia",
        "leeg",
        "nichts",
        "nichts zu sehen",
        "kein",
        "keine",
        "keins",
        "rien",
        "aucun",
        "aucun animal",
        "nada",
        "ninguno",
        "ningún animal",
        "ningun animal",
        "sin animal",
        "sem animal",
        "vuoto",
        "vuota",
        "nessuno",
        "niets",
        "geen dier",
        "puste",
        "tyhjä",
        "prázdné",
        "пусто",
        "пустой",
        "无",
        "空",
    }
)
_PEOPLE = frozenset(
    {
        "person",
        "persons",
        "people",
        "human",
        "humans",
        "homo",
        "homo sapiens",
        "homo sapiens sapiens",
        "human camera trapper",
        "mensch",
        "menschen",
        "humano",
        "humana",
        "humain",
        "personne",
        "pessoa",
        "pessoas",
        "mens",
        "mensen",
        "persona",
        "personas",
        "personnes",
        "gente",
        "homme",
        "hommes",
        "leute",
        "personen",
        "uomo",
        "umano",
        "człowiek",
        "menneske",
        "människa",
        "ihminen",
        "человек",
        "люди",
        "人",
    }
)
# Classes of detectors, as of COCO, that are no animals; without kite and mouse, which may be.
_THINGS = re.compile(
    "airplane|apple|backpack|banana|baseball bat|baseball glove|bed|bench|bicycle|boat|book|bottle|bowl|broccoli|"
    "bus|cake|car|carrot|cell phone|chair|clock|couch|cup|dining table|donut|fire hydrant|fork|frisbee|"
    "hair drier|handbag|hot dog|keyboard|knife|laptop|microwave|motorcycle|orange|oven|parking meter|pizza|"
    "potted plant|refrigerator|remote|sandwich|scissors|sink|skateboard|skis|snowboard|spoon|sports ball|"
    "stop sign|suitcase|surfboard|teddy bear|tennis racket|tie|toaster|toilet|toothbrush|traffic light|train|"
    "truck|tv|umbrella|vase|vehicle|wine glass|"
    "voiture|véhicule|vehicule|fahrzeug|vehículo|vehiculo|veículo|veiculo|coche|carro|veicolo|voertuig|автомобиль"
)
# What programs write where nothing was said. "unknown" is not one of them: somebody looked and could not tell.
_UNSAID = frozenset(
    {"no cv result", "unidentified", "not identified", "unclassified", "n/a", "na", "null", "nan", "-", "?", "#n/a"}
    | {"undefined", "unlabeled", "unlabelled", "no label", "not classified", "cv failed", "cv needed"}
    | {"#ref!", "#name?", "#value!", "#null!", "#div/0!", "nil"}
)
# Names of what is on photos that are no animals' and no words for empty: they may be meant as either.
_MAYBE_NO_ANIMALS = frozenset(
    {"setup", "set up", "test", "testing", "calibration", "team", "staff", "researcher", "maintenance", "camera check"}
    | {"pickup", "retrieval", "start", "end", "time lapse", "timelapse", "unidentifiable", "other", "misc", "service"}
    | {"non target", "fire", "vegetation", "bad photo", "corrupt", "corrupted", "delete", "ignore", "unusable", "dark"}
    | {"true", "false", "yes", "no"}
)
_COUNTED = re.compile(
    r"[\d?!()×=:~#*,]+|\b(x|ca|approx|probably|maybe|possible|possibly|unsure|male|female|adult|juvenile|juv|young|cub"
    r"|cubs|pup|calf|fawn|chick|männlich|weiblich|mâle|femelle|macho|hembra)\b|\bx(?=\d)"
)
_BLANKS = re.compile(r"[\s_\u200b\ufeff]+")
_SIGNS = re.compile(r"[-.()\[\]{}<>\"'*!]+")
# A comma without a blank, as Timelapse writes several choices; "Fox, red" and "(Linnaeus, 1758)" are one name.
_SEVERAL = re.compile(r"\s*[;|\n]\s*|(?<=\w),(?=[^\W\d])")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_STEPS = re.compile(r"[;|>/\\]")
_TOPS = frozenset(
    {"animalia", "metazoa", "chordata", "mammalia", "aves", "reptilia", "amphibia", "insecta", "actinopterygii"}
    | {"species", "animal", "animals", "fauna", "wildlife"}
)
_KINGDOMS = frozenset({"animalia", "metazoa"})
MOST_COMPARED = 400
_LONG_NAME = 6
_RANKS = len(LEVELS)


def fold_name(name: str) -> str:
    """The form in which names of species are compared: capitals, blanks and underscores do not matter."""
    seen = drop_hidden_signs(unicodedata.normalize("NFKC", name))
    return _BLANKS.sub(" ", "".join(sign for sign in seen if sign not in JOINERS)).strip().casefold()


def is_empty_name(name: str) -> bool:
    """Whether the name says that there is no animal: empty, blank, nothing, none."""
    return _fold_word(name) in _EMPTY_NAMES


def may_be_no_animal(name: str) -> bool:
    """Whether the name is one of those that people also give to photos of no animal: setup, team, other."""
    return _fold_word(name) in _MAYBE_NO_ANIMALS


def drop_counts(name: str) -> str:
    """The folded name without numbers and signs of doubt: ``2 deer``, ``deer (3)`` and ``deer?`` are ``deer``."""
    return " ".join(_COUNTED.sub(" ", fold_name(name)).split())


def is_counted(name: str) -> bool:
    """Whether a name says how many or how sure: ``2 deer``, ``deer (3)``, ``deer x2``, ``deer?``; not ``class 2``."""
    return re.search(r"^\d+\s|[?(]|[x×]\s?\d|\d\s?[x×]\b", fold_name(name)) is not None


def find_alike(names: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of names that differ in signs and blanks, in a plural, or in one letter of a long name: roe deer, roedeer.

    Of more than ``MOST_COMPARED`` names none are compared, because each is compared with each.
    """
    once = sorted(set(names))
    if len(once) > MOST_COMPARED:
        return []
    bare = {name: "".join(sign for sign in fold_name(name) if sign.isalnum()) for name in once}
    return [(one, other) for one, other in combinations(once, 2) if _are_alike(bare[one], bare[other])]


def _are_alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if short == long or long in (f"{short}s", f"{short}es"):
        return bool(short)
    if len(short) < _LONG_NAME or len(long) - len(short) > 1 or not short.isalpha() or not long.isalpha():
        return False
    same = next((i for i, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    rest = short[same + 1 :] if len(short) == len(long) else short[same:]
    return rest == long[same + 1 :]


def is_person_name(name: str) -> bool:
    """Whether the name means people: person, human, Homo sapiens."""
    return _fold_word(name) in _PEOPLE


def _fold_word(name: str) -> str:
    """``[No-Animal].`` as ``no animal``: signs around and inside such words do not matter."""
    return " ".join(_SIGNS.sub(" ", fold_name(name)).split())


def is_thing_name(name: str) -> bool:
    """Whether a detector's class names a thing, such as a car or a bench, and no animal."""
    return _THINGS.fullmatch(fold_name(name)) is not None


def name_decided(name: str) -> str:
    """The species that a reviewer named, as training compares it: people are ``person``, no animal is ``nothing``."""
    if is_empty_name(name):
        return NOTHING
    return PERSON if is_person_name(name) else tidy_species(name)


def read_species(text: str) -> str:
    """The species that a file of another tool writes, tidied.

    People are ``person`` and empty photos ``empty``, whatever the tool calls them. What stands for no answer, such as
    ``No CV Result``, is no species. Of a taxonomy (``uuid;mammalia;carnivora;canidae;vulpes;vulpes;red fox``, as
    SpeciesNet writes it) the lowest rank that is known is taken: ``Vulpes vulpes``.
    """
    taxonomy = split_taxonomy(text)
    if taxonomy is not None:
        return _read_taxonomy(*taxonomy)
    return _use_own_words(tidy_species(text))


def split_species(text: str) -> list[str]:
    """The names in a cell: several are written with semicolons, bars or lines between them, as ``deer; fox``.

    A taxonomy (``read_species``) is one name, and of a lineage such as ``Mammalia|Carnivora|Vulpes`` the last one.
    """
    if len(text.split(";")) > _RANKS:
        return [text]
    steps = [part.strip() for part in _STEPS.split(text) if part.strip()]
    if len(steps) > 1 and fold_name(steps[0]) in _TOPS:
        return steps[-1:]
    return [part for part in _SEVERAL.split(text.strip()) if part] or [text]


def name_taxon(ranks: Sequence[str], *, common_name: str = "") -> str:
    """The name of the lowest known rank of ``class, order, family, genus, species``, else the common name.

    ``species`` may be the whole name or its second word.
    """
    known = ["" if fold_name(rank) in _UNSAID else tidy_species(rank) for rank in ranks]
    genus, species = known[-2], known[-1]
    if fold_name(genus) == "homo":
        return PERSON
    if species and genus and " " not in species:
        return f"{genus[:1].upper()}{genus[1:].lower()} {species.lower()}"
    for rank in reversed(known):
        if rank:
            return _use_own_words(rank[:1].upper() + rank[1:])
    return read_species(common_name)


class Spellings:
    """One spelling of each species for names that differ only in capitals and blanks.

    Args:
        known: Spellings that hold whatever is added, such as those of a bundle.
    """

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._chosen: dict[str, str] = {}
        for name in known:
            self._chosen.setdefault(fold_name(name), name)

    def add(self, names: Iterable[str]) -> None:
        """Choose the most frequent spelling of each name that has none yet; of equals the first."""
        for name, _ in Counter(names).most_common():
            self._chosen.setdefault(fold_name(name), name)

    def spell(self, name: str) -> str:
        """The chosen spelling of a name, or the name itself."""
        return self._chosen.get(fold_name(name), name)


def fold_species(names: Sequence[str], *, known: Iterable[str] = ()) -> list[str]:
    """The names with one spelling for each species: a known one, else the most frequent. Empty names stay empty."""
    spellings = Spellings(name for name in known if name)
    spellings.add(name for name in names if name)
    return [spellings.spell(name) if name else name for name in names]


def _use_own_words(name: str) -> str:
    if fold_name(name) in _UNSAID:
        return ""
    return EMPTY if is_empty_name(name) else PERSON if is_person_name(name) else name


def split_taxonomy(text: str) -> tuple[list[str], str] | None:
    """The ranks class, order, family, genus, species of a taxonomy, and its common name; empty where not known.

    Taxonomies are written as ``[uuid;]class;order;family;genus;species[;common name]``, also with a kingdom and a
    phylum before the class. None if the text has too few parts for one.
    """
    parts = text.split(";")
    if len(parts) <= _RANKS:
        return None
    ranks = [part.strip() for part in parts]
    if _UUID.fullmatch(ranks[0]):
        ranks = ranks[1:]
    elif len(ranks) == 7 and ranks[0].casefold() not in _KINGDOMS:
        ranks = ranks[1:]  # an id of another form
    if ranks and ranks[0].casefold() in _KINGDOMS:
        ranks = ranks[2:]
    ranks += [""] * (_RANKS - len(ranks))
    return ranks[:_RANKS], ranks[_RANKS] if len(ranks) > _RANKS else ""


def _read_taxonomy(ranks: Sequence[str], common_name: str) -> str:
    name = name_taxon(ranks, common_name=common_name)
    return "" if fold_name(name) == "animal" else name
