"""Ends a process when the one that started it is gone, however that ended: the dashboard of ``cli.py start``."""

import os
import signal
import sys
import threading
from typing import BinaryIO

VARIABLE = "ANOMALURE_ENDS_WITH_STDIN"
"""Set by the process that starts another one, and holds a pipe to its stdin. The system closes that pipe when the
starter is gone, even if it was killed."""
PATIENCE_S = 5.0


def begin_watch() -> None:
    """Watch the pipe to stdin in a background thread, if this process was started so."""
    # Taken out of the environment, because what this process starts may outlive it.
    if os.environ.pop(VARIABLE, "") and sys.stdin is not None:
        threading.Thread(target=_watch, args=(sys.stdin.buffer,), name="starter", daemon=True).start()


def _watch(pipe: BinaryIO) -> None:
    pipe.read()  # returns when nobody can write into it any more
    hard_end = threading.Timer(PATIENCE_S, os._exit, args=(0,))
    hard_end.daemon = True
    hard_end.start()
    os.kill(os.getpid(), signal.SIGTERM)
