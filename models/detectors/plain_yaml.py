"""YAML of others: names and values only, without references that blow up, and quoted in short."""

import stat
from pathlib import Path
from typing import Any

import yaml

from core.errors import FileFormatError

MOST_BYTES = 2_000_000
LONGEST_QUOTED = 200


class _PlainLoader(yaml.SafeLoader):
    """Values without aliases: a few lines of aliases to aliases stand for more values than any memory holds."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):  # type: ignore[no-untyped-call]
            raise yaml.YAMLError("it refers to other values (&, *), which is not read")
        return super().compose_node(parent, index)  # type: ignore[no-untyped-call]


def read_plain_yaml(path: Path) -> dict[Any, Any]:
    """The names and values of a YAML file.

    Raises:
        FileFormatError: If it is too large, not readable, has aliases, or is no mapping.
    """
    try:
        about = path.stat()
        if not stat.S_ISREG(about.st_mode):  # reading a pipe would wait for ever
            raise FileFormatError(f"{path} is not an ordinary file.")
        if about.st_size > MOST_BYTES:
            raise FileFormatError(f"{path} has more than {MOST_BYTES:,} bytes, which is no description of a detector.")
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_PlainLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # ValueError: not UTF-8, or a number without end
        raise FileFormatError(f"{path} is not readable as YAML: {quote(error)}. Export the detector again.") from error
    except OSError as error:
        raise FileFormatError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not isinstance(values, dict):
        raise FileFormatError(f"{path} must hold names and values, got {type(values).__name__}. Export it again.")
    return values


def quote(value: object) -> str:
    """A value from a file for a message, in at most 200 characters and without control characters."""
    text = str(value) if isinstance(value, Exception) else _repr(value)
    text = "".join(sign if sign.isprintable() else " " for sign in text)
    return text if len(text) <= LONGEST_QUOTED else text[: LONGEST_QUOTED - 1] + "…"


def _repr(value: object) -> str:
    try:
        return repr(value)
    except (ValueError, RecursionError):  # a number of too many digits, lists in lists without end
        return f"a {type(value).__name__}"
