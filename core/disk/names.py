"""Names of files that are not valid text, as old zips and Latin-1 disks leave them. They cannot be stored or shown."""

import re
import unicodedata
from pathlib import Path

from core.errors import AnomalureError

_C1 = re.compile(r"[\x7f-\x9f]")
_DIRECTIONS = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def is_text(name: str) -> bool:
    """Whether a name, as the system gives it, is valid text."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name) if not name.isascii() else True


def show_name(name: str) -> str:
    """The name with a mark in place of each byte that is not valid text."""
    return name if is_text(name) else "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in name)


def show_in_terminal(text: str) -> str:
    """Text from files for a terminal: signs that steer it, or turn the direction of writing, are written as codes."""
    if text.isprintable():
        return text
    return "".join(
        sign if sign in "\n\t" or not _steers(sign) else sign.encode("unicode_escape").decode() for sign in text
    )


def escape_c1(json_text: str) -> str:
    """JSON in which the control signs that JSON itself leaves as they are, 7F to 9F, are written as codes, too."""
    return _C1.sub(lambda found: f"\\u{ord(found.group()):04x}", json_text)


def _steers(sign: str) -> bool:
    return unicodedata.category(sign) == "Cc" or sign in _DIRECTIONS


def check_name_is_text(path: Path | str, *, what: str = "path") -> None:
    """Raise an AnomalureError if a path has a name that is not valid text."""
    if not is_text(str(path)):
        raise AnomalureError(
            f"The name of the {what} {show_name(str(path))} is not valid text: it was written in another encoding. "
            "Rename it, then try again."
        )


def expand_home(path: Path | str) -> Path:
    """The path with ``~`` as the home folder; as it is where nobody has that name, such as ``~backup/photos``."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
