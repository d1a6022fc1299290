"""A lock file that the system lets go of when its process ends, however it ends."""

import os
import sys
from pathlib import Path
from types import TracebackType

from core.errors import AnomalureError

# Far behind the text of the file, so that Windows lets others read who holds the lock.
_LOCKED_BYTE = 1 << 20


class FileLock:
    """Holds a file for one process at a time, as a context manager.

    The lock is the operating system's (flock, on Windows msvcrt.locking), not the file's existence: nothing is
    stale after a kill, and there is nothing to take over.
    """

    def __init__(self, path: Path, *, busy: str) -> None:
        self._path = path
        self._busy = busy
        self._handle: int | None = None

    def __enter__(self) -> "FileLock":
        """Take the lock.

        Raises:
            AnomalureError: If another process, or another part of this one, holds it.
        """
        handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(handle)
        except OSError as error:
            holder = os.read(handle, 32).decode(errors="replace").strip()
            os.close(handle)
            who = f" by process {holder}" if holder else ""
            raise AnomalureError(f"{self._busy}{who}. Wait until it ends, or cancel it.") from error
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the lock go. The file stays: removing it would let two processes lock two files of one name."""
        assert self._handle is not None
        _unlock(self._handle)
        os.close(self._handle)
        self._handle = None


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        finally:
            os.lseek(handle, 0, os.SEEK_SET)

    def _unlock(handle: int) -> None:
        os.lseek(handle, _LOCKED_BYTE, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)
else:
    import fcntl

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _unlock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)
