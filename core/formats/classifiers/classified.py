"""The result of every reader of classifications: photos, with the names that a classifier gives them or their boxes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.formats.account import Problems
from core.formats.classifiers.taxon import Taxon, read_taxon
from core.formats.labelled import RELATIVE_FRAME, LabelledPhoto, read_confidence
from core.formats.photo_names import read_name
from core.records import Box

MOST_NAMES = 5
"""Names beyond so many are not kept: programs write the likeliest five."""
WRONG_SCORE = "names whose score is not a number from 0 to 1"
TOO_FEW_PARTS = "taxonomies with too few parts (class;order;family;genus;species)"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A name with its score, 0 to 1."""

    taxon: Taxon
    score: float


@dataclass(frozen=True, slots=True)
class Said:
    """What a classifier says of a box or of a photo.

    ``candidates`` are the likeliest names, the likeliest first. ``answer`` is what the program settled on, if it says
    so: SpeciesNet by the country and DeepFaune by the series, which the scores of one crop know nothing of.
    """

    candidates: tuple[Candidate, ...] = ()
    answer: Candidate | None = None


@dataclass(frozen=True, slots=True)
class ClassifiedPhoto:
    """A photo of the file. ``boxes`` are in shares of the photo, each with what is said of it.

    ``whole`` is what is said of the photo as a whole. If the file has boxes of animals, too, it is about them
    (``animals``): SpeciesNet gives one answer a photo, for all its animals.
    """

    file_name: str
    boxes: tuple[tuple[Box, Said], ...] = ()
    whole: Said | None = None
    animals: tuple[Box, ...] = ()


@dataclass(frozen=True)
class ClassificationFile:
    """The photos of a file of classifications, each name once. ``source`` is the classifier, as people call it."""

    source: str
    photos: tuple[ClassifiedPhoto, ...]
    problems: tuple[str, ...] = ()

    def list_names(self) -> list[LabelledPhoto]:
        """The photos as ``core.labels.meeting`` takes them to be found in a folder."""
        return [LabelledPhoto(photo.file_name, frame=RELATIVE_FRAME) for photo in self.photos]


def make_said(
    names: Iterable[tuple[object, object]], *, answer: tuple[object, object] | None, problems: Problems, where: str
) -> Said | None:
    """The names that can be used, with their scores; None if there are none, and no answer. What cannot be used is
    counted.

    Args:
        names: Each as the file has it, with its score.
        answer: What the program settled on, with its score.
        problems: Counts names and scores that cannot be used.
        where: The photo, for the first case of a problem.
    """
    read = [one for one in (_read(*pair, problems=problems, where=where) for pair in names) if one is not None]
    read.sort(key=lambda one: -one.score)
    settled = _read(*answer, problems=problems, where=where) if answer is not None else None
    return Said(tuple(read[:MOST_NAMES]), settled) if read or settled is not None else None


def _read(name: object, score: object, *, problems: Problems, where: str) -> Candidate | None:
    sureness = read_confidence(score)
    if sureness is None:
        problems.add(WRONG_SCORE, where)
        return None
    if not isinstance(name, str):
        problems.add("names that are not text", where)
        return None
    taxon = read_taxon(name)
    if taxon is None:
        problems.add(TOO_FEW_PARTS, f"{where}: {name}"[:120])
        return None
    return Candidate(taxon, sureness)


def join_photos(photos: Sequence[ClassifiedPhoto], problems: Problems) -> tuple[ClassifiedPhoto, ...]:
    """Each photo once, its name as it is looked for; a name that comes again with something else is left out."""
    joined: dict[str, ClassifiedPhoto] = {}
    several: set[str] = set()
    for photo in photos:
        named = replace(photo, file_name=read_name(photo.file_name))
        before = joined.setdefault(named.file_name, named)
        if before != named:
            several.add(named.file_name)
    for name in sorted(several):
        problems.add("photos that the file names again with other classes, so that they were left out", name)
    return tuple(photo for name, photo in joined.items() if name not in several)
