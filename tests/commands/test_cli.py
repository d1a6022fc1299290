"""The commands answer other tools: one JSON object on stdout, exit codes that mean something, no traceback."""

import io
import json

import pytest

from cli import FAILED, main
from tests.fakes.project import make_project


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


def ask(capsys, *words):
    """Run a command with ``--json``; its exit code and what it printed on stdout."""
    code = main([*map(str, words), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_runs_lists_what_became_of_every_photo(project, capsys):
    code, answer = ask(capsys, "runs", "--project", project.path)

    (run,) = answer["runs"]
    assert code == 0
    assert run["status"] == "done"
    assert run["photos"] == run["with_crops"] + run["whole_frames"] + run["duplicates"] + run["failures"] == 14


@pytest.mark.parametrize("options", [[], ["--json"]])
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_a_name_that_the_code_page_of_the_terminal_lacks_does_not_end_a_command(monkeypatch, options, encoding):
    names = ["山", "\U0001f98a", "Süd", "Fl\udce4che"]
    monkeypatch.setattr("commands.runs.job", lambda arguments: (0, {"runs": names}))
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    monkeypatch.setattr("sys.stdout", out)

    code = main(["runs", *options])

    out.flush()
    said = out.buffer.getvalue().decode(encoding)
    assert code == 0
    assert (json.loads(said)["runs"] == names) if options else ("Süd" in said and len(said.splitlines()) == 4)


def test_a_path_that_is_not_valid_text_is_refused_in_a_sentence(tmp_path, capsys):
    code, answer = ask(capsys, "run", f"{tmp_path}/Fl\udce4che", "--project", tmp_path / "project")

    assert code == FAILED
    assert "Fl\ufffdche is not valid text" in answer["error"]
    assert not (tmp_path / "project").exists()


def test_a_verdict_on_the_command_line_is_kept(project, capsys):
    crop = project.review_queue().rows.iloc[0]

    code, answer = ask(
        capsys,
        "verdict",
        "--project",
        project.path,
        "--crop",
        crop.crop_id,
        "--verdict",
        "anomaly",
        "--species",
        "lynx",
        "--note",
        "ear tufts",
        "--reviewer",
        "A. B.",
    )

    (kept,) = project.verdicts().to_dict("records")
    assert (code, answer["crop"]) == (0, crop.crop_id)
    assert answer["decided_at"].endswith("+00:00")
    assert (kept["verdict"], kept["species"], kept["note"]) == ("anomaly", "lynx", "ear tufts")


def test_export_writes_the_reviewed_anomalies_only_unless_told_otherwise(project, capsys, tmp_path):
    crop = project.review_queue().rows.iloc[0]
    project.save_verdict(crop, "anomaly")
    words = ("export", "--project", project.path, "--format", "csv", "--out")

    assert ask(capsys, *words, tmp_path / "some.csv")[1]["rows"] == 1
    assert ask(capsys, *words, tmp_path / "all.csv", "--all")[1]["rows"] == 12
    lines = (tmp_path / "some.csv").read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("file_name,captured_at,deployment,event_id,crop_id,x,y,width,height,species")


def test_species_lists_the_crops_of_each(project, capsys):
    answer = ask(capsys, "species", "--project", project.path)[1]

    assert sum(row["crops_in_run"] for row in answer["species"]) == 12


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["evaluate", "--run", "nowhere", "--truth", "x.json"], "nowhere"),
        (["run", "no-such-folder"], "no-such-folder"),
        (["run", "--resume", "no-such-run"], "no-such-run"),
        (["run", "photos", "--bundle", "no-such-bundle"], "no-such-bundle"),
        (["verdict", "--crop", "../../etc/passwd", "--verdict", "normal"], "no crop"),
        (["activate", "--bundle", "no-such-bundle"], "no-such-bundle"),
        (["export", "--run", "../..", "--out", "x.csv"], "no run"),
        (["train", "--name", "b", "--images", "photos", "--coco", "no-such.json"], "no-such.json"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, list) else "",
)
def test_a_mistake_is_answered_with_a_sentence(project, capsys, monkeypatch, tmp_path, words, says):
    monkeypatch.chdir(tmp_path)  # the folder of the fake photos is here

    code, answer = ask(capsys, *words, "--project", project.path)

    assert code == FAILED
    assert says in answer["error"]
    assert "Traceback" not in answer["error"]


def test_wrong_usage_has_its_own_exit_code():
    with pytest.raises(SystemExit) as ended:
        main(["verdict", "--crop", "x", "--verdict", "perhaps"])
    assert ended.value.code == 2


def test_without_json_the_result_is_plain_lines(project, capsys):
    assert main(["runs", "--project", str(project.path)]) == 0

    out = capsys.readouterr().out
    assert "status=done" in out
    assert "{" not in out


def decide(project, capsys, crop, verdict, *more):
    return ask(capsys, "verdict", "--project", project.path, "--crop", crop, "--verdict", verdict, *more)


def test_a_verdict_on_the_command_line_replaces_no_other_persons(project, capsys):
    crop = project.review_queue().rows.iloc[0].crop_id
    decide(project, capsys, crop, "anomaly", "--species", "Lynx", "--reviewer", "Ada")

    code, answer = decide(project, capsys, crop, "normal", "--reviewer", "Bo")

    assert code == FAILED
    assert answer["error"].startswith("Ada has decided about this crop already: anomaly, Lynx. Give --replace")
    assert decide(project, capsys, crop, "normal")[0] == FAILED  # without a name it may be anybody
    assert [row["verdict"] for row in project.verdicts().to_dict("records")] == ["anomaly"]
    assert decide(project, capsys, crop, "unsure", "--reviewer", "ada")[0] == 0  # her own
    assert decide(project, capsys, crop, "normal", "--reviewer", "Bo", "--replace")[0] == 0
    assert [row["reviewer"] for row in project.verdicts().to_dict("records")] == ["Bo"]


def test_capitals_and_blanks_make_no_other_species(project, capsys):
    first, second, third = project.review_queue().rows.crop_id[:3]
    known = next(iter(project.review_queue().rows.species))

    decide(project, capsys, first, "anomaly", "--species", "Pine marten")
    assert decide(project, capsys, second, "anomaly", "--species", " pine  MARTEN ")[1]["species"] == "Pine marten"
    project.save_verdict(third, "normal", species=known.upper())

    assert set(project.verdicts()["species"]) == {"Pine marten", known}
