"""A lock belongs to one holder at a time, who is named, and what cannot be locked is said in a sentence."""

import errno
import os
import threading

import pytest

from core.disk import locks
from core.disk.locks import FileLock, LockHeld
from core.errors import AnomalureError


def test_a_second_part_of_the_same_process_is_refused_and_told_who_holds_the_lock(tmp_path):
    with FileLock(tmp_path / "lock"):
        with pytest.raises(LockHeld) as held, FileLock(tmp_path / "lock"):
            pytest.fail("both had it")
        assert held.value.holder == str(os.getpid())
    with FileLock(tmp_path / "lock"):
        pass  # free again


def test_threads_take_turns(tmp_path):
    inside, most = [], []

    def work() -> None:
        for _ in range(40):
            with FileLock(tmp_path / "lock", patience_s=60):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 160
    assert max(most) == 1


def test_the_lock_is_free_again_after_an_error_in_the_work(tmp_path):
    with pytest.raises(KeyError), FileLock(tmp_path / "lock"):
        raise KeyError("the work failed")
    with FileLock(tmp_path / "lock"):
        pass


def test_a_longer_number_of_an_earlier_holder_leaves_nothing_behind(tmp_path):
    (tmp_path / "lock").write_text(" 99999999999999")
    with FileLock(tmp_path / "lock"), pytest.raises(LockHeld, match=f"^{os.getpid()}$"), FileLock(tmp_path / "lock"):
        pytest.fail("both had it")


def test_a_disk_that_cannot_lock_is_said_in_a_sentence(tmp_path, monkeypatch):
    def refuse(handle: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locks, "lock_descriptor", refuse)
    with pytest.raises(AnomalureError, match=r"cannot lock files .No locks available.*on another disk"):
        FileLock(tmp_path / "lock").__enter__()


def test_a_folder_that_is_missing_is_said_in_a_sentence(tmp_path):
    with pytest.raises(AnomalureError, match="cannot be written"), FileLock(tmp_path / "missing" / "lock"):
        pytest.fail("it was locked")
    assert not (tmp_path / "missing").exists()
