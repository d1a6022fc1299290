"""docs/architecture.md lists every file of code with the sentence that the file begins with."""

import re

import pytest

from docs.list_modules import BEGIN, END, PAGE, ROOT, first_sentence, write_modules

FLOORS = ("core", "models", "ui", "pages", "commands")


def test_the_lists_of_files_are_those_of_the_code():
    page = PAGE.read_text(encoding="utf-8")
    assert page == write_modules(page), "run: make docs"


def test_every_file_of_code_is_listed_with_a_whole_sentence():
    page = PAGE.read_text(encoding="utf-8")
    files = [file for floor in FLOORS for ending in ("*.py", "*.js") for file in (ROOT / floor).rglob(ending)]
    assert len(files) > 200
    assert [file.name for file in files if file.name != "__init__.py" and f"| `{file.name}` |" not in page] == []
    assert [str(file) for file in files if not first_sentence(file)] == []


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(ValueError, match=re.escape(BEGIN)):
        write_modules(f"# A page that lost its first mark\n{END}\n")


def test_a_sentence_may_go_over_several_lines(tmp_path):
    (tmp_path / "long.py").write_text('"""A sentence that is\nlonger than a line. More.\n"""\n')
    (tmp_path / "script.js").write_text("// What a script\n// is for.\n// More.\n")
    assert first_sentence(tmp_path / "long.py") == "A sentence that is longer than a line. More."
    assert first_sentence(tmp_path / "script.js") == "What a script is for."
