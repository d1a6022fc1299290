"""The parser of the command line: a wrong word is answered with the nearest right one."""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from core.errors import did_you_mean

_WRONG_CHOICE = re.compile(r"invalid choice: '(?P<given>[^']*)' \(choose from (?P<known>.*)\)")


class UsageError(Exception):
    """The words of a command line do not fit; ``usage`` says how they should look."""

    def __init__(self, parser: "Parser", message: str) -> None:
        super().__init__(message)
        self.usage = parser.format_usage()
        self._options = parser.list_options()

    def explain(self, words: Sequence[str]) -> str:
        """What is wrong, and for each wrong word the nearest right one."""
        message = f"error: {self}."
        if found := _WRONG_CHOICE.search(message):
            message += did_you_mean(found["given"], re.findall(r"[^\s,']+", found["known"]))
        for word in words:
            option = word.partition("=")[0]
            if option.startswith("--") and not any(known.startswith(option) for known in self._options):
                message += f" There is no option {option}."
                if hint := did_you_mean(option[2:], (known[2:] for known in self._options)):
                    message += hint.replace("mean ", "mean --")
        return message


class Parser(argparse.ArgumentParser):
    """Raises ``UsageError`` in place of ending the program, and for an empty path, which would be this folder."""

    def list_options(self) -> list[str]:
        """Its options, such as ``--project``."""
        return [option for option in self._option_string_actions if option.startswith("--")]

    def _get_value(self, action: argparse.Action, arg_string: str) -> Any:
        if action.type is Path and not arg_string.strip():
            raise argparse.ArgumentError(action, "expected a path, got an empty text")
        return super()._get_value(action, arg_string)

    def error(self, message: str) -> NoReturn:
        """See ``argparse``."""
        raise UsageError(self, message)
