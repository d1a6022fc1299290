"""Does a piece of work: locks its folder, writes its progress and, whatever happens, how it ended."""

import errno
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from core.errors import AnomalureError
from core.work.folder import WorkFolder
from core.work.meter import Cancelled, Meter
from core.work.progress import Phase, Progress

Result = TypeVar("Result")
CANCELLED_WORDS = "Cancelled; what was finished is kept. Resume it to continue."


def do_work(
    work: WorkFolder,
    do: Callable[[Meter], Result],
    *,
    finish: Callable[[], object] = lambda: None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Result:
    """Lock the folder, do the work, and write how it ended.

    Args:
        work: The folder of the work.
        do: Does the work and reports its progress to the meter.
        finish: Called after the end is written, while the folder is still locked, for tasks that nobody waits for.
        on_progress: Gets every progress that is written.

    Raises:
        Cancelled: If somebody asked it to stop.
        AnomalureError: If it cannot be done, another process does it, or the disk is full.
    """
    with work.working():
        meter = Meter(work, on_progress)
        try:
            meter.begin(Phase.STARTING)
            result = do(meter)
            meter.end(Phase.DONE)
        except Cancelled:
            meter.end(Phase.CANCELLED, CANCELLED_WORDS)
            raise
        except BaseException as error:
            plain = _explain(error, work, begun=meter.has_begun)
            with suppress(OSError):  # on a full disk the last progress cannot be written either
                meter.end(Phase.FAILED, str(plain) or type(error).__name__)
            if plain is error:
                raise
            raise plain from error
        finish()
        return result


def _explain(error: BaseException, work: WorkFolder, *, begun: bool) -> BaseException:
    then = f"resume the {work.what}" if begun and work.can_resume else "try again"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return AnomalureError(f"The disk of {work.path} is full. Make room there, then {then}.")
    if isinstance(error, OSError) and error.errno is not None:
        where = f" ({error.filename})" if error.filename else ""
        return AnomalureError(
            f"{error.strerror or error}{where}. Check that the disk is connected and that you may use the folder, "
            f"then {then}."
        )
    if isinstance(error, KeyboardInterrupt):
        return KeyboardInterrupt("Stopped from the keyboard.")
    return error
