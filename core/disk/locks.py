"""A lock file that the system lets go of when its process ends, however it ends."""

import errno
import os
import random
import sys
import time
from pathlib import Path
from types import TracebackType

from core.errors import AnomalureError

_PAUSE_S = 0.004
# Far behind the text of the file, so that Windows lets others read who holds the lock.
_LOCKED_BYTE = 1 << 20
_HELD = (errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK, errno.EDEADLK)


class LockHeld(Exception):
    """Somebody else holds the lock; ``holder`` is the number of their process, as far as it is known."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class FileLock:
    """Holds a file for one process at a time, and for one part of it.

    The lock is the operating system's (flock, on Windows msvcrt.locking), not the file's existence: nothing is
    stale after a kill, and there is nothing to take over.
    """

    def __init__(self, path: Path, *, patience_s: float = 0.0) -> None:
        self._path = path
        self._patience_s = patience_s
        self._handle: int | None = None

    def __enter__(self) -> "FileLock":
        """Take the lock, trying for ``patience_s`` seconds.

        Raises:
            LockHeld: If another process, or another part of this one, holds it.
            AnomalureError: If the file cannot be written, or the disk cannot lock files.
        """
        until = time.monotonic() + self._patience_s
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise AnomalureError(
                f"{self._path} cannot be written ({error.strerror}). Choose a project in a folder "
                "that you may write to."
            ) from error
        try:
            while not _try_lock(handle, self._path):
                if time.monotonic() >= until:
                    raise LockHeld(os.read(handle, 32).decode(errors="replace").strip() or "unknown")
                time.sleep(random.uniform(0.5, 1.5) * _PAUSE_S)
            os.ftruncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
        except BaseException:
            os.close(handle)
            raise
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


def _try_lock(handle: int, path: Path) -> bool:
    try:
        _lock(handle)
    except OSError as error:
        if error.errno in _HELD:
            return False
        raise AnomalureError(
            f"The disk of {path.parent} cannot lock files ({error.strerror}), which keeps two programs from spoiling "
            "each other's work. Put the project on another disk."
        ) from error
    return True


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
