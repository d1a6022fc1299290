"""Suggestions for a run: crops whose label disagrees with the crops that look alike."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from core.disk.files import read_whole, write_whole
from core.disk.json import from_json, to_json
from core.errors import AnomalureError
from core.records import NOTHING, PERSON, CropKind, Decision, name_key
from core.review.index import ReviewIndex
from core.review.training_labels import UNNAMED, name_group
from core.runs.classified.table import read_classified
from core.runs.folder import RunFolder
from core.species import fold_species, name_decided
from core.study.project import Project
from models.groups.features import reduce_run
from models.suggestions.look_alikes import compare_with_look_alikes

FROM_FILE, FROM_CLASSIFIER, FROM_GROUP, FROM_PERSON = "file", "classifier", "group", "person"
"""Where a label comes from: the run's file of boxes, its file of classifications, a name that was given to a group, or
a look at the crop itself."""
FOLDER, FILE = "suggestions", "suggestions.json"
_OF_ROW = ("file_name", "deployment", "captured_at", "x", "y", "width", "height")
SUGGESTION_EXPORT = (
    *("run", "crop_id", *_OF_ROW, "label", "label_from", "suggested", "margin"),
    *("verdict", "verdict_species", "reviewer"),
)
CHUNK_CROPS = 20_000
_NO_SPECIES = ("", UNNAMED, NOTHING, PERSON, "vehicle", "unknown")


class LabelledCrop(NamedTuple):
    """A crop with a species. ``group`` is its event or photo, ``origin`` where the label comes from."""

    crop_id: str
    group: str
    species: str
    origin: str


@dataclass(frozen=True)
class Suggestion:
    """A crop that looks more like another species than like its label.

    ``margin``: by how much its mean cosine similarity to the other species is larger, over 0 to 2.
    """

    crop_id: str
    label: str
    label_from: str
    suggested: str
    margin: float


@dataclass(frozen=True)
class Suggestions:
    """What was found in a run.

    Attributes:
        run: Its name.
        found: The crops, those with the largest margin first.
        n_labelled: Crops with a species from a file, a group's name or a person.
        n_looked_at: Those of them that a person looked at one by one. Others are compared with them, but they are not
            listed themselves.
        n_alone: Labelled crops with nothing to compare them with: no other event has their species,
            or none has another.
        n_coarse: Crops without another label whose classifier's name was rolled up beyond the project's level, so that
            it could not be compared.
    """

    run: str
    found: tuple[Suggestion, ...]
    n_labelled: int
    n_looked_at: int
    n_alone: int
    n_coarse: int = 0

    def pairs(self) -> dict[tuple[str, str], list[Suggestion]]:
        """The suggestions by label and suggested species, the pair with the most crops first."""
        sizes = Counter((one.label, one.suggested) for one in self.found)
        pairs: dict[tuple[str, str], list[Suggestion]] = {pair: [] for pair, _ in sizes.most_common()}
        for one in self.found:
            pairs[one.label, one.suggested].append(one)
        return pairs


def find_suggestions(
    project: Project, run: RunFolder, *, on_share: Callable[[float], None] = lambda share: None
) -> Suggestions:
    """Find the crops of a run whose label disagrees with the crops that look alike.

    Labels are species that a person said, that a group was named, or that the run's file of boxes or of classifications
    gives. What a bundle or a detector took a crop for is no label.

    Raises:
        AnomalureError: If the run's embeddings cannot be read, or it has no crops.
    """
    index = project.review_index(run)
    labelled = list(read_labelled(index))
    n_coarse = _count_coarse(run, {one.crop_id for one in labelled})
    if not labelled:
        return Suggestions(run.run_id, (), 0, 0, 0, n_coarse)
    try:
        ids, points = reduce_run(run, on_share=lambda share: on_share(share / 2))
    except (OSError, pa.ArrowException) as error:
        raise AnomalureError(f"The embeddings of run {run.run_id} cannot be read: {error}") from error
    place = {crop_id: i for i, crop_id in enumerate(ids)}
    labelled = [one for one in labelled if one.crop_id in place]
    species = fold_species([one.species for one in labelled])
    compared = compare_with_look_alikes(
        points[[place[one.crop_id] for one in labelled]],
        species,
        [one.group for one in labelled],
        on_share=lambda share: on_share((1 + share) / 2),
    )
    margins, suggested = compared.margins, compared.suggested
    found = [
        Suggestion(
            crop_id=one.crop_id,
            label=species[i],
            label_from=one.origin,
            suggested=compared.names[suggested[i]],
            margin=round(float(margins[i]), 4),
        )
        for i, one in enumerate(labelled)
        if margins[i] > 0 and one.origin != FROM_PERSON
    ]
    return Suggestions(
        run.run_id,
        tuple(sorted(found, key=lambda one: (-one.margin, one.crop_id))),
        n_labelled=len(labelled),
        n_looked_at=sum(one.origin == FROM_PERSON for one in labelled),
        n_alone=int((~compared.is_comparable).sum()),
        n_coarse=n_coarse,
    )


def _count_coarse(run: RunFolder, labelled: Collection[str]) -> int:
    said = read_classified(run)
    if said is None:
        return 0
    coarse = said.labels(animals_only=True).keys() - said.labels(animals_only=True, at_level_only=True).keys()
    return len(coarse - set(labelled))


def read_labelled(index: ReviewIndex) -> Iterator[LabelledCrop]:
    """The labelled crops of a run.

    Left out: whole frames, people, boxes on nothing, and crops that a reviewer was unsure about.
    """
    people = set(index.list_people())
    has_file = bool(index.run.info.boxes)
    said = read_classified(index.run)
    classes = said.labels(animals_only=True, at_level_only=True) if said is not None else {}
    for start in range(0, len(index.catalogue), CHUNK_CROPS):
        rows = index.rows(np.arange(start, min(start + CHUNK_CROPS, len(index.catalogue))))
        for row in rows.itertuples(index=False):
            if row.kind == CropKind.FRAME or row.crop_id in people or row.verdict == Decision.UNSURE:
                continue
            species, origin = _read_label(row, has_file=has_file, said=classes.get(row.crop_id, ""))
            if species.casefold() not in _NO_SPECIES:
                yield LabelledCrop(row.crop_id, name_group(row.photo_id, row.event_id), species, origin)


def _read_label(row: Any, *, has_file: bool, said: str) -> tuple[str, str]:
    """The species of a row of ``ReviewIndex.rows``, as a named tuple, and where it comes from."""
    if row.verdict and row.verdict_species:
        return name_decided(row.verdict_species), FROM_GROUP if row.given_to else FROM_PERSON
    in_file = str(row.detector_class) if has_file else ""
    origin = FROM_FILE
    if said and in_file.casefold() in _NO_SPECIES:
        in_file, origin = said, FROM_CLASSIFIER
    if row.verdict == Decision.ANOMALY:
        return "", FROM_PERSON  # odd, and nobody said which species
    if row.verdict:
        return in_file or str(row.species), FROM_GROUP if row.given_to else FROM_PERSON
    return in_file, origin


def write_suggestions(work: Path, suggestions: Suggestions) -> None:
    """Keep what was found in the folder of the work, whole or not at all."""
    write_whole(work / FILE, to_json(suggestions))


def read_suggestions(project: Project, run: RunFolder) -> Suggestions | None:
    """What was found in a run last; None if nobody has looked yet.

    Raises:
        AnomalureError: If it cannot be read.
    """
    place = run.path / FOLDER / FILE
    try:
        return from_json(read_whole(place), Suggestions)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise AnomalureError(
            f"The suggestions of the run {run.run_id} cannot be read: {error}. Look for them again."
        ) from error


def list_suggestion_rows(project: Project, run: RunFolder, suggestions: Suggestions) -> list[dict[str, Any]]:
    """The suggestions as rows for a table, with the verdicts that hold now.

    Columns: ``SUGGESTION_EXPORT``, and ``verdict_id`` of the verdict on the crop itself, empty without any.
    """
    index = project.review_index(run)
    places = index.find_places([one.crop_id for one in suggestions.found])
    rows = index.rows(list(places.values())).set_index("crop_id").to_dict("index") if places else {}
    listed = []
    for one in suggestions.found:
        row = rows.get(one.crop_id)
        if row is None:
            continue  # the run was resumed, and its crops are others now
        is_decided = bool(row["verdict"]) and not row["given_to"]
        listed.append(
            {
                "run": suggestions.run,
                "crop_id": one.crop_id,
                **{name: row[name] for name in _OF_ROW},
                "label": one.label,
                "label_from": one.label_from,
                "suggested": one.suggested,
                "margin": one.margin,
                "verdict": row["verdict"] if is_decided else "",
                "verdict_species": row["verdict_species"] if is_decided else "",
                "reviewer": row["reviewer"] if is_decided else "",
                "verdict_id": row["verdict_id"] if is_decided else "",
            }
        )
    return listed


def relabel(
    project: Project, run: RunFolder, seen: Mapping[str, str], *, species: str, reviewer: str
) -> list[dict[str, Any]]:
    """Give crops this species, as a person's own look at each. Odd crops stay odd; all others are normal.

    Nothing and people are never odd. A crop that another person has decided about meanwhile is left as it is.

    Args:
        project: The study.
        run: The run of the crops.
        seen: The crops, each with the ``verdict_id`` that was shown for it.
        species: What they are.
        reviewer: Who says so.

    Returns:
        The rows of the crops that were left as they are.

    Raises:
        AnomalureError: If the species cannot be a name.
    """
    index = project.review_index(run)
    rows = index.rows(list(index.find_places(list(seen)).values()))
    shown = rows["crop_id"].map(seen)
    others = rows["reviewer"].map(lambda name: name_key(str(name)) != name_key(reviewer))
    unseen = (rows["verdict"] != "") & (rows["given_to"] == "") & (rows["verdict_id"] != shown) & others
    odd = (rows["verdict"] == Decision.ANOMALY) & (name_decided(species) not in (NOTHING, PERSON))
    for verdict, chosen in ((Decision.ANOMALY, rows[odd & ~unseen]), (Decision.NORMAL, rows[~odd & ~unseen])):
        if len(chosen):
            project.save_verdicts(chosen.to_dict("records"), verdict, reviewer=reviewer, species=species)
    return [{str(name): value for name, value in row.items()} for row in rows[unseen].to_dict("records")]
