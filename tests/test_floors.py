"""The house stands on its floors: a room imports only from the floors below, and no room is a junk drawer."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BELOW = {
    "core": {"core"},
    "models": {"core", "models"},
    "ui": {"core", "models", "ui"},
    "pages": {"core", "ui"},
    "app.py": {"core", "ui"},
    "commands": {"commands", "core", "models"},
    "cli.py": {"commands", "core"},
}
ROOMS = {"core", "models", "ui", "pages", "app", "cli", "commands", "bench", "tests"}
NOT_IN_CORE = {"streamlit", "plotly", "torch", "torchvision", "ultralytics"}
JUNK_DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
LONGEST_FILE = 500


def read_imports(file: Path) -> set[str]:
    """First names of everything that a file imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def find_sources(room: str) -> list[Path]:
    place = ROOT / room
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_from_floors_below(room):
    sources = find_sources(room)
    assert sources, f"{room} is empty"
    wrong = {
        str(file.relative_to(ROOT)): sorted((read_imports(file) & ROOMS) - BELOW[room])
        for file in sources
        if (read_imports(file) & ROOMS) - BELOW[room]
    }
    assert wrong == {}


def test_core_knows_neither_screen_nor_network():
    wrong = {str(file.relative_to(ROOT)): sorted(read_imports(file) & NOT_IN_CORE) for file in find_sources("core")}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_only_files_named_cached_use_streamlits_caches():
    users = [file.name for room in ("ui", "pages") for file in find_sources(room) if "st.cache_" in file.read_text()]
    assert set(users) <= {"cached.py"}


def test_there_is_no_junk_drawer_and_no_endless_file():
    sources = [file for room in BELOW for file in find_sources(room)]
    assert [file.name for file in sources if file.stem in JUNK_DRAWERS] == []
    assert [file.name for file in sources if len(file.read_text(encoding="utf-8").splitlines()) > LONGEST_FILE] == []
