"""The table of pages."""

from ui.shared.routes import PAGES, SECTIONS


def test_every_file_in_pages_has_a_row_and_every_row_has_a_file():
    folder = PAGES[0].file.parent

    assert sorted(page.file for page in PAGES) == sorted(folder.glob("*.py"))


def test_no_page_that_is_run_by_itself_takes_the_place_of_a_package():
    root = PAGES[0].file.parent.parent

    assert not {page.file.stem for page in PAGES} & {path.name for path in root.iterdir()}


def test_the_pages_of_daily_work_stand_under_one_heading_and_no_heading_holds_more_than_one_can_look_over():
    daily = [page.title for page in SECTIONS["Your photos"]]

    assert daily[:3] == ["Run", "Groups", "Review"]
    assert daily[-1] == "Export"
    assert all(1 <= len(pages) <= 7 for pages in SECTIONS.values())
