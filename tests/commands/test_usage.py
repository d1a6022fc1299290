"""The command line to somebody who mistypes: what is near is named, and wrong usage has its own exit code."""

import json
import os
import subprocess
import sys
from contextlib import suppress

import pytest

import cli
from commands.plain_result import print_plainly
from commands.progress_line import ProgressLine
from core.photos.reading import describe_counts
from core.work.progress import Phase, Progress
from tests.fakes.project import make_project


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return make_project(tmp_path_factory.mktemp("made"), 4)


def call(capsys, *words):
    """The exit code of a command, and what it printed on stdout and stderr."""
    try:
        code = cli.main([str(word) for word in words])
    except SystemExit as ended:
        code = ended.code
    return code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["rnu", "photos"], "Did you mean run?"),
        (["export", "--format", "csw", "--out", "x.csv"], "Did you mean csv?"),
        (["run", "photos", "--naem", "spring"], "Did you mean --name?"),
        (["evaluate", "--rnu", "spring"], "Did you mean --run?"),
        (["train", "--epohcs=3"], "Did you mean --epochs?"),
        (["run"], "Give the folder of photos"),
        (["train", "--name", "b"], "Give --images"),
        (["detector", "--name", "b"], "Give --name and --images"),
        (["work"], "Give the id of the work"),
        (["run", "photos", "--false-alarm-rate", "2"], "false_alarm_rate must be between"),
        (["export", "--all", "--verdict", "normal", "--out", "x.csv"], "not both"),
        (["retrain", "--name", "../up"], "cannot be the name of a bundle"),
        *(
            ([*words, "--seed", seed], "expected a whole number from 0 to 4294967295")
            for words in (
                ["sample", "--out", "x"],
                ["images", "train", "--name", "x", "--normal", "x"],
                ["scenes", "train", "--name", "x", "--labels", "x.json"],
                ["explore", "--run", "x", "--projection", "umap"],
                ["crops", "--images", "x", "--out", "y"],
                ["yolo", "--images", "x", "--out", "y"],
            )
            for seed in ("-1", "99999999999999999999", "1.5", "")
        ),
        *(
            (words, "expected a path, got an empty text")
            for words in (
                ["labels", ""],
                ["labels", "x.json", "--plots", ""],
                ["export", "--out", " "],
                ["run", "x", "--boxes", ""],
                ["images", "score", "--name", "x", ""],
                ["download", "x.json", "--out", ""],
            )
        ),
        (["explore", "--run", "x", "--perplexity", "-5"], "--perplexity needs --projection tsne"),
        (["explore", "--run", "x", "--projection", "pca", "--min-dist", "2"], "--min-dist needs --projection umap"),
        (["images", "train", "--name", "x", "--normal", "x", "--bins", "-1"], "bins must be between"),
        (["labels", "x.json", "--least-size", "nan"], "0 to 1, got nan"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_wrong_usage_exits_with_2_and_says_what_fits(project, capsys, monkeypatch, words, hint):
    monkeypatch.setenv("ANOMALURE_PROJECT", str(project.path))

    code, out, said = call(capsys, *words, "--json")

    assert code == 2
    assert hint in said
    assert hint in json.loads(out)["error"]


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "--truth", "x.json", "--run"],
        ["export", "--out", "x.csv", "--run"],
        ["rank", "--run"],
        ["run", "--resume"],
    ],
    ids=lambda words: words[0],
)
def test_a_mistyped_run_is_answered_with_the_one_that_is_spelled_nearly_so(project, capsys, words):
    run = project.latest_run().run_id

    code, _, said = call(capsys, *words, run[:-1] + "z", "--project", project.path)

    assert code == 1
    assert f"Did you mean {run}?" in said


def test_a_mistyped_bundle_is_answered_with_the_one_that_is_spelled_nearly_so(project, capsys):
    project.store.register_bundle("spring-deer")

    code, _, said = call(capsys, "activate", "--bundle", "sprin-deer", "--project", project.path)

    assert code == 1
    assert "Did you mean spring-deer?" in said


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ([], "no crop that fits has been accepted as an anomaly"),
        (["--verdict", "unsure"], "no crop fits"),
        (["--all", "--camera", "noth"], "Did you mean north?"),
        (["--all", "--species", "yeti"], "no crop of this run has the species yeti"),
    ],
)
def test_an_export_without_rows_says_so(project, capsys, caplog, tmp_path, options, why):
    code, out, _ = call(capsys, "export", "--project", project.path, "--out", tmp_path / "x.csv", "--json", *options)

    assert code == 0
    assert why in json.loads(out)["notes"][-1]
    assert why in caplog.text


