"""The guesses of a run, from the class scores in its stored embeddings, in the words of its project."""

import numpy as np

from core.errors import AnomalureError
from core.review.index import ReviewIndex
from core.runs.classified.table import has_classified
from core.runs.folder import RunFolder
from core.runs.guesses import N_KEPT, RunGuesses, keep_guesses
from models.encoders.sections import CLASSES, find_section
from models.encoders.spec import BUNDLED, LITE2, EncoderSpec
from models.guesses.guess import guess_group, guess_names
from models.guesses.names import find_own_names


def find_class_scores(run: RunFolder) -> slice | None:
    """Where the 1,000 class scores are in the run's embeddings; None if it has none that mean anything.

    Only the bundled network has them: a network that was trained further has other features than its classifier knows.
    """
    try:
        specs = [EncoderSpec.from_values(values) for values in run.info.encoders]
    except AnomalureError:
        return None  # written by another version
    first = next((spec for spec in specs if spec.backbone == LITE2 and not spec.detector), None)
    if first is None or first.weights != BUNDLED:
        return None
    return find_section(specs, run.info.sections, CLASSES)


def keep_run_guesses(run: RunFolder) -> bool:
    """Compute and keep the guesses of a finished run, unless they are there; False if it can have none.

    A run with a classifier's file has guesses in any case.
    """
    columns = find_class_scores(run)
    is_kept = columns is not None and keep_guesses(run, lambda scores: guess_names(scores, n=N_KEPT), columns=columns)
    return is_kept or has_classified(run)


def may_have_guesses(run: RunFolder) -> bool:
    """Whether there is something to show or to hide."""
    return has_classified(run) or find_class_scores(run) is not None


def guess_group_of(guesses: RunGuesses, places: np.ndarray) -> tuple[list[tuple[str, float]], str]:
    """The likely names of a group of crops, rows of the catalogue, and the classifier that says so.

    Where a classifier names some of the crops, only its names count; without one, the encoder guesses: "".
    """
    sources = np.array(guesses.say_sources(places), dtype=object)
    classifier = next((source for source in sources if source), "")
    return guess_group(*guesses.take(places[sources != ""] if classifier else places)), classifier


def find_index_names(index: ReviewIndex) -> dict[str, str]:
    """How the project spells the names of guesses: as the species of a run, or as reviewers named them there."""
    return find_own_names([*index.names("species"), *index.named_species()])
