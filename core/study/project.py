"""A study's folder: its runs, bundles, crops and the verdicts of its reviewers."""

import logging
import os
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
from cachetools import LRUCache

from core.disk.inside import LeadsOut, inside
from core.disk.names import expand_home
from core.errors import AnomalureError, NewerVersion, WrongUsage, did_you_mean
from core.photos.crop_pictures import CROP_ID, place_crop_picture
from core.photos.reading import find_photo_file
from core.records import Decision, Round, Verdict, tidy_name
from core.review.holding import take_latest
from core.review.index import ReviewIndex
from core.review.queue import ReviewQueue, read_crop, read_queue, read_values
from core.runs.catalogue import find_photo
from core.runs.folder import RunFolder, RunInfo, Status
from core.store.database import Store
from core.store.opening import Change
from core.store.people import read_people_classes
from core.study.decisions import GivenDecision, make_verdicts
from core.study.selections import Selection, list_selections, read_selection, write_selection
from core.work.trainings import TrainingFolder

log = logging.getLogger("anomalure")

DATABASE_NAME = "anomalure.duckdb"
_PHOTO_ID = re.compile(r"[0-9a-f]{32}")
LONGEST_NAME = 80
_INDEXES_KEPT = 4
# Names that Windows keeps for devices, whatever their ending.
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
# DuckDB takes the first for the begin of options and the second for a slash.
_MISREAD = re.compile(r"[?\\]")
_SAFE_NAME = re.compile(r"\w[\w .()+-]*")


@dataclass
class _KeptIndex:
    version: str  # of the run that the crops were read from
    index: ReviewIndex
    change: Change = ()  # of the store, when its verdicts were read
    lock: threading.Lock = field(default_factory=threading.Lock)


