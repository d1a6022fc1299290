"""Work that is done again as a whole, because what was begun of it is of no use."""

from core.work.folder import WorkFolder


class WholeWork(WorkFolder):
    """The folder of such work: a new request of the same name takes the place of one that did not end well."""

    @property
    def can_resume(self) -> bool:
        """Never: it is begun anew."""
        return False
