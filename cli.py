"""The same jobs as the pages, without a browser. Progress goes to stderr, results to stdout."""

import argparse
import codecs
import ctypes
import importlib
import json
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from commands.exit_codes import FAILED, WRONG_USAGE
from commands.options import add_project
from commands.parser import Parser, UsageError
from commands.plain_result import print_plainly
from core.disk.names import check_name_is_text, escape_c1, show_in_terminal
from core.errors import TOO_LITTLE_MEMORY, AnomalureError, WrongUsage, is_of_memory
from core.version import VERSION

COMMANDS = (
    "sample",
    "train",
    "run",
    "evaluate",
    "compare",
    "runs",
    "bundles",
    "species",
    "verdict",
    "activate",
    "export",
    "start",
    "explore",
    "crops",
    "synthesize",
    "yolo",
    "detector",
    "rank",
    "groups",
    "retrain",
    "images",
    "localize",
    "download",
    "models",
    "labels",
    "suggestions",
    "scenes",
    "work",
    "team",
    "watch",
)
"""Modules of ``commands``; each has ``ABOUT``, ``add_options(parser)`` and ``job(arguments) -> (code, result)``."""


_M_ARENA_MAX = -8


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 done, 1 failed, 2 wrong usage, 3 done but some photos failed."""
    _show_every_sign()
    _save_address_space()
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = _parse(words)
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_make_safe)
    result: dict[str, Any]
    try:
        _check_names(arguments)
        with redirect_stdout(sys.stderr):  # libraries print too; stdout holds the result alone
            code, result = arguments.job(arguments)
    except WrongUsage as error:
        return _fail(str(error), as_json=arguments.json, code=WRONG_USAGE)
    except AnomalureError as error:
        return _fail(str(error), as_json=arguments.json)
    except KeyboardInterrupt:
        return _fail("Stopped. What was finished is kept; a run can be resumed.", as_json=arguments.json)
    except OSError as error:
        if is_of_memory(error):
            return _fail(TOO_LITTLE_MEMORY, as_json=arguments.json)
        where = f" ({error.filename})" if error.filename else ""
        return _fail(
            f"{error.strerror or error}{where}. Check the disk and the rights to the folder.", as_json=arguments.json
        )
    except Exception as error:
        if not is_of_memory(error):
            raise
        return _fail(TOO_LITTLE_MEMORY, as_json=arguments.json)
    try:
        if arguments.json:
            print(_to_json(result))
        else:
            print_plainly(result)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads it, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _make_safe(record: logging.LogRecord) -> bool:
    record.msg, record.args = show_in_terminal(record.getMessage()), ()
    return True


def _parse(words: Sequence[str]) -> argparse.Namespace:
    named = next((word for word in words if not word.startswith("-")), "")
    try:
        arguments, unknown = build_parser(named).parse_known_args(words)
        if unknown:
            arguments.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    except UsageError as error:
        print(error.usage, file=sys.stderr, end="")
        sys.exit(_fail(error.explain(words), as_json="--json" in words, code=WRONG_USAGE))
    return arguments


def _show_every_sign() -> None:
    """Windows' code pages lack most signs. A name that cannot be shown must not end a command that is done."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _save_address_space() -> None:
    """Under a limit of the address space (``ulimit -v``), let threads share their reserves.

    The C library reserves 64 MB of addresses for each of its threads, most of which nothing is ever put into: under a
    limit of 2 GB an export of 250 rows failed, although it needs 200 MB of memory.
    """
    try:
        import resource

        if resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY:
            ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 2)
    except (ImportError, OSError, AttributeError):  # another system than Linux, or another C library
        return


def _to_json(values: dict[str, Any]) -> str:
    """JSON that the encoding of stdout can hold: outside UTF-8 only ASCII, so that every reader gets the same texts."""
    is_utf_8 = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name == "utf-8"
    return escape_c1(json.dumps(values, ensure_ascii=not is_utf_8, default=str))


def _check_names(arguments: argparse.Namespace) -> None:
    """Refuse paths and names that are not valid text before anything is made: they could not be stored."""
    for value in vars(arguments).values():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, str | Path):
                check_name_is_text(one)


def _fail(message: str, *, as_json: bool, code: int = FAILED) -> int:
    if as_json:
        print(_to_json({"error": message}))
    print(show_in_terminal(message), file=sys.stderr)
    return code


def build_parser(only: str | None = None) -> Parser:
    """The commands and their options; with ``only``, the options of that command, because listing all takes a while."""
    parser = Parser(prog="cli.py", description=__doc__)
    parser.add_argument("--version", action="version", version=f"Anomalure {VERSION}")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in COMMANDS:
        module = importlib.import_module(f"commands.{name}")
        command = commands.add_parser(name, help=module.ABOUT, description=module.ABOUT)
        command.set_defaults(job=module.job, parser=command)
        if only in (None, name):
            add_project(command)
            module.add_options(command)
    return parser


if __name__ == "__main__":
    sys.exit(main())