class Project:
    """One study: ``anomalure.duckdb``, ``runs/``, ``bundles/`` and ``crops/`` in one folder.

    The folder is made if it is missing. A Project may be shared by threads.

    Raises:
        AnomalureError: If the path is a file, or the folder cannot be made or written to.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = expand_home(path).absolute()
        if self.path.exists() and not self.path.is_dir():
            raise AnomalureError(f"A project is a folder, but {self.path} is a file. Choose a folder, or a new name.")
        if os.name != "nt" and _MISREAD.search(f"{self.path}{os.path.realpath(self.path)}"):
            raise AnomalureError(
                f"A project cannot be in {self.path}: its database cannot be opened where a folder has ? or \\ in its "
                "name. Rename the folder, or choose another one."
            )
        self.runs_dir = self.path / "runs"
        self.bundles_dir = self.path / "bundles"
        self.crops_dir = self.path / "crops"
        self.detectors_dir = self.path / "detectors"
        self.trainings_dir = self.path / "trainings"  # made by the first one
        try:
            for folder in (self.runs_dir, self.bundles_dir, self.crops_dir):
                folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if not self.runs_dir.is_dir():  # one that may only be read can be looked at
                raise AnomalureError(
                    f"The project's folder {self.path} cannot be made ({error.strerror}). "
                    "Choose a folder that you may write to."
                ) from error
        self.store = Store(self.path / DATABASE_NAME)
        self._indexes: LRUCache[str, _KeptIndex] = LRUCache(_INDEXES_KEPT)
        self._indexes_lock = threading.Lock()

    def refuse_newer(self) -> None:
        """Refuse a project that was last used with a newer version, before anything is written into it.

        Raises:
            NewerVersion: If it was. A database that cannot be read says so where it is needed.
        """
        if not self.store.path.exists():
            return
        try:
            with self.store.reading():
                pass
        except NewerVersion:
            raise
        except AnomalureError:
            pass

    # Runs

    def runs(self) -> list[RunFolder]:
        """The runs, newest first; one that cannot be read has status ``broken``, a ``problem``, and stands last."""
        return [run for run in RunFolder.list_all(self.runs_dir) if not run.is_only_requested]

    def run(self, run_id: str) -> RunFolder:
        """The run of that id.

        Raises:
            AnomalureError: If there is none, or it cannot be read.
        """
        if is_safe_name(run_id) and (self.runs_dir / run_id).is_dir():
            return RunFolder.open(self.runs_dir / run_id)
        known = [run.run_id for run in self.runs()]
        raise AnomalureError(
            f"There is no run {run_id!r} in {self.path}; the latest are: {', '.join(known[:10]) or 'none yet'}."
            + did_you_mean(run_id, known)
        )

    def is_gone(self, run_id: str) -> bool:
        """Whether a run is known to be gone: the project had it, and among the folders of its runs there is none of it.

        That is not known of a run that cannot be read for a moment, or while the project's disk is away.
        """
        try:
            there = {folder.name for folder in self.runs_dir.iterdir()}
        except OSError:
            return False
        return run_id not in there and run_id in set(self.store.runs()["run_id"])

    def find_gone_runs(self) -> list[str]:
        """The ids of the runs that somebody decided about, and whose folders are not there any more."""
        decided = dict.fromkeys(run_id for run_id in self.store.verdicts()["run"] if run_id)
        return [run_id for run_id in decided if not (self.runs_dir / run_id).is_dir()]

    def trainings(self) -> list[TrainingFolder]:
        """The trainings, newest first; those that cannot be read last."""
        return TrainingFolder.list_all(self.trainings_dir)

    def training(self, name: str) -> TrainingFolder:
        """The training of that name; its folder may not exist."""
        check_name(name, what="training")
        return TrainingFolder(self.trainings_dir / name)

    def latest_run(self) -> RunFolder | None:
        """The newest run that is done; if none is, the newest that can be read; None without any."""
        good = [run for run in self.runs() if not run.problem]
        return next((run for run in good if run.status is Status.DONE), good[0] if good else None)

    def run_or_latest(self, run_id: str = "") -> RunFolder:
        """The run of that id, or else ``latest_run()``; runs that cannot be read are named in a warning.

        Raises:
            AnomalureError: If there is none, or none that can be read, which is then named.
        """
        if run_id:
            return self.run(run_id)
        latest = self.latest_run()
        broken = [run for run in self.runs() if run.problem]
        if latest is None and broken:
            raise AnomalureError(f"No run in {self.path} can be read. {broken[0].problem}")
        if latest is None:
            raise AnomalureError(f"There is no run in {self.path} yet. Run Anomalure on a folder of photos first.")
        for run in broken:
            log.warning("Run %s is left out, and %s is used. %s", run.run_id, latest.run_id, run.problem)
        return latest

    def new_run_folder(
        self,
        name: str | None = None,
        *,
        folder: Path | str,
        file_names: Sequence[str],
        bundle: str = "",
        detector: str = "",
        encoder: str = "",
        encoders: Sequence[Mapping[str, Any]] = (),
        sections: Sequence[int] = (),
        engines: Sequence[str] = (),
        settings: Mapping[str, Any] | None = None,
        boxes: str = "",
        deployments_csv: str = "",
        classifications: str = "",
        code_version: str = "",
    ) -> RunFolder:
        """Make the folder of a new run and note it in the store.

        Args:
            name: The run's id; None: ``suggest_run_name``.
            folder: The folder of photos.
            file_names: Its photos, relative, with forward slashes, in the order in which they are done.
            bundle: The bundle's name; empty: first look.
            detector: What finds the animals, in words.
            encoder: What computes their embeddings, in words.
            encoders: The specifications of that encoder, as JSON values.
            sections: Lengths of the parts of an embedding.
            engines: What computes each of them.
            settings: ``RunSettings.to_values()``.
            boxes: The file that boxes come from in place of a detector, absolute, or empty.
            deployments_csv: The table of cameras, absolute, or empty.
            classifications: The file of a classifier's names, absolute, or empty.
            code_version: The version of Anomalure.

        Raises:
            AnomalureError: If the name is taken or cannot be a file's name.
        """
        folder = expand_home(folder).absolute()
        name = self.suggest_run_name(folder) if name is None else name
        check_name(name, what="run")
        info = RunInfo(
            run_id=name,
            name=name,
            folder=str(folder),
            bundle=bundle,
            detector=detector,
            encoder=encoder,
            encoders=tuple(encoders),
            sections=tuple(sections),
            engines=tuple(engines),
            settings=dict(settings or {}),
            boxes=boxes,
            deployments_csv=deployments_csv,
            classifications=classifications,
            code_version=code_version,
        )
        try:
            run = RunFolder.create(self.runs_dir / name, info, file_names)
        except FileExistsError as error:
            raise AnomalureError(
                f"There is a run named {name!r} already. Choose another name, or resume that run."
            ) from error
        self.store.register_run(
            run_id=name, name=info.name, folder=info.folder, bundle=bundle, created_at=info.created_at
        )
        return run

    def suggest_run_name(self, folder: Path | None) -> str:
        """Today's date and the name of a folder of photos, with -2, -3, ... if it is taken."""
        slug = re.sub(r"[^\w]+", "-", folder.absolute().name if folder else "").strip("-_")[:40] or "photos"
        return self.suggest_name(f"{datetime.now():%Y-%m-%d}-{slug}", self.runs_dir)

    def suggest_name(self, first: str, *rooms: Path) -> str:
        """A name that is free in each of these folders of the project: ``first``, or with -2, -3, ... after it."""
        names = (first if n == 1 else f"{first}-{n}" for n in count(1))
        return next(name for name in names if not any((room / name).exists() for room in rooms))

    # Selections

    def save_selection(self, name: str, run_id: str, crop_ids: Iterable[str], *, source: str) -> Selection:
        """Keep a list of crops of a run under a name; see ``core.study.selections.write_selection``.

        Raises:
            AnomalureError: If there is no such run, or the list cannot be kept.
        """
        return write_selection(self.path, name, self.run(run_id), crop_ids, source=source)

    def selections(self) -> list[Selection]:
        """The named lists of crops, newest first; one that cannot be read has a ``problem``."""
        return list_selections(self.path)

    def selection(self, selection_id: str) -> Selection:
        """The selection of that id, which may come from an address.

        Raises:
            AnomalureError: If there is none, or it cannot be read.
        """
        return read_selection(self.path, selection_id)

    # Pictures

    def crop_path(self, crop_id: str) -> Path | None:
        """Where the small picture of a crop is, or is to be put; None if this is no crop's id."""
        if not CROP_ID.fullmatch(crop_id):
            return None
        try:
            return inside(self.crops_dir, place_crop_picture(self.crops_dir, crop_id))
        except LeadsOut:
            return None

    def photo_path(self, run_id: str, photo_id: str) -> Path | None:
        """Where a photo of a run is (it may be gone meanwhile); None if the run has no such photo.

        Only files that the run has read can be found like this.
        """
        if not _PHOTO_ID.fullmatch(photo_id):
            return None
        try:
            run = self.run(run_id)
        except AnomalureError:
            return None
        with self._indexes_lock:
            kept = self._indexes.get(run_id)
        name = (kept.index.known_photo(photo_id) if kept is not None else None) or find_photo(run, photo_id)
        if name is None:
            return None
        try:
            return find_photo_file(self.path, Path(run.info.folder), name)
        except LeadsOut:
            return None

    # Review

    def review_queue(self, run: RunFolder | str | None = None, **filters: Any) -> ReviewQueue:
        """One page of a run's crops, most anomalous first; of ``latest_run()`` unless told otherwise.

        The other arguments are those of ``core.review.queue.read_queue``: ``species, camera, flagged_only=True,
        undecided_only=False, order="score", limit=60, offset=0, false_alarm_rate=None``. Empty without any run.
        """
        chosen = self._choose(run)
        return ReviewQueue.empty() if chosen is None else read_queue(self.review_index(chosen), **filters)

    def review_index(self, run: RunFolder | str) -> ReviewIndex:
        """The run's review index, which this process keeps in memory, up to date with every verdict.

        It is kept for the runs used last, and made again when a run was resumed or scored again.
        """
        chosen = self.run(run) if isinstance(run, str) else run
        with self._indexes_lock:
            kept = self._indexes.get(chosen.run_id)
            version = chosen.version
            if kept is None or kept.version != version:
                kept = _KeptIndex(version, ReviewIndex(chosen, people_classes=read_people_classes(self.store)))
                self._indexes[chosen.run_id] = kept
        with kept.lock:
            change = (
                self.store.look_for_change()
            )  # before reading, so that a verdict written meanwhile is read the next time
            if kept.change != change or not any(change):
                if not self.store.is_ours(change, last=kept.index.sequence):
                    with self.store.reading():
                        verdicts, notes = self.store.verdicts(after=kept.index.sequence), self.store.notes()
                    kept.index.add_verdicts(verdicts)
                    kept.index.add_notes(zip(notes["crop_id"], notes["note"], strict=True))
                kept.change = change
        return kept.index

    def forget_indexes(self) -> None:
        """Drop the review indexes, for example when other classes count as people."""
        with self._indexes_lock:
            self._indexes.clear()

    def species(self, run: RunFolder | str | None = None) -> dict[str, int]:
        """The number of crops of each predicted species, by name; empty before the run is scored."""
        chosen = self._choose(run)
        return {} if chosen is None else read_values(self.review_index(chosen), "species")

    def cameras(self, run: RunFolder | str | None = None) -> dict[str, int]:
        """The number of crops of each deployment, by name."""
        chosen = self._choose(run)
        return {} if chosen is None else read_values(self.review_index(chosen), "deployment")

    def find_crop(self, crop_id: str, run: RunFolder | str | None = None) -> dict[str, Any]:
        """A crop's row of the review queue, from this run, or from the newest that has it.

        Raises:
            AnomalureError: If no run has it.
        """
        runs = [run for run in self.runs() if not run.problem] if run is None else [self._choose(run)]
        for candidate in runs:
            row = read_crop(self.review_index(candidate), None, crop_id) if candidate is not None else None
            if row is not None:
                return row
        raise AnomalureError(
            f"There is no crop {crop_id!r} in {'any run' if run is None else 'this run'} of "
            f"{self.path}. A crop's id is in the CSV file and under its picture."
        )

    def save_verdict(
        self,
        crop: Mapping[str, Any] | pd.Series | str,
        verdict: Decision | str,
        *,
        reviewer: str = "",
        note: str = "",
        species: str = "",
    ) -> Verdict:
        """Keep a reviewer's decision; when this returns it is on the disk.

        ``crop`` is a row of ``ReviewQueue.rows`` (as Series or mapping), or a crop's id.

        Raises:
            AnomalureError: If the verdict is not a ``Decision``, or no run has the crop.
        """
        return self.save_verdicts([crop], verdict, reviewer=reviewer, note=note, species=species)[0]

    def save_verdicts(
        self,
        crops: Sequence[Mapping[str, Any] | pd.Series | str],
        verdict: Decision | str,
        *,
        reviewer: str = "",
        note: str = "",
        species: str = "",
        round: Round = Round.FIRST,
    ) -> list[Verdict]:
        """The same decision about several crops, kept all or none. Blind second verdicts are never the valid ones."""
        try:
            decision = Decision(verdict)
        except ValueError as error:
            raise AnomalureError(f"A verdict is one of {', '.join(Decision)}, got {verdict!r}.") from error
        return self._append(crops, decision, reviewer=reviewer, note=note, species=species, round=round)

    def undo_verdict(
        self, crop: Mapping[str, Any] | pd.Series | str, *, reviewer: str = "", round: Round = Round.FIRST
    ) -> Verdict:
        """Take back the decision about a crop in a round. This adds a row; nothing is removed."""
        return self._append([crop], None, reviewer=reviewer, note="", species="", round=round)[0]

    def undo_verdicts(
        self, crops: Sequence[Mapping[str, Any] | pd.Series | str], *, reviewer: str = ""
    ) -> list[Verdict]:
        """Take back the decisions about several crops, all or none."""
        return self._append(crops, None, reviewer=reviewer, note="", species="")

    def verdicts(self) -> pd.DataFrame:
        """The valid verdicts, one for each decided crop (``core.review.holding``), in the order of deciding.

        Columns as ``core.store.database.VERDICT_COLUMNS``.
        """
        return take_latest(self.store.verdicts())

    def _spell(self, species: str, run_id: str) -> str:
        run = next((one for one in self.runs() if one.run_id == run_id and not one.problem), None) if species else None
        return self.review_index(run).spell_species(species) if run is not None else species

    def _choose(self, run: RunFolder | str | None) -> RunFolder | None:
        if run is None:
            return self.latest_run()
        return self.run(run) if isinstance(run, str) else run

    def _append(
        self,
        crops: Sequence[Mapping[str, Any] | pd.Series | str],
        decision: Decision | None,
        *,
        reviewer: str,
        note: str,
        species: str,
        round: Round = Round.FIRST,
    ) -> list[Verdict]:
        rows = [self.find_crop(crop) if isinstance(crop, str) else crop for crop in crops]
        try:
            decided = [
                (
                    row,
                    GivenDecision(
                        decision_id=uuid4().hex,
                        crop_id=row["crop_id"],
                        verdict=decision,
                        reviewer=tidy_name(reviewer),
                        note=note,
                        species=self._spell(species, row.get("run", "")),
                        round=round,
                    ),
                )
                for row in rows
            ]
        except ValueError as error:
            raise AnomalureError(f"This decision cannot be kept: {error}.") from error
        verdicts = make_verdicts(decided)
        self.store.append_verdicts(verdicts)
        own = {given.decision_id for _, given in decided}
        return [verdict for verdict in verdicts if verdict.verdict_id in own]


def check_name(name: str, *, what: str) -> None:
    """Whether a name that a user gave can be a folder's name on every system.

    Raises:
        WrongUsage: If it cannot.
    """
    if not is_safe_name(name):
        raise WrongUsage(
            f"{name!r} cannot be the name of a {what}: use up to {LONGEST_NAME} letters, digits, "
            "spaces and - _ . + ( ), starting with a letter or digit."
        )


def is_safe_name(name: str) -> bool:
    """Whether a name can be a folder's name on every system."""
    return (
        len(name) <= LONGEST_NAME
        and bool(_SAFE_NAME.fullmatch(name))
        and not _RESERVED.fullmatch(name)
        and name[-1] not in " ."
    )
