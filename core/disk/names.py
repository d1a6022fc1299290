"""Names of files that are not valid text, as old zips and Latin-1 disks leave them. They cannot be stored or shown."""

from pathlib import Path

from core.errors import AnomalureError


def is_text(name: str) -> bool:
    """Whether a name, as the system gives it, is valid text."""
    return not any("\ud800" <= sign <= "\udfff" for sign in name) if not name.isascii() else True


def show_name(name: str) -> str:
    """The name with a mark in place of each byte that is not valid text."""
    return name if is_text(name) else "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in name)


def check_name_is_text(path: Path | str, *, what: str = "path") -> None:
    """Raise an AnomalureError if a path has a name that is not valid text."""
    if not is_text(str(path)):
        raise AnomalureError(
            f"The name of the {what} {show_name(str(path))} is not valid text: it was written in another encoding. "
            "Rename it, then try again."
        )
