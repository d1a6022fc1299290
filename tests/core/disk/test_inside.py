"""A name from a file leads to a file of its own folder, or nowhere."""

import os

import pytest

from core.disk.inside import LeadsOut, inside


@pytest.fixture
def folder(tmp_path):
    """A folder with a file, a link to a file outside, a link to a folder outside and one to itself."""
    made = tmp_path / "project" / "crops"
    (made / "ab").mkdir(parents=True)
    (made / "ab" / "one.jpg").write_bytes(b"1")
    (tmp_path / "secret.txt").write_text("secret")
    (made / "link.jpg").symlink_to(tmp_path / "secret.txt")
    (made / "up").symlink_to(tmp_path)
    (made / "round").symlink_to(made / "round")
    (made / "within").symlink_to(made / "ab")
    return made


@pytest.mark.parametrize("name", ["ab/one.jpg", "ab/two.jpg", "within/one.jpg", "a..b.jpg", "new"])
def test_what_lies_inside_is_found_whether_it_is_there_or_not(folder, name):
    assert inside(folder, name) == folder / name


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "../secret.txt",
        "../../secret.txt",
        "ab/../../x",
        "/etc/passwd",
        "link.jpg",
        "up/secret.txt",
        "up",
        "",
        ".",
        "a\0b",
        "../crops-of-others/x",
    ],
)
def test_what_leads_out_is_refused(folder, name):
    with pytest.raises(LeadsOut, match="leads out of"):
        inside(folder, name)


def test_the_folder_itself_may_be_a_link(folder, tmp_path):
    os.symlink(folder, tmp_path / "elsewhere")

    assert inside(tmp_path / "elsewhere", "ab/one.jpg").read_bytes() == b"1"