def test_figures_have_no_more_digits_than_a_person_reads(capsys):
    print_plainly({"seconds": 16.277572953095987, "rows": [{"p": 0.0123456789}], "of": {"large": 123456.789, "n": 7}})

    assert capsys.readouterr().out.split() == ["seconds:", "16.28", "p=0.01235", "of:", "large:", "123457", "n:", "7"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudo-terminals like these")
@pytest.mark.parametrize("size", [(24, 80), (0, 0)], ids=["usual", "size unknown"])
def test_every_terminal_shows_a_progress_line(monkeypatch, size):
    import termios

    screen, terminal = os.openpty()
    termios.tcsetwinsize(terminal, size)

    with open(terminal, "w", encoding="utf-8") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with ProgressLine("photos") as line:
            line.show_progress(Progress(phase=Phase.PHOTOS, done=30, total=60, message="Trying to download yolov8n."))
    shown = b""
    with open(screen, "rb", buffering=0) as written, suppress(OSError):  # the end of a closed terminal is an error
        while chunk := written.read(10_000):
            shown += chunk

    assert b"Trying to download yolov8n" in shown
    assert b"30/60" in shown


def test_what_is_no_terminal_gets_a_plain_line_at_each_step_and_then_now_and_then(capsys):
    with ProgressLine("photos") as line:
        for done in range(30):
            line.show_progress(Progress(phase=Phase.PHOTOS, done=done, total=60))
        line.show_progress(Progress(phase=Phase.SCORES, total=60))

    assert [line.partition(" (")[0] for line in capsys.readouterr().err.splitlines()] == [
        "photos, 0 of 60 photos",
        "scores, 0 of 60 photos",
    ]


def test_steps_of_different_length_are_shown_as_a_percentage(capsys):
    with ProgressLine("thousandths") as line:
        line.show_progress(Progress(phase=Phase.MODELS, done=49, total=1_000, unit="thousandth"))

    assert capsys.readouterr().err.partition(" (")[0].endswith(", 5%")


def test_help_loads_no_library_that_takes_long():
    heavy = {"numpy", "pandas", "duckdb", "torch", "streamlit", "pyarrow", "cv2", "sklearn"}
    asked = f"import sys, cli; cli.build_parser('run'); print(*({heavy} & set(sys.modules)))"

    loaded = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)

    assert loaded.stdout.split() == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--split", "trian"], "No label has the split 'trian'; there are: train. Did you mean train?"),
        (["--species", "lynx"], "No label has the species 'lynx'; there are: fox."),
        (["--species", ""], "No label has the species ''; there are: fox."),
    ],
)
def test_labels_of_a_split_or_species_that_is_not_there_are_not_counted_as_none(tmp_path, capsys, words, said):
    (tmp_path / "a.csv").write_text("file_name,species,split\na.jpg,fox,train\n")

    code, out, _ = call(capsys, "labels", tmp_path / "a.csv", *words, "--json")

    assert (code, json.loads(out)["error"]) == (2, said)
    assert call(capsys, "labels", tmp_path / "a.csv", "--species", "FOX", "--json")[0] == 0


def test_what_was_passed_over_is_named_in_the_plural():
    counts = {"unreadable file": 3, ".mp4": 2, "name that is not valid text": 2, "special file": 1}

    assert describe_counts(counts) == "3 unreadable files, 2 .mp4, 2 names that are not valid text, 1 special file"


def test_hundreds_of_names_of_photos_do_not_hide_the_result(capsys):
    print_plainly({"photos_without_time_names": [f"IMG_{i}.jpg" for i in range(200)], "notes": ["one", "two"]})

    assert capsys.readouterr().out.splitlines() == [
        "photos_without_time_names: IMG_0.jpg, IMG_1.jpg, IMG_2.jpg, IMG_3.jpg, IMG_4.jpg ...",
        "one",
        "two",
    ]
