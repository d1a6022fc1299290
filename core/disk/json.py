"""Writes dataclasses as readable JSON and reads them back, checked field by field."""

import json
from pathlib import Path
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def to_json(value: Any) -> bytes:
    """A value of dataclasses, mappings, sequences, enums, dates and paths as indented JSON, UTF-8."""
    return msgspec.json.format(msgspec.json.encode(value, enc_hook=_encode), indent=1) + b"\n"


def to_values(value: Any) -> Any:
    """The same as plain dicts, lists, text and numbers."""
    return msgspec.to_builtins(value, enc_hook=_encode)


def from_json(content: bytes, what: type[T]) -> T:
    """A value of this class; unknown fields are ignored, because a newer version may have written them.

    Raises:
        ValueError: If it is not JSON, or a field is missing, has another type, or a value that the class refuses.
    """
    return msgspec.json.decode(content, type=what, dec_hook=_decode)


def from_values(values: Any, what: type[T]) -> T:
    """As ``from_json``, from plain dicts, lists, text and numbers."""
    return msgspec.convert(values, what, dec_hook=_decode)


def parse_values(content: bytes | str) -> Any:
    """The value of JSON from a file of the project or a browser.

    Raises:
        ValueError: If it is not JSON, or nested so deeply that it was made to do harm.
    """
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _encode(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


def _decode(what: type, value: Any) -> Any:
    if issubclass(what, Path) and isinstance(value, str):
        return Path(value)
    raise ValueError(f"expected {what.__name__}, got {value!r}")
