"""The texts that people read use the words of docs/words.md, and none of those that were given up."""

import argparse
import ast
import io
import re
import tokenize
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from cli import build_parser
from core.settings.detector import DETECTOR_SETTINGS
from core.settings.run import SETTINGS
from core.settings.training import TRAINING_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
# A pattern of the old word, and what is said now.
RETIRED = {
    r"(?<!/)\bjudge[ds]?\b(?!\.py)": "score, scored",
    r"\bjudged against\b": "reference group",
    r"\blessons?\b": "training labels",
    r"\b(held|kept|hold|holds|holding|keeps?) back\b": "held out",
    r"\bby lot\b": "at random",
    r"\bowners?\b": "group",
    r"\b(taught|teach(es|ing)?|learnt)\b": "trained, train, learned",
    r"\bby heart\b": "overfitting",
    r"\b(foretold|foretells?|foreseen|foresaw)\b": "predicted, unexpected",
    r"\b(ladder|rungs?)\b": "preset perplexities",
    r"\breach(es)? \(eps\)|\b(a|the|this|of) reach\b": "radius (eps)",
    r"\bnoise of (a|the|this|that) view\b": "DBSCAN noise",
    r"\bstrange frames?\b": "unknown camera",
    r"\b(by|on|of) (the|its|their) looks?\b": "embedding, features or appearance",
    r"(?<!-)\bstamp(s|ed)?\b": "version",
    r"\b(gone|goes|go) on with\b": "resumed",
    r"\b(came|comes?) true\b": "was right",
    r"\b(weighs|weigh) the same\b": "has the same weight",
}
# Where an old word is right, each with its reason.
ALLOWED = (
    ("tests/test_words.py", ".*", "names the retired words"),
    ("docs/words.md", ".*", "says what each word was before"),
    ("models/judging/first_look.py", "judge", "the value stands in the column judged_against of every earlier run"),
    ("ui/shared/words.py", "judge", "reads that value"),
    ("ui/scatter/browser/*.js", "stamps?", "the small picture of a point that the painter stamps onto the canvas"),
    ("bench/explore.py", "ladder|rung", "names of figures, which stay comparable with those of earlier versions"),
)

PAGES = sorted(
    file
    for pattern in ("*.md", "docs/**/*.md", "bench/*.md", "data/*.md", "models/**/*.md")
    for file in ROOT.glob(pattern)
)
CODE = sorted(
    file
    for pattern in ("*.py", *(f"{room}/**/*.py" for room in ("core", "models", "ui", "pages", "commands", "bench")))
    for file in ROOT.glob(pattern)
)
SCRIPTS = sorted((ROOT / "ui").rglob("*.js"))


def read_sentences(file: Path) -> Iterator[str]:
    """Texts of a file of Python: docstrings, other literals of several words, and comments; no names."""
    source = file.read_text(encoding="utf-8")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string


def read_help() -> str:
    """Every help text of every command, as argparse shows it."""
    parser = build_parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    assert len(commands.choices) > 15
    return "\n".join([parser.format_help(), *(one.format_help() for one in commands.choices.values())])


def find_retired(name: str, text: str) -> list[str]:
    """Each retired word in a text, with what stands around it and what to say instead."""
    plain = re.sub(
        r"``[^`]*``|`[^`]*`", "``", re.sub(r"\s+", " ", text)
    )  # names of columns, options and files are no words
    found = []
    for pattern, new in RETIRED.items():
        for match in re.finditer(pattern, plain, flags=re.IGNORECASE):
            if not any(fnmatch(name, file) and re.fullmatch(word, match[0], re.I) for file, word, _ in ALLOWED):
                around = plain[max(0, match.start() - 40) : match.end() + 30]
                found.append(f"{name}: ...{around}... ({match[0]!r}: say {new!r})")
    return found


@pytest.mark.parametrize("text", ["Crops are judged against it.", "One in ten comes\nby lot.", "what it was taught"])
def test_a_retired_word_is_found(text):
    assert find_retired("README.md", text)


@pytest.mark.parametrize("text", ["the column `judged_against`", "a teacher", "judged_by", "timestamps", "catalog"])
def test_other_words_and_names_are_left_alone(text):
    assert find_retired("README.md", text) == []


def test_no_page_of_the_docs_uses_a_retired_word():
    assert len(PAGES) > 15
    texts = ((file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")) for file in PAGES)
    assert [found for name, text in texts for found in find_retired(name, text)] == []


def test_no_text_in_the_code_uses_a_retired_word():
    assert len(CODE) > 200
    names = ((file.relative_to(ROOT).as_posix(), file) for file in CODE)
    texts = ((name, text) for name, file in names for text in read_sentences(file))
    assert [found for name, text in texts for found in find_retired(name, text)] == []


def test_no_script_of_the_browser_uses_a_retired_word():
    assert len(SCRIPTS) > 15
    texts = ((file.relative_to(ROOT).as_posix(), file.read_text(encoding="utf-8")) for file in SCRIPTS)
    assert [found for name, text in texts for found in find_retired(name, text)] == []


def test_no_help_of_a_command_or_setting_uses_a_retired_word():
    tables = (*SETTINGS, *TRAINING_SETTINGS, *DETECTOR_SETTINGS)
    assert [found for one in tables for found in find_retired(one.name, f"{one.label}\n{one.help}")] == []
    assert find_retired("commands", read_help()) == []
