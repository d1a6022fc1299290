"""What became of a file of classifications in a run, in numbers and sentences."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from core.formats.classifiers.rolling_up import Decided
from core.photos.reading import MOST_NAMED
from core.species import LEVELS

NAMED = "crops with a name at the chosen level"
NO_TAXONOMY = "crops with a name without a taxonomy, which no level changes"
UNKNOWN = "crops left unknown animals"
NO_ANIMALS = "crops that the classifier calls empty, people or vehicles"


@dataclass(frozen=True, kw_only=True)
class ClassificationAccount:
    """What was made of a file of classifications.

    Attributes:
        file: Its name.
        source: The classifier, as people call it.
        level: The setting ``classifier_level``.
        least_score: The setting ``classifier_min_score``.
        matched: Number of crops by how they met the file; empty until the run is scored.
        decided: Number of crops by what they are called; the same.
        n_not_in_folder: Photos of the file that are not in the folder.
        not_in_folder: The first of their names.
        n_without_row: Photos of the folder that the file does not name.
        without_row: The first of their names.
        problems: Sentences about what could not be used of the file.
    """

    file: str
    source: str
    level: str
    least_score: float
    matched: dict[str, int] = field(default_factory=dict)
    decided: dict[str, int] = field(default_factory=dict)
    n_not_in_folder: int = 0
    not_in_folder: list[str] = field(default_factory=list)
    n_without_row: int = 0
    without_row: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """All of it in sentences."""
        said = [f"{n:,} {what}" for counts in (self.matched, self.decided) for what, n in counts.items() if n]
        for n, names, what in (
            (self.n_not_in_folder, self.not_in_folder, "of the file not in the folder"),
            (self.n_without_row, self.without_row, "of the folder without a row in the file"),
        ):
            if n:
                said.append(f"{n:,} photo{'s' if n > 1 else ''} {what} (the first: {names[0]})")
        return [*said, *self.problems]


def begin_account(
    *,
    file: str,
    source: str,
    level: str,
    least_score: float,
    not_in_folder: Sequence[str],
    without_row: Sequence[str],
    problems: Iterable[str],
) -> ClassificationAccount:
    """The account of a run that begins: what of the file did not meet the folder."""
    return ClassificationAccount(
        file=file,
        source=source,
        level=level,
        least_score=least_score,
        n_not_in_folder=len(not_in_folder),
        not_in_folder=list(not_in_folder[:MOST_NAMED]),
        n_without_row=len(without_row),
        without_row=list(without_row[:MOST_NAMED]),
        problems=list(problems),
    )


def count_decided(decided: Mapping[str, Decided], *, level: str) -> dict[str, int]:
    """How many crops are called what: named at the level, rolled up further to which, unknown, or no animals."""
    counts: Counter[str] = Counter()
    coarser = LEVELS[LEVELS.index(level) + 1 :]
    for one in decided.values():
        if one.is_animal and not one.level:
            counts[NO_TAXONOMY] += 1
        elif one.is_animal and one.further:
            counts[f"crops rolled up to the {one.level}, because finer scores are too low"] += 1
        elif one.is_animal:
            counts[NAMED] += 1
        else:
            counts[NO_ANIMALS if one.name else UNKNOWN] += 1
    order = [
        NAMED,
        NO_TAXONOMY,
        *(f"crops rolled up to the {one}, because finer scores are too low" for one in coarser),
    ]
    return {what: counts[what] for what in (*order, UNKNOWN, NO_ANIMALS) if counts[what]}
