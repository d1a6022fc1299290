"""Locks files for one process at a time; the system releases them when the process ends, however it ends."""

import errno
import os
import random
import time
from pathlib import Path
from types import TracebackType

from filelock import lock_descriptor, unlock_descriptor

from core.errors import AnomalureError

_PAUSE_S = 0.004
# Windows lets nobody else read the locked byte, which is the first, so the text begins after it.
_TEXT_AT = 1


class LockHeld(Exception):
    """Somebody else holds the lock; ``holder`` is the number of their process, as far as it is known."""

    def __init__(self, holder: str) -> None:
        super().__init__(holder)
        self.holder = holder


class LockUnwritable(AnomalureError):
    """The file of a lock cannot be written, because its folder may only be read."""


class FileLock:
    """Holds a file for one process at a time, and for one part of that process.

    The lock is the operating system's (flock, on Windows LockFileEx, both through ``filelock``), not the existence of
    the file. So nothing is stale after a kill, and there is nothing to take over. ``filelock``'s own ``FileLock`` is
    not used because it cannot say who holds the lock.
    """

    def __init__(self, path: Path, *, patience_s: float = 0.0) -> None:
        self._path = path
        self._patience_s = patience_s
        self._handle: int | None = None

    def __enter__(self) -> "FileLock":
        """Take the lock, trying for ``patience_s`` seconds.

        Raises:
            LockHeld: If another process, or another part of this one, holds it.
            LockUnwritable: If the file cannot be written.
            AnomalureError: If the disk cannot lock files.
        """
        until = time.monotonic() + self._patience_s
        try:
            # A link of that name, in a project that came from somebody else, would have another file written over.
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        except OSError as error:
            unwritable = LockUnwritable if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else AnomalureError
            raise unwritable(
                f"{self._path} cannot be written ({error.strerror}). Choose a project in a folder "
                "that you may write to."
            ) from error
        try:
            while not _try_lock(handle, self._path):
                if time.monotonic() >= until:
                    os.lseek(handle, _TEXT_AT, os.SEEK_SET)
                    raise LockHeld(os.read(handle, 32).decode(errors="replace").strip() or "unknown")
                time.sleep(random.uniform(0.5, 1.5) * _PAUSE_S)
            os.ftruncate(handle, 0)
            os.write(handle, b" " * _TEXT_AT + str(os.getpid()).encode())
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Release the lock. The file stays: if it were removed, two processes could lock two files of one name."""
        assert self._handle is not None
        unlock_descriptor(self._handle)
        os.close(self._handle)
        self._handle = None


def _try_lock(handle: int, path: Path) -> bool:
    try:
        return lock_descriptor(handle, blocking=False)
    except OSError as error:
        raise AnomalureError(
            f"The disk of {path.parent} cannot lock files ({error.strerror}). Without locks, two programs could spoil "
            "each other's work. Put the project on another disk."
        ) from error
