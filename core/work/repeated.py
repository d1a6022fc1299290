"""Work that may be asked for again whenever it has ended, because its result does not lie in its folder."""

from core.errors import AnomalureError
from core.work.folder import Status, WorkFolder


class RepeatedWork(WorkFolder):
    """A ranking, a map: a new request replaces the one before."""

    def check_replaceable(self) -> None:
        """Raise an AnomalureError if the work is under way."""
        if self.is_running:
            raise AnomalureError("This is being computed already. Wait until it ends, or cancel it.")

    @property
    def is_running(self) -> bool:
        """Whether somebody asked for it, and it has not ended."""
        return self.path.is_dir() and self.status is Status.RUNNING

    @property
    def was_tried(self) -> bool:
        """Whether somebody asked for it, and it ended without a result."""
        return self.path.is_dir() and self.status not in (Status.DONE, Status.RUNNING)
