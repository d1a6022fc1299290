"""How this process asks the system for memory."""

import ctypes
import functools
import sys

# Of malloc.h.
_TRIM_THRESHOLD, _MMAP_MAX = -1, -4
_NEVER = 2**31 - 1


@functools.cache
def keep_freed_memory() -> bool:
    """Have the C library keep what is freed for the next step, instead of giving it back and asking again.

    A training step takes and frees gigabytes in large pieces, which glibc would map anew, and the system clear, each
    time: a third of the processor's time on a MobileNetV2. Does nothing where the C library is another one.

    Returns:
        Whether it was done.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_MMAP_MAX, 0)) and bool(mallopt(_TRIM_THRESHOLD, _NEVER))
