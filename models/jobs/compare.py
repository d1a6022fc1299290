"""A comparison: which encoder and which one-class model are best on labelled photos, each species unknown in turn."""

import itertools
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from core.disk.files import write_whole
from core.disk.json import from_json, to_json
from core.errors import AnomalureError, did_you_mean
from core.formats.csv import write_csv
from core.formats.labelled import LabelledPhoto
from core.labels.crops import choose_split
from core.settings.run import RunSettings
from core.study.defaults import BundleDefaults, write_bundle_defaults
from core.study.project import Project, check_name
from core.work.folder import Status, WorkFolder
from core.work.labelled import LabelledRequest
from core.work.meter import Meter
from core.work.progress import Phase

if TYPE_CHECKING:
    from models.bundles.rows import TrainingRows
    from models.comparison.table import Row

TABLE, RESULT_ROWS = "comparison.csv", "rows.json"
AS_GOOD, NOT_KNOWN = "as_good_as_best", "not known"
"""A column of the table, and what it says where there are too few events: in JSON it is null."""
MOST_CROPS = 500
FEWEST_CROPS = 20
MOST_FOLDS = 10
USUAL_ONE_CLASS = ("ocsvm", "knn", "mahalanobis")
"""Compared if nobody chooses: the best on embeddings so far, and quick. An elliptic envelope takes far longer."""


@dataclass(frozen=True, kw_only=True)
class CompareRequest(LabelledRequest):
    """What a user asks of a comparison.

    Attributes:
        encoders: Words of ``models.encoders.sources.named.read_encoder``; none: those that are on this computer.
        one_class: Names of one-class models; none: the usual three.
        folds: Parts that events are divided into, 2 to 10; each is scored by models that do not know it.
        most_crops: Crops of a species that are used at most, drawn by whole events, >= 20.
        seed: Of whatever is drawn.
        settings: Margin around boxes and the gap between events.
    """

    kind: ClassVar[str] = "compare"
    room: ClassVar[str] = "comparisons"
    what: ClassVar[str] = "comparison"

    encoders: tuple[str, ...] = ()
    one_class: tuple[str, ...] = ()
    folds: int = 3
    most_crops: int = MOST_CROPS
    seed: int = 0
    settings: RunSettings = field(default_factory=RunSettings)


REQUEST = CompareRequest


