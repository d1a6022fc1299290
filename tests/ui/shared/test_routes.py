"""The table of pages."""

from ui.shared.routes import PAGES


def test_every_file_in_pages_has_a_row_and_every_row_has_a_file():
    folder = PAGES[0].file.parent

    assert sorted(page.file for page in PAGES) == sorted(folder.glob("*.py"))


def test_no_page_that_is_run_by_itself_takes_the_place_of_a_package():
    root = PAGES[0].file.parent.parent

    assert not {page.file.stem for page in PAGES} & {path.name for path in root.iterdir()}
