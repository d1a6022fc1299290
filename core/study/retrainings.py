"""Retrainings of a project: each has a folder in ``retrainings/``, named like the bundle that it makes."""

from pathlib import Path
from typing import Any, ClassVar

from core.disk.files import read_whole
from core.disk.json import parse_values
from core.work.folder import WorkFolder

FOLDER = "retrainings"
LOCK_NAME = "retrain.lock"
SCRATCH = ".retraining-"


class Retraining(WorkFolder):
    """One retraining; its result is the report of the bundle before and after."""

    what: ClassVar[str] = "retraining"

    @classmethod
    def of(cls, project: Path, name: str) -> "Retraining":
        """The retraining that makes, or made, the bundle of this name."""
        return cls(project / FOLDER / name)

    @property
    def can_resume(self) -> bool:
        """Never: a bundle is made completely or not at all, so a stopped retraining starts from the beginning."""
        return False

    def read_result(self) -> dict[str, Any]:
        """The report; empty before the end. Earlier versions kept it as a file beside the folders."""
        report = super().read_result()
        if report:
            return report
        try:
            report = parse_values(read_whole(self.path.parent / f"{self.name}.json"))
        except (OSError, ValueError):
            return {}
        return report if isinstance(report, dict) else {}


def count_trained(project: Path, bundle: str) -> int:
    """Sequence of the last verdict that the bundle was trained with; 0 if it was not made by a retraining."""
    after = Retraining.of(project, bundle).read_result().get("after_verdict", 0) if bundle else 0
    return after if isinstance(after, int) else 0
