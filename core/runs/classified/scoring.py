"""Scores a run with the names of a classifier: read from its file when all photos are looked through."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from core.errors import FileFormatError
from core.formats.classifiers.classified import ClassificationFile
from core.formats.classifiers.reading import read_classifications
from core.records import NO_ANIMAL
from core.runs.account import read_account, write_account
from core.runs.classified.account import ClassificationAccount, begin_account, count_decided
from core.runs.classified.matching import Meeting, decide_names, is_no_animal, match_crops, meet_folder
from core.runs.classified.table import write_classified
from core.runs.folder import RunFolder
from core.runs.parts import EmbeddedShards, Scorer
from core.settings.run import RunSettings


class ClassifiedScorer:
    """A ``Scorer`` of ``core.runs.parts`` before which the crops get the names of a classifier.

    Args:
        scorer: What scores the crops.
        run: The run; what is said of its crops is kept in its folder.
        path: The file of classifications.
        settings: The run's settings.
        own_names: What the project calls animals, by their scientific and other names.
        as_class: Whether the scorer sees the names in place of the detector's classes, so that they become the species
            column.
        drop_other_classes: Whether it sees no class of other crops, so that their species is what fits best.
    """

    def __init__(
        self,
        scorer: Scorer,
        run: RunFolder,
        *,
        path: Path,
        settings: RunSettings,
        own_names: Mapping[str, str],
        as_class: bool,
        drop_other_classes: bool,
    ) -> None:
        self._scorer, self._run, self._path, self._settings = scorer, run, path, settings
        self._own_names = own_names
        self._as_class, self._drop = as_class, drop_other_classes

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences for the user about the scores."""
        said: tuple[str, ...] = getattr(self._scorer, "notes", ())
        account = read_account(self._run).classifications
        return (*said, *(f"{one.file}: {line}." for one in account for line in one.lines()))

    def score(self, shards: EmbeddedShards) -> Iterator[pd.DataFrame]:
        """One table of scores per shard, as the scorer gives it.

        Raises:
            AnomalureError: If the file cannot be read any more.
        """
        file, meeting = read_and_meet(self._path, self._run.file_names, folder=Path(self._run.info.folder))
        matched = match_crops(self._run, meeting.photos)
        decided = decide_names(
            matched,
            level=self._settings.classifier_level,
            least_score=self._settings.classifier_min_score,
            own_names=self._own_names,
        )
        write_classified(self._run, decided, source=file.source)
        account = replace(
            describe_meeting(self._path, file, meeting, self._settings),
            matched={what: n for what, n in matched.counts.items() if n},
            decided=count_decided(decided, level=self._settings.classifier_level),
        )
        write_account(self._run, replace(read_account(self._run), classifications=[account]))
        names = {crop_id: one.name for crop_id, one in decided.items() if one.name not in ("", NO_ANIMAL)}
        yield from self._scorer.score(_Named(shards, names, drop=self._drop) if self._as_class else shards)


class _Named:
    """The shards of a run with the names of a classifier in place of the detector's classes."""

    def __init__(self, shards: EmbeddedShards, names: Mapping[str, str], *, drop: bool) -> None:
        self._shards, self._names, self._drop = shards, names, drop

    def __iter__(self) -> Iterator[tuple[pd.DataFrame, np.ndarray]]:
        for crops, embeddings in self._shards:
            classes = crops["detector_class"].astype(object).fillna("")
            if self._drop:  # people stay people
                classes = classes.where(classes.map(is_no_animal), "")
            named = [self._names.get(crop_id) or name for crop_id, name in zip(crops["crop_id"], classes, strict=True)]
            yield crops.assign(detector_class=np.array(named, dtype=object)), embeddings


def read_and_meet(path: Path, names: list[str], *, folder: Path) -> tuple[ClassificationFile, Meeting]:
    """Read a file of classifications, and find its photos in the folder of a run.

    Raises:
        FileFormatError: If it cannot be read, or is not about these photos.
        AnomalureError: If a name could be two photos.
    """
    try:
        file = read_classifications(path)
    except FileFormatError as error:
        raise FileFormatError(f"Classifications: {error}") from error
    return file, meet_folder(file, names, folder=folder, source=path.name)


def describe_meeting(
    path: Path, file: ClassificationFile, meeting: Meeting, settings: RunSettings
) -> ClassificationAccount:
    """The account of the file before its crops are known."""
    return begin_account(
        file=path.name,
        source=file.source,
        level=settings.classifier_level,
        least_score=settings.classifier_min_score,
        not_in_folder=meeting.only_in_file,
        without_row=meeting.only_in_folder,
        problems=(*file.problems, *meeting.problems),
    )
