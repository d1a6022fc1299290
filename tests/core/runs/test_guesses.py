"""The guesses of a run: whole or absent, in the order of its catalogue, and made again when it was scored again."""

import numpy as np
import pytest

from core.export.choice import Export, ExportChoice
from core.formats.exported import GUESS_COLUMNS, tabulate_guesses
from core.review.queue import read_queue
from core.runs import guesses as module
from core.runs.catalogue import read_catalogue
from core.runs.folder import Phase, Progress
from core.runs.guesses import find_guesses, keep_guesses, read_guesses
from core.store.guesses import choose_guesses, shows_guesses
from tests.fakes.project import EMBEDDING_LENGTH, RED_FOX, TABBY, make_project

COLUMNS = slice(EMBEDDING_LENGTH, EMBEDDING_LENGTH + 1000)
NAMES = {RED_FOX: "fox", TABBY: "cat"}


def guess(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A stand-in for the real guesses: the class with the highest score, and twice nothing."""
    best = [NAMES[int(row.argmax())] for row in scores]
    return np.array([[name, "other", "rest"] for name in best], dtype=object), np.tile(
        np.array([0.7, 0.2, 0.01], dtype=np.float32), (len(best), 1)
    )


@pytest.fixture
def project(tmp_path):
    """Photos look like a fox and a cat in turn; there are three shards."""
    return make_project(tmp_path, 12, looks=(RED_FOX, TABBY))


def test_each_crop_has_the_guess_of_its_own_embedding(project):
    run = project.latest_run()
    assert read_guesses(run) is None
    assert keep_guesses(run, guess, columns=COLUMNS)

    kept = read_guesses(run)
    files = read_catalogue(run, ["file_name"])["file_name"]
    first = kept.take(range(len(files)))[0][:, 0]
    assert list(first) == ["fox" if int(name[-7:-4]) % 2 == 0 else "cat" for name in files]
    assert kept.count_first() == {"cat": 6, "fox": 6}


def test_small_shares_are_not_said_and_the_project_has_its_own_spelling(project):
    run = project.latest_run()
    keep_guesses(run, guess, columns=COLUMNS)
    assert read_guesses(run).say([0], own_names={"fox": "Red Fox"}) == [
        [("Red Fox", pytest.approx(0.7)), ("other", pytest.approx(0.2))]
    ]


def test_guesses_are_made_once_and_again_when_the_run_was_scored_again(project):
    run = project.latest_run()
    keep_guesses(run, guess, columns=COLUMNS)
    made = find_guesses(run).stat().st_mtime_ns
    keep_guesses(run, guess, columns=COLUMNS)
    assert find_guesses(run).stat().st_mtime_ns == made

    before = find_guesses(run)
    with run.working():
        run.write_progress(
            Progress(phase=Phase.DONE, done=14, total=14, heartbeat_at=run.read_progress().heartbeat_at + 9)
        )
    assert read_guesses(run) is None
    assert keep_guesses(run, guess, columns=COLUMNS)
    assert not before.exists()
    assert read_guesses(run) is not None


def test_a_crash_in_between_leaves_no_file(project):
    run = project.latest_run()
    seen = []

    def fail_at_the_second(scores):
        seen.append(len(scores))
        if len(seen) == 2:
            raise KeyboardInterrupt
        return guess(scores)

    with pytest.raises(KeyboardInterrupt):
        keep_guesses(run, fail_at_the_second, columns=COLUMNS)

    assert list(run.path.glob("*guesses*")) == []
    assert keep_guesses(run, guess, columns=COLUMNS)


def test_a_full_disk_means_no_guesses_and_no_error(project, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "write_stream", fail)
    assert not keep_guesses(project.latest_run(), guess, columns=COLUMNS)


@pytest.mark.parametrize("content", [b"", b"not a table", b"PAR1" * 20])
def test_a_damaged_file_means_no_guesses(project, content):
    run = project.latest_run()
    find_guesses(run).write_bytes(content)
    assert read_guesses(run) is None


def test_damaged_embeddings_mean_no_guesses(project):
    run = project.latest_run()
    run.tables("embeddings")[0].write_bytes(b"lost")
    assert not keep_guesses(run, guess, columns=COLUMNS)


def test_a_run_that_is_under_way_has_no_guesses_yet(project):
    run = project.latest_run()
    with run.working():
        run.write_progress(Progress(phase=Phase.PHOTOS, done=5, total=14))
    assert not keep_guesses(run, guess, columns=COLUMNS)
    assert read_guesses(run) is None


def test_the_queue_can_be_narrowed_to_a_guess(project):
    run = project.latest_run()
    assert read_queue(run, guess="fox", flagged_only=False).total == 0, "there are no guesses yet"
    keep_guesses(run, guess, columns=COLUMNS)

    foxes = read_queue(run, guess="fox", flagged_only=False)
    assert foxes.total == foxes.n_selected == 6
    assert {int(name[-7:-4]) % 2 for name in foxes.rows["file_name"]} == {0}
    assert read_queue(run, guess="a zebra; DROP TABLE", flagged_only=False).total == 0


def read_exported(project, **more) -> list[dict]:
    with Export(project, ExportChoice(verdicts=()), **more) as export:
        return list(export.rows(by_photo=False))


def test_an_export_says_the_guess_its_share_and_further_ones(project):
    assert {row["guess"] for row in read_exported(project)} == {None}
    run = project.latest_run()
    keep_guesses(run, guess, columns=COLUMNS)
    project.save_verdict(project.review_queue().rows.iloc[0], "anomaly", species="Vulpes")

    rows = read_exported(project, name_guesses=lambda species: {"fox": next(one for one in species if one == "Vulpes")})

    said = read_guesses(run).say([0], own_names={"fox": "Vulpes"})[0]
    assert [rows[0][column] for column in GUESS_COLUMNS] == ["Vulpes", 0.7, "other 20%", "encoder"]
    assert tabulate_guesses(said) == {column: rows[0][column] for column in GUESS_COLUMNS}
    assert rows[1]["guess"] == "cat"


def test_a_project_that_hides_guesses_exports_none(project):
    keep_guesses(project.latest_run(), guess, columns=COLUMNS)
    assert shows_guesses(project.store)

    choose_guesses(project.store, shown=False)

    assert not shows_guesses(project.store)
    assert {row["guess"] for row in read_exported(project)} == {None}


def test_a_crop_without_guesses_has_empty_cells():
    assert set(tabulate_guesses([]).values()) == {None}
