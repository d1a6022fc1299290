"""The docs are true: the commands in them exist, the settings are all explained, the links lead somewhere."""

import re
import shlex
from pathlib import Path

import pytest

from cli import build_parser
from core.settings.detector import DETECTOR_SETTINGS
from core.settings.run import SETTINGS
from core.settings.training import TRAINING_SETTINGS
from docs.list_models import write_rows

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "bench/README.md"]


def find_commands(page: Path) -> list[str]:
    return re.findall(r"python cli\.py ([a-z]+ [^\n`]*|[a-z]+)", page.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_docs_are_understood(page):
    parser = build_parser()
    for command in find_commands(page):
        words = shlex.split(command.replace("COMMAND", "runs"))
        if "--help" not in words:
            assert parser.parse_args(words).command == words[0], command


def test_the_readme_shows_the_main_commands():
    shown = {command.split()[0] for command in find_commands(ROOT / "README.md")}
    assert {"sample", "train", "run", "evaluate", "export"} <= shown


def test_every_setting_is_explained_in_the_guide():
    text = (ROOT / "docs/guide/settings.md").read_text(encoding="utf-8")
    for setting in (*SETTINGS, *TRAINING_SETTINGS, *DETECTOR_SETTINGS):
        row = f"| `{setting.name}` | {setting.label} | {setting.default!r} | {setting.unit} |"
        assert row in text, f"docs/guide/settings.md lacks: {row}"
        assert f"| {setting.help} |" in text, f"docs/guide/settings.md explains {setting.name} in other words"


def test_the_guide_lists_the_published_models_as_they_are():
    assert write_rows() in (ROOT / "docs/guide/models.md").read_text(encoding="utf-8"), "say make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_the_docs_lead_somewhere(page):
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_make_words_of_the_readme_exist():
    made = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    assert set(re.findall(r"^`?make ([a-z]+)", (ROOT / "README.md").read_text(), flags=re.M)) <= made
