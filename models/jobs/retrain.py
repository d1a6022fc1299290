"""A retraining: the next bundle, made from another one and the verdicts so far, and measured before and after."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from core.disk.files import TEMPORARY_SUFFIX
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError
from core.study.project import Project
from core.study.retrainings import FOLDER, LOCK_NAME, SCRATCH, Retraining
from core.work.folder import WorkFolder
from core.work.meter import Meter
from core.work.progress import Phase, Progress
from core.work.request import Request

# One thread that does not spin while it waits, so that the reviewer's pictures are loaded first.
ENVIRONMENT = {"OMP_WAIT_POLICY": "PASSIVE", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, kw_only=True)
class RetrainRequest(Request):
    """Make the bundle ``name`` from verdicts.

    Attributes:
        made_from: The bundle to start from; empty: use only the verdicts on first looks.
        learn_species: Species of accepted anomalies that the new bundle should know, and not flag.
        truth: Labels that say what is in the photos; used only to measure.
        split: Only the photos of this split of the truth.
        activate: Make the new bundle the active one.
    """

    kind: ClassVar[str] = "retrain"
    room: ClassVar[str] = FOLDER
    what: ClassVar[str] = "retraining"

    made_from: str = ""
    learn_species: tuple[str, ...] = ()
    truth: Path | None = None
    split: str | None = None
    activate: bool = False


REQUEST = RetrainRequest
open_work = Retraining


def do(project: Project, work: WorkFolder, meter: Meter) -> dict[str, Any]:
    """Make and measure the bundle; returns the report of ``models.loop.retraining.retrain_bundle``.

    A cancel stops the work until the bundle is made. The measuring afterwards is short and is always finished, because
    its report says what the bundle was made from.

    Raises:
        AnomalureError: If it cannot be done, or another retraining is under way in the project.
        Cancelled: If somebody asked it to stop; no bundle is made then.
    """
    from core.formats.recognise import read_labels
    from models.loop.retraining import MEASURING, adopt_bundles, retrain_bundle

    request = work.read_request(RetrainRequest)

    def begin_step(done: int, total: int, message: str) -> None:
        meter.tell(Progress(phase=Phase.MODELS, done=done, total=total, message=message, unit="step"))
        if done < MEASURING:
            meter.check()

    try:
        with FileLock(work.path.parent / LOCK_NAME):
            adopt_bundles(project)
            _sweep(project, request.name)
            report = retrain_bundle(
                project,
                name=request.name,
                made_from=request.made_from,
                learn_species=request.learn_species,
                truth=read_labels(request.truth) if request.truth else None,
                split=request.split,
                on_step=begin_step,
            )
    except LockHeld as held:
        raise AnomalureError(
            f"Another retraining is under way in this project (process {held.holder}). Wait until it ends, or cancel "
            "it on the Retrain page."
        ) from held
    work.write_result(report)
    if request.activate:
        project.store.activate_bundle(request.name)
    return report


def _sweep(project: Project, name: str) -> None:
    """Remove the temporary files of killed retrainings."""
    for left in (*project.path.glob(f"{SCRATCH}*"), *project.bundles_dir.glob(f".{name}.*{TEMPORARY_SUFFIX}")):
        shutil.rmtree(left, ignore_errors=True)
