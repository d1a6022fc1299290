"""Files for other tools: streamed to a temporary name, and there when they are whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from core.errors import AnomalureError
from core.files import replace_file, temporary_beside


@contextmanager
def open_new(path: Path, *, newline: str | None = "\n") -> Iterator[TextIO]:
    """A text file (UTF-8) to write; it takes its name when the block ends well, over what was there.

    Raises:
        AnomalureError: If the file cannot be written: no such folder, no permission, disk full.
    """
    temporary = temporary_beside(path)
    try:
        with temporary.open("x", encoding="utf-8", newline=newline) as file:
            yield file
        replace_file(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise AnomalureError(f"{path} cannot be written: {error.strerror or error}.") from error
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
