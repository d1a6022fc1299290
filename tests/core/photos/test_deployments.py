"""The deployment of a photo comes from its folder, a pattern or a table, and two cameras are never mixed."""

import pytest

from core.errors import AnomalureError
from core.photos.deployments import DeploymentNamer

FILES = ("IMG_1.JPG", "north/100RECNX/IMG_1.JPG", "south/100RECNX/IMG_1.JPG", "south/100RECNX/sub/IMG_2.JPG")


@pytest.fixture
def season(tmp_path):
    folder = tmp_path / "season"
    folder.mkdir()
    return folder


def test_by_default_it_is_the_folder_with_its_path_and_at_the_top_the_listed_folder(season):
    namer = DeploymentNamer(season)

    assert [namer.name(name) for name in FILES] == ["season", "north/100RECNX", "south/100RECNX", "south/100RECNX/sub"]
    assert namer.unnamed(FILES) == []


def test_a_folder_called_like_the_top_one_is_another_place(season):
    (season / "season").mkdir()
    namer = DeploymentNamer(season)

    assert namer.name("IMG_1.JPG") != namer.name("season/IMG_1.JPG") == "season"


def test_a_pattern_takes_a_part_of_the_path_and_says_what_it_missed(season):
    namer = DeploymentNamer(season, pattern=r"^(?P<deployment>[^/]+)/100RECNX")

    assert [namer.name(name) for name in FILES] == ["season", "north", "south", "south"]
    assert namer.unnamed(FILES) == ["IMG_1.JPG"]


@pytest.mark.parametrize(
    ("pattern", "said"), [("(unclosed", "not a regular expression"), ("([^/]+)/", "no group named 'deployment'")]
)
def test_a_bad_pattern_is_refused(season, pattern, said):
    with pytest.raises(AnomalureError, match=said):
        DeploymentNamer(season, pattern=pattern)


def write(season, text, *, encoding="utf-8"):
    path = season.parent / "deployments.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_table_names_folders_and_what_is_below_them(season, encoding, delimiter):
    text = "folder,deployment\nsouth,Süd\nsouth/100RECNX/sub,Süd 2\n".replace(",", delimiter)
    namer = DeploymentNamer(season, table=write(season, text, encoding=encoding))

    assert [namer.name(name) for name in FILES] == ["season", "north/100RECNX", "Süd", "Süd 2"]
    assert namer.unnamed(FILES) == list(FILES[:2])


def test_a_table_can_name_the_listed_folder_itself(season):
    namer = DeploymentNamer(season, table=write(season, "folder,deployment\n.,A\nnorth\\100RECNX,B\n"))

    assert [namer.name(name) for name in FILES] == ["A", "B", "A", "A"]


def test_a_table_names_files_by_longer_or_shorter_paths(season):
    table = write(
        season, "file_name,deployment\nD:\\photos\\season\\north\\100RECNX\\IMG_1.JPG,A\nIMG_2.JPG,B\nx.jpg,C\n"
    )

    namer = DeploymentNamer(season, table=table, file_names=FILES)

    assert [namer.name(name) for name in FILES] == ["season", "A", "south/100RECNX", "B"]
    assert namer.unused_rows == ("x.jpg",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("camera,place\na,b\n", "expected the columns deployment and file_name or folder, got camera, place"),
        ("folder,deployment\nnorth,\n", "line 2: the deployment is empty"),
        ("folder,deployment\nnorth,A\nnorth/,B\n", "line 3: north is in two deployments, A and B"),
        ("file_name,deployment\nelsewhere/x.jpg,A\n", "none of its 1 file names"),
        ("folder,folder\nnorth,A\n", "name each column once"),
        ('folder,deployment\nnorth,"A\n', "line"),
    ],
)
def test_a_bad_table_is_refused(season, text, said):
    with pytest.raises(AnomalureError, match=said):
        DeploymentNamer(season, table=write(season, text), file_names=FILES)


def test_a_missing_table_and_a_pattern_beside_a_table_are_refused(season):
    with pytest.raises(AnomalureError, match="There is no file"):
        DeploymentNamer(season, table=season / "none.csv")
    with pytest.raises(AnomalureError, match="not both"):
        DeploymentNamer(season, table=season / "none.csv", pattern="(?P<deployment>a)")