def check(project: Project, request: CompareRequest) -> None:
    """Refuse what can be seen to be wrong before a photo is read.

    Raises:
        AnomalureError: If a choice cannot be used, or an encoder is unknown or not on this computer.
    """
    from models.encoders.sources.named import read_encoder, say_encoder
    from models.encoders.spec import HUB
    from models.one_class.methods import check_one_class
    from models.published.cache import State, find_state, say_by_hand
    from models.published.table import find_model, list_encoders

    for name in request.one_class:
        check_one_class(name)
    if not 2 <= request.folds <= MOST_FOLDS:
        raise AnomalureError(f"Events are divided into 2 to {MOST_FOLDS} folds, got {request.folds}.")
    if request.most_crops < FEWEST_CROPS:
        raise AnomalureError(f"At least {FEWEST_CROPS} crops of a species are needed, got {request.most_crops}.")
    named = Counter(say_encoder(read_encoder(words)) for words in request.encoders)
    if twice := [name for name, n in named.items() if n > 1]:
        raise AnomalureError(
            f"{twice[0]} is named twice. Name each encoder once; files of weights need different names."
        )
    for words in request.encoders:
        for spec in read_encoder(words):
            if spec.detector or spec.weights != HUB:
                continue
            model = find_model(spec.backbone)
            if model is None:
                raise AnomalureError(
                    f"There is no published encoder {spec.backbone}." + did_you_mean(spec.backbone, list_encoders())
                )
            if find_state(model) is not State.HERE:
                raise AnomalureError(
                    f"The encoder {spec.backbone} is not on this computer. Get it first, on the Models page or with "
                    f"python cli.py models get {spec.backbone}. {say_by_hand(model)}"
                )


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Embed the crops by each encoder, and measure each with each one-class model.

    Embeddings are kept in the folder of the work until it is done, so that a comparison that was stopped goes on.

    Raises:
        AnomalureError: If fewer than two species have enough crops, or an encoder cannot be loaded.
        Cancelled: If somebody asked it to stop.
    """
    from models.comparison.choosing import check_enough, choose_crops
    from models.comparison.scoring import score_unknown
    from models.comparison.table import Measured, make_table, measure
    from models.encoders.loading import check_backbone
    from models.encoders.sections import weigh_sections
    from models.encoders.sources.named import list_here, measure_mb, read_encoder, say_encoder

    request = work.read_request(CompareRequest)
    labels = request.read_labels()
    specs = [read_encoder(words) for words in request.encoders or list_here()]
    one_class = request.one_class or USUAL_ONE_CLASS
    chosen = choose_crops(
        choose_split(labels, request.split),
        request.images,
        settings=request.settings,
        most=request.most_crops,
        seed=request.seed,
        check=meter.check,
    )
    if len(specs) > 1:  # the last of them should not fail after the others have taken their time
        for part in itertools.chain.from_iterable(specs):
            if not part.detector:
                check_backbone(part)
            meter.check()
    embedded = [_embed(work, meter, request, chosen.photos, i, spec, n=len(specs)) for i, spec in enumerate(specs)]
    facts = embedded[0].rows
    _check_same(embedded, specs)
    kinds, groups = facts.column("species"), facts.column("owner")
    unknown, too_few = check_enough(kinds, groups)  # again, since some photos cannot be read
    meter.begin(Phase.MODELS, total=len(specs) * len(one_class) * len(unknown) * request.folds, unit="model")
    done = 0

    def count_fold() -> None:
        nonlocal done
        done += 1
        meter(done)

    measured: dict[tuple[str, str], Measured] = {}
    for spec, one in zip(specs, embedded, strict=True):
        rows = one.rows.vectors()
        for name in one_class:
            found = {
                species: score_unknown(
                    rows,
                    kinds.tolist(),
                    groups.tolist(),
                    unknown=species,
                    sections=one.sections,
                    weights=weigh_sections(spec, one.sections),
                    one_class=name,
                    n_folds=request.folds,
                    seed=request.seed,
                    on_fold=count_fold,
                )
                for species in unknown
            }
            measured[say_encoder(spec), name] = measure(
                {species: scores for species, (scores, _) in found.items()},
                {species: p_values for species, (_, p_values) in found.items()},
                kinds=kinds,
                groups=groups,
            )
    in_labels = [f"in the labels: {line}" for line in labels.problems]
    table = make_table(
        measured,
        seconds_per_crop={say_encoder(s): one.seconds_per_crop for s, one in zip(specs, embedded, strict=True)},
        n_numbers={say_encoder(s): one.rows.embeddings.shape[1] for s, one in zip(specs, embedded, strict=True)},
        sizes_mb={say_encoder(spec): measure_mb(spec) for spec in specs},
    )
    write_whole(work.path / RESULT_ROWS, to_json(table))
    listed = list_table(table)
    (work.path / TABLE).unlink(missing_ok=True)  # of a process that was killed right after it wrote it
    known = [{**row, AS_GOOD: NOT_KNOWN if row[AS_GOOD] is None else row[AS_GOOD]} for row in listed]
    write_csv(known, work.path / TABLE, columns=list(listed[0]))
    result = {
        "comparison": request.name,
        "photos": len(set(facts.column("photo_id"))),
        "crops": len(kinds),
        "events": len(set(groups)),
        "crops_of": dict(sorted(Counter(kinds).items())),
        "crops_not_drawn": chosen.n_not_drawn,
        "always_known": too_few,
        "not_used": list(dict.fromkeys((*in_labels, *chosen.problems.lines(), *embedded[0].problems))),
        "folds": request.folds,
        "seed": request.seed,
        "best": {"encoder": table[0].encoder, "one_class": table[0].one_class},
        "rows": listed,
    }
    work.write_result(result)
    for i in range(len(specs)):
        for path in _find_kept(work, i):
            path.unlink(missing_ok=True)
    return result


def read_rows(work: WorkFolder) -> "list[Row]":
    """The table of a comparison that is done, the best first.

    Raises:
        AnomalureError: If there is none, or it is damaged.
    """
    from models.comparison.table import Row

    try:
        return from_json((work.path / RESULT_ROWS).read_bytes(), list[Row])
    except (OSError, ValueError) as error:
        raise AnomalureError(
            f"The table of the comparison {work.name} cannot be read ({error}). Start the comparison again."
        ) from error


def choose_default(project: Project, name: str, place: int = 1) -> BundleDefaults:
    """Make a row of a comparison what new bundles of the project are made with.

    Args:
        project: The study.
        name: Of a comparison that is done.
        place: In its table; 1 is the best.

    Raises:
        AnomalureError: If there is no such comparison or place.
    """
    from models.encoders.sources.named import read_encoder, say_encoder

    check_name(name, what="comparison")
    work = WorkFolder(project.path / CompareRequest.room / name)
    if not work.path.is_dir() or work.status is not Status.DONE:
        raise AnomalureError(f"There is no comparison named {name} that is done. See them on the Evaluate page.")
    rows = read_rows(work)
    if not 1 <= place <= len(rows):
        raise AnomalureError(f"The table of {name} has the places 1 to {len(rows)}, got {place}.")
    row = rows[place - 1]
    given = {say_encoder(read_encoder(words)): words for words in work.read_request(CompareRequest).encoders}
    chosen = BundleDefaults(encoder=given.get(row.encoder, row.encoder), one_class=row.one_class, comparison=work.name)
    write_bundle_defaults(project.path, chosen)
    return chosen


def list_table(rows: "list[Row]") -> list[dict[str, Any]]:
    """The table as plain rows, for CSV and JSON: one row for each encoder and one-class model."""
    return [
        {
            "place": place,
            "encoder": row.encoder,
            "one_class": row.one_class,
            "auroc": row.auroc,
            "auroc_low": row.interval[0] if row.interval else None,
            "auroc_high": row.interval[1] if row.interval else None,
            AS_GOOD: row.is_as_good,
            "worst_auroc": row.worst,
            "worst_species": row.worst_species,
            "average_precision": row.average_precision,
            "review_at_95": row.review_at_95,
            "recall_flagged": row.recall_flagged,
            "false_alarm_rate": row.false_alarm_rate,
            "seconds_per_crop": row.seconds_per_crop,
            "numbers_per_crop": row.n_numbers,
            "size_mb": row.size_mb,
            **{f"auroc_{one.species}": one.auroc for one in row.species},
        }
        for place, row in enumerate(rows, start=1)
    ]


@dataclass(frozen=True)
class _Facts:
    sections: tuple[int, ...]
    seconds_per_crop: float
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Embedded:
    rows: "TrainingRows"
    sections: tuple[int, ...]
    seconds_per_crop: float
    problems: tuple[str, ...]


class _Timed:
    """An encoder that counts the seconds of its work. The first batch is also embedded before, to set things up."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder
        self.name, self.input_px, self.sections = encoder.name, encoder.input_px, encoder.sections
        self._seconds: list[float] = []
        self._crops: list[int] = []

    def embed(self, crops: np.ndarray) -> np.ndarray:
        if not self._seconds:
            self._encoder.embed(crops)
        began = time.perf_counter()
        embedded: np.ndarray = self._encoder.embed(crops)
        self._seconds.append(time.perf_counter() - began)
        self._crops.append(len(crops))
        return embedded

    @property
    def seconds_per_crop(self) -> float:
        """The middle batch's, so that a moment of other work does not count."""
        each = [s / n for s, n in zip(self._seconds, self._crops, strict=True)]
        return float(np.median(each)) if each else 0.0


