"""What was found in the scenes of a run, kept while the page is open: no decision moves the list under one's hands."""

import threading
from pathlib import Path

from cachetools import LRUCache

from core.runs.folder import RunFolder
from core.study.project import Project
from models.scenes.kept import find_model_file
from models.scenes.of_run import RunFindings, find_in_run, keep_found
from models.scenes.trained import TrainedScenes

_KEPT = 4
_Place = tuple[Path, str, Path, int, float]
_found: LRUCache[_Place, RunFindings | None] = LRUCache(_KEPT)
_lock = threading.Lock()


def look_through(project: Project, run: RunFolder, model: str, *, rate: float) -> RunFindings | None:
    """What is odd in the events of a run; None if no animal is known in it. The first time takes seconds.

    Raises:
        AnomalureError: If the model cannot be read.
    """
    file = find_model_file(project, model)
    key = (run.path, run.version, file, file.stat().st_mtime_ns, rate)
    with _lock:
        if key not in _found:
            trained = TrainedScenes.load(file)
            findings = find_in_run(project, run, trained, rate=rate, model=model)
            if findings is not None:
                keep_found(run, findings, trained)
            _found[key] = findings
        return _found[key]


def forget_found() -> None:
    """Look through runs anew, with the verdicts given meanwhile."""
    with _lock:
        _found.clear()
