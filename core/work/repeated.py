"""Work that can be requested again after it has ended, because its result is not kept in its folder."""

from dataclasses import dataclass

from core.errors import AnomalureError
from core.work.folder import Status, WorkFolder
from core.work.request import Request


@dataclass(frozen=True, kw_only=True)
class RepeatedRequest(Request):
    """A request for work about one run, whose name is ``run``. The work's folder is inside the run's."""

    run: str

    @property
    def work_id(self) -> str:
        """The path of the work's folder inside the project."""
        return f"runs/{self.run}/{self.name}"


class RepeatedWork(WorkFolder):
    """A ranking or a map: a new request replaces the one before."""

    def check_replaceable(self) -> None:
        """Raise an AnomalureError if the work is under way."""
        if self.is_running:
            raise AnomalureError("This is being computed already. Wait until it ends, or cancel it.")

    @property
    def is_running(self) -> bool:
        """Whether it was requested and has not ended."""
        return self.path.is_dir() and self.status is Status.RUNNING

    @property
    def was_tried(self) -> bool:
        """Whether it was requested and ended without a result."""
        return self.path.is_dir() and self.status not in (Status.DONE, Status.RUNNING)
