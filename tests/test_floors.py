"""The house stands on its floors: imports go down, nothing goes round in a circle, and no room is a junk drawer."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from fnmatch import fnmatch
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
# The packages of core from the ground up: each imports only from those that stand before it.
CORE_FROM_THE_GROUND = (
    *(
        "errors",
        "version",
        "registry",
        "records",
        "species",
        "disk",
        "settings",
        "photos",
        "formats",
        "labels",
        "downloads",
        "team",
        "work",
        "runs",
    ),
    *("store", "maps", "review", "study", "watch", "groups", "scenes", "squares", "evaluation", "export", "sample"),
)
# What works without a page: the server's routes, figures, and the ways to start work. Any thread may call it.
WITHOUT_STREAMLIT = (
    *("ui/board/*.py", "ui/server/*.py", "ui/scatter/*.py", "ui/*/charts.py", "ui/*/data.py", "ui/entry/signing_in.py"),
    *("ui/work/start.py", "ui/work/processes.py", "ui/work/*_process.py", "ui/work/*curve*.py", "ui/work/words.py"),
    *("ui/explore/run.py", "ui/explore/picks.py", "ui/explore/verdicts.py", "ui/explore/stand_in.py"),
    *("ui/groups/addresses.py", "ui/groups/facts.py", "ui/groups/opened.py", "ui/groups/state.py"),
    *("ui/shared/cards.py", "ui/shared/palettes.py", "ui/shared/project_place.py", "ui/shared/scripts.py"),
    *("ui/shared/words.py", "ui/forms/folders.py", "ui/forms/label_charts.py"),
)
DRAWS_ALL_THE_SAME = {"ui/scatter/plot.py"}  # the component itself
JUNK_DRAWERS = {"utils", "util", "common", "helpers", "helper", "misc"}
LONGEST_FILE = 500
MOST_FILES = 15
CODE = {".py", ".js", ".css", ".html"}
# One file a command, and one file a kind of work, is what these folders are for.
MAY_HOLD_MORE = {"commands", "models/jobs"}


def find_sources(room: str) -> list[Path]:
    place = ROOT / room
    return [place] if place.suffix == ".py" else sorted(place.rglob("*.py"))


SOURCES = [file for room in BELOW for file in find_sources(room)]
CODE_FILES = [*SOURCES, *(file for file in sorted((ROOT / "ui").rglob("*")) if file.suffix in CODE - {".py"})]


def name_of(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def name_module(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_module(file): file for file in SOURCES}


def read_modules(file: Path) -> set[str]:
    """Everything that a file imports by its full name, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            names |= {name if name in MODULES else node.module for name in inner}
    return names


def read_imports(file: Path) -> set[str]:
    """First names of everything that a file imports, inside functions too."""
    return {name.split(".")[0] for name in read_modules(file)}


IMPORTS = {module: read_modules(file) & set(MODULES) - {module} for module, file in MODULES.items()}


def find_circle(arrows: Mapping[str, Iterable[str]]) -> list[str]:
    """What leads back to itself, in order; empty if nothing does."""
    done: set[str] = set()

    def follow(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for then in sorted(arrows.get(name, ())):
            if found := follow(then, [*way, name]):
                return found
        done.add(name)
        return []

    return next((found for name in sorted(arrows) if (found := follow(name, []))), [])


def join_packages(floor: str) -> dict[str, set[str]]:
    """Which packages of a floor each of them imports from."""
    arrows: dict[str, set[str]] = {}
    for module, imported in IMPORTS.items():
        for other in imported:
            mine, theirs = module.split("."), other.split(".")
            if mine[0] == theirs[0] == floor and len(mine) > 1 and len(theirs) > 1 and mine[1] != theirs[1]:
                arrows.setdefault(mine[1], set()).add(theirs[1])
    return arrows


@pytest.mark.parametrize("room", BELOW)
def test_a_room_imports_only_from_floors_below(room):
    sources = find_sources(room)
    assert sources, f"{room} is empty"
    wrong = {
        name_of(file): sorted((read_imports(file) & ROOMS) - BELOW[room])
        for file in sources
        if (read_imports(file) & ROOMS) - BELOW[room]
    }
    assert wrong == {}


def test_a_circle_is_found():
    assert find_circle({"a": ["b"], "b": ["c"], "c": []}) == []
    assert find_circle({"a": ["b"], "b": ["c", "d"], "d": ["b"]}) == ["b", "d", "b"]


def test_no_file_imports_itself_by_way_of_others():
    assert sum(map(len, IMPORTS.values())) > 500, "the imports are not read"
    assert find_circle(IMPORTS) == []


@pytest.mark.parametrize("floor", ["core", "models", "ui"])
def test_the_packages_of_a_floor_do_not_import_each_other_in_a_circle(floor):
    arrows = join_packages(floor)
    assert len(arrows) > 3, "the imports are not read"
    assert find_circle(arrows) == []


def test_the_packages_of_core_stand_on_each_other_in_one_order():
    arrows = join_packages("core")
    assert set(arrows) <= set(CORE_FROM_THE_GROUND)
    height = {name: i for i, name in enumerate(CORE_FROM_THE_GROUND)}
    assert {name: up for name, below in arrows.items() if (up := {b for b in below if height[b] > height[name]})} == {}


def test_no_script_of_the_browser_imports_itself_by_way_of_others():
    arrows = {}
    for script in (file for file in CODE_FILES if file.suffix == ".js"):
        found = re.findall(r"""(?:from|import)\s*["'](\.[^"'?]+)""", script.read_text(encoding="utf-8"))
        arrows[name_of(script)] = {name_of((script.parent / name).resolve()) for name in found}
    assert sum(map(len, arrows.values())) > 10, "the imports are not read"
    assert find_circle(arrows) == []


def test_core_knows_neither_screen_nor_network():
    wrong = {name_of(file): sorted(read_imports(file) & NOT_IN_CORE) for file in find_sources("core")}
    assert {name: found for name, found in wrong.items() if found} == {}


def test_what_works_without_a_page_imports_no_streamlit():
    silent = [file for file in find_sources("ui") if any(fnmatch(name_of(file), part) for part in WITHOUT_STREAMLIT)]
    assert len(silent) > 20, "the patterns match too little"
    drawing = {name_of(file) for file in silent if "streamlit" in read_imports(file)}
    assert drawing <= DRAWS_ALL_THE_SAME


def test_only_files_named_cached_use_streamlits_caches():
    users = [file.name for room in ("ui", "pages") for file in find_sources(room) if "st.cache_" in file.read_text()]
    assert set(users) <= {"cached.py"}


def test_there_is_no_junk_drawer():
    assert [name_of(file) for file in CODE_FILES if file.stem in JUNK_DRAWERS] == []


def test_no_file_is_endless():
    files = [*CODE_FILES, *find_sources("bench")]
    lines = {name_of(file): len(file.read_text(encoding="utf-8").splitlines()) for file in files}
    assert {name: n for name, n in lines.items() if n > LONGEST_FILE} == {}


def test_no_folder_holds_more_files_than_one_can_look_over():
    counts = Counter(name_of(file.parent) for file in CODE_FILES if file.parent != ROOT)
    assert {name: n for name, n in counts.items() if n > MOST_FILES and name not in MAY_HOLD_MORE} == {}