def _find_kept(work: WorkFolder, i: int) -> tuple[Path, Path]:
    return work.path / f"embeddings-{i}.parquet", work.path / f"embeddings-{i}.json"


def _embed(
    work: WorkFolder, meter: Meter, request: CompareRequest, photos: list[LabelledPhoto], i: int, specs: Any, *, n: int
) -> _Embedded:
    """The crops of the labelled boxes by one encoder; read from the folder if they were embedded before."""
    from models.bundles.rows import TrainingRows
    from models.bundles.training import embed_labelled
    from models.comparison.choosing import NO_ANIMAL
    from models.encoders.loading import load_encoder

    rows_path, facts_path = _find_kept(work, i)
    try:
        facts = from_json(facts_path.read_bytes(), _Facts)
        rows = TrainingRows.from_bytes(rows_path.read_bytes())
        return _Embedded(rows, facts.sections, facts.seconds_per_crop, facts.problems)
    except (OSError, ValueError):
        pass  # not done yet
    meter.begin(Phase.PHOTOS, total=len(photos), message=f"Encoder {i + 1} of {n}.")
    encoder = _Timed(load_encoder(specs, allow_code=work.allow_code))
    crops = embed_labelled(photos, request.images, encoder=encoder, settings=request.settings, on_progress=meter)
    rows = crops.training_rows(gap_s=request.settings.event_gap_s)
    rows = rows.select(~rows.is_frame & ~np.isin(rows.column("species"), NO_ANIMAL))
    facts = _Facts(tuple(crops.sections), encoder.seconds_per_crop, tuple(crops.problems.lines()))
    write_whole(rows_path, rows.to_bytes())
    write_whole(facts_path, to_json(facts))
    return _Embedded(rows, facts.sections, facts.seconds_per_crop, facts.problems)


def _check_same(embedded: list[_Embedded], specs: list[Any]) -> None:
    """Refuse to compare on different crops, for instance because photos went away meanwhile."""
    first = embedded[0].rows.column("crop_id").tolist()
    if any(one.rows.column("crop_id").tolist() != first for one in embedded[1:]):
        raise AnomalureError(
            "The photos or labels changed while the encoders were compared, so they did not see the same crops. Start "
            "the comparison again under a new name."
        )
