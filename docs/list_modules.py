"""Writes the lists of modules in docs/architecture.md from the first sentence of each file: `make docs`."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- modules: written by `make docs` -->", "<!-- end of modules -->"
FLOORS = ("core", "models", "ui", "pages", "commands", ".")
TOP = ("app.py", "cli.py")


def first_sentence(file: Path) -> str:
    """The lines of a file's docstring, or of the comment that a script begins with, until one ends a sentence."""
    text = file.read_text(encoding="utf-8")
    if file.suffix == ".py":
        lines = (ast.get_docstring(ast.parse(text)) or "").splitlines()
    else:
        lines = [line.removeprefix("//").strip() for line in text.splitlines() if line.startswith("//")]
    sentence = ""
    for line in lines:
        sentence = f"{sentence} {line}".strip()
        if sentence.endswith((".", "?", "!")):
            return sentence
    return ""


def list_modules() -> str:
    """One table for each folder that holds code, in Markdown."""
    parts = []
    for floor in FLOORS:
        files = [ROOT / name for name in TOP] if floor == "." else sorted((ROOT / floor).rglob("*.py"))
        scripts = sorted((ROOT / floor).rglob("*.js")) if floor == "ui" else []
        folders: dict[Path, list[Path]] = {}
        for file in [*files, *scripts]:
            folders.setdefault(file.parent, []).append(file)
        for folder in sorted(folders):
            parts.append(_list_folder(folder, folders[folder]))
    return "\n".join(parts)


def _list_folder(folder: Path, files: list[Path]) -> str:
    init = folder / "__init__.py"
    name = "at the top" if folder == ROOT else f"{folder.relative_to(ROOT).as_posix()}/"
    lines = [f"#### {name}", "", *([first_sentence(init), ""] if init in files else [])]
    rows = [f"| `{file.name}` | {first_sentence(file)} |" for file in files if file != init]
    if rows:
        lines += ["| file | what it is for |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def write_modules(page: str) -> str:
    """The page with the lists as the code has them now.

    Raises:
        ValueError: If the page has lost one of the two marks between which the lists stand.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"docs/architecture.md must have the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{list_modules()}\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(write_modules(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
