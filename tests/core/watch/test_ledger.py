"""The ledger keeps what was done and told through kills, full disks and damage."""

import errno

import pytest

from core.errors import AnomalureError
from core.watch.ledger import LEDGER, FileState, Ledger
from tests.fakes.watched import Told

SAME = FileState(10, 20)


def row(name: str) -> dict:
    return {"id": name, "run": "r", "event_id": f"north/{name}"}


def test_a_batch_that_was_begun_is_found_again_and_is_told_once(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.begin_batch("r", [("a.jpg", SAME, "1"), ("b.jpg", SAME, "")])

    with Ledger(tmp_path) as ledger:
        batch = ledger.find_unfinished()
        assert batch.file_names == ("a.jpg", "b.jpg")
        assert ledger.knows("b.jpg", SAME)
        assert not ledger.knows("b.jpg", FileState(11, 20))
        assert not ledger.was_told("r", "north/1")
        ledger.finish_batch(batch, [row("1")], [Told()])

    with Ledger(tmp_path) as ledger:
        assert ledger.find_unfinished() is None
        assert ledger.was_told("r", "north/1")
        assert ledger.list_unsent("told", most=5) == [(1, row("1"))]
        ledger.note_sent("told", [1])
        assert ledger.list_unsent("told", most=5) == []
        assert ledger.count_all() == {"photos": 2, "copies": 0, "events": 1}


def test_a_step_that_breaks_off_leaves_nothing_of_itself(tmp_path):
    with Ledger(tmp_path) as ledger:
        batch = ledger.begin_batch("r", [("a.jpg", SAME, "1")])

        with pytest.raises(AnomalureError):
            ledger.finish_batch(batch, [row("1"), row("1")], [Told()])

        assert ledger.find_unfinished() == batch
        assert ledger.count_unsent() == {}


def test_a_full_disk_is_an_error_that_can_be_waited_for_and_forgets_nothing(tmp_path):
    with Ledger(tmp_path) as ledger:
        (pages,) = ledger._database.execute("PRAGMA page_count").fetchone()
        ledger._database.execute(f"PRAGMA max_page_count = {pages + 1}")
        many = [(f"{i:0200d}.jpg", SAME, str(i)) for i in range(2_000)]

        with pytest.raises(OSError, match="full") as error:
            ledger.begin_batch("r", many)

        assert error.value.errno == errno.ENOSPC
        assert not ledger.knows(many[0][0], SAME)
        assert ledger.find_unfinished() is None


def test_a_damaged_ledger_says_what_can_be_done(tmp_path):
    (tmp_path / LEDGER).write_bytes(b"no database at all" * 100)

    with pytest.raises(AnomalureError, match=r"is damaged .* Move it away"):
        Ledger(tmp_path)


def test_photos_that_went_away_leave_the_batch_and_count_as_new_when_they_come_back(tmp_path):
    with Ledger(tmp_path) as ledger:
        batch = ledger.begin_batch("r", [("a.jpg", SAME, "1"), ("b.jpg", SAME, "2")])

        assert ledger.withdraw(batch, ["a.jpg"]).file_names == ("b.jpg",)

        assert not ledger.knows("a.jpg", SAME)
        assert ledger.find_content("1") is None
        assert ledger.list_losses() == (1, ["a.jpg"])
        assert ledger.find_unfinished().file_names == ("b.jpg",)
