"""What a command writes steers no terminal, and a lack of memory is a sentence."""

import errno
import json

import duckdb
import pytest

from cli import main
from commands import runs
from commands.plain_result import print_plainly

STEERING = "fox\x1b]0;owned\x07\x9b2J\u202egnp"


def test_signs_that_steer_a_terminal_are_written_as_codes(capsys):
    print_plainly({"species": [{"name": STEERING}], "note": "two\nlines", "others": {STEERING: 1}})

    said = capsys.readouterr().out
    assert not any(sign in said for sign in "\x1b\x07\x9b\u202e")
    assert r"fox\x1b]0;owned\x07\x9b2J\u202egnp" in said
    assert "two\nlines" in said


def test_json_holds_the_same_name_without_a_sign_that_steers(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(runs, "job", lambda arguments: (0, {"species": STEERING}))

    assert main(["runs", "--project", str(tmp_path), "--json"]) == 0

    said = capsys.readouterr().out
    assert not any(sign in said for sign in "\x1b\x07\x9b")
    assert json.loads(said) == {"species": STEERING}


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("_moduleTNC.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
        RuntimeError("std::bad_alloc"),
        duckdb.OutOfMemoryException("Out of Memory Error: Allocation failure"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
    ],
)
def test_too_little_memory_is_a_sentence(capsys, monkeypatch, tmp_path, error):
    def fail(arguments):
        raise error

    monkeypatch.setattr(runs, "job", fail)

    assert main(["runs", "--project", str(tmp_path)]) == 1
    assert "too little memory" in capsys.readouterr().err


def test_another_error_of_the_program_is_not_called_a_lack_of_memory(monkeypatch, tmp_path):
    def fail(arguments):
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr(runs, "job", fail)

    with pytest.raises(RuntimeError, match="a fault of ours"):
        main(["runs", "--project", str(tmp_path)])
