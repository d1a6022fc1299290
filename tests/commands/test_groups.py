"""``cli.py groups``: lists the groups of a run, and names them as the page does."""

import json

import pytest

import cli
from tests.fakes.groups import add_groups
from tests.fakes.project import RED_FOX, make_project


@pytest.fixture
def project(tmp_path):
    made = make_project(tmp_path, 24, shard_photos=12, looks=(RED_FOX,))
    add_groups(made.latest_run(), n_kinds=4)
    return made


@pytest.fixture
def ask(project, capsys):
    """A function that runs the command and gives its exit code and what it printed, as JSON."""

    def run(*options):
        code = cli.main(["groups", "--project", str(project.path), "--json", *map(str, options)])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_groups_are_listed_with_their_sizes_crops_and_guesses(ask, project):
    code, said = ask("--groups", 4)

    assert (code, said["run"], said["crops"], said["named"]) == (0, project.latest_run().run_id, 24, 0)
    groups = said["groups"]
    assert [group["size"] for group in groups] == [6, 6, 6, 6]
    assert len({crop for group in groups for crop in group["crops"]}) == 24
    assert groups[0]["guesses"][0]["name"] == "red fox"
    assert set(groups[0]["cameras"]) <= {"north", "south"}
    assert len(ask("--groups", 2)[1]["groups"]) == 2


def test_groups_are_named_by_their_ids(ask, project):
    ids = [group["id"] for group in ask("--groups", 4)[1]["groups"]]
    names = [f"{ids[0]}=red fox", f"{ids[1]}=odd:lynx", f"{ids[2]}=nothing", f"{ids[3]}=people"]
    code, said = ask("--groups", 4, "--reviewer", "Ada", "--name", *names)

    assert (code, said["named"], said["given"], said["kept"]) == (0, 4, 24, 0)
    named = {group["id"]: (group["meaning"], group["name"], group["reviewer"]) for group in said["groups"]}
    assert named == {
        ids[0]: ("species", "red fox", "Ada"),
        ids[1]: ("odd", "lynx", "Ada"),
        ids[2]: ("nothing", "nothing", "Ada"),
        ids[3]: ("people", "people", "Ada"),
    }
    held = project.verdicts()
    assert sorted((held["verdict"] + " " + held["species"]).value_counts().items()) == [
        ("anomaly lynx", 6),
        ("normal nothing", 6),
        ("normal person", 6),
        ("normal red fox", 6),
    ]


def test_groups_that_are_missing_are_made(tmp_path, capsys):
    made = make_project(tmp_path, 12)
    assert cli.main(["groups", "--project", str(made.path), "--json"]) == 0
    assert sum(group["size"] for group in json.loads(capsys.readouterr().out)["groups"]) == 12


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--groups", 0), "can be in 1 to "),
        (("--groups", 1000), "can be in 1 to "),
        (("--run", "nope"), "There is no run 'nope'"),
        (("--name", "nope=fox"), "There is no group 'nope' now"),
        (("--name", "nope"), "GROUP=NAME"),
        (("--name", "=fox"), "GROUP=NAME"),
        (("--name", "nope="), "GROUP=NAME"),
        (("--name", "nope=nothing:fox"), "has no species"),
        (("--name", "nope=usual:"), "Give the name of the species"),
        (("--name", f"nope={'x' * 201}"), "at most 200 characters"),
    ],
)
def test_what_cannot_be_done_is_a_sentence_and_names_nothing(ask, project, options, why):
    first = ask("--groups", 4)[1]["groups"][0]["id"]
    code, said = ask("--groups", 4, "--name", f"{first}=fox", *options)

    assert code == (2 if options[0] == "--groups" else 1)
    assert why in said["error"]
    assert project.verdicts().empty


def test_a_project_without_runs_says_so(tmp_path, capsys):
    assert cli.main(["groups", "--project", str(tmp_path / "empty")]) == 1
    assert "There is no run" in capsys.readouterr().err
