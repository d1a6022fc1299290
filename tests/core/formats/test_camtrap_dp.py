"""A Camtrap DP package is read as it is, and what cannot be used is counted with its reason."""

import gzip
import zipfile
from datetime import datetime

import pytest

from core.errors import AnomalureError, FileFormatError
from core.formats.labelled import Label, LabelledPhoto
from core.formats.recognise import read_labels
from core.records import Box
from tests.fakes.label_files import MEDIA, OBSERVATIONS, package, write, zip_up


@pytest.mark.parametrize("form", ["folder", "json", "zip"])
def test_a_camtrap_dp_package_is_read_as_folder_description_or_zip(tmp_path, form):
    folder = package(tmp_path)
    path = {"folder": folder, "json": folder / "datapackage.json", "zip": folder.with_suffix(".zip")}[form]
    if form == "zip":
        zip_up(folder)

    file = read_labels(path)

    assert file.format_name == "Camtrap DP"
    assert file.photos == (
        LabelledPhoto(
            "media/a.jpg",
            (Label("Vulpes vulpes", Box(0.1, 0.2, 0.3, 0.4), 0.8, "animal", 0.8),),
            "d1",
            datetime(2020, 5, 30, 4, 57, 37),
            "e1",
            frame=(1.0, 1.0),
        ),
        LabelledPhoto(
            "b.jpg",
            (Label("Anas", None, None, "animal", of_event=True),),
            "d1",
            datetime(2020, 5, 30, 4, 57, 40),
            "e1",
            frame=(1.0, 1.0),
        ),
        LabelledPhoto(
            "media/d.jpg",
            (Label("empty", None, None, "blank"),),
            "d2",
            datetime(2020, 5, 30, 4, 57, 37),
            "e2",
            frame=(1.0, 1.0),
        ),
    )
    assert file.problems == (
        "1 media that are not photos (the first: m3)",
        "1 observations of media that are not in the package or not photos (the first: o4)",
        "1 observations of events without a photo (the first: o5)",
    )


def test_packed_tables_are_unpacked(tmp_path):
    folder = package(tmp_path)
    (folder / "media.csv.gz").write_bytes(gzip.compress(MEDIA.encode()))
    packed = {"name": "media", "path": ["media.csv.gz"]}
    write(folder, {"resources": [packed, {"name": "observations", "path": "observations.csv"}]}, "datapackage.json")

    assert len(read_labels(folder).photos) == 3


@pytest.mark.parametrize(
    ("resources", "said"),
    [
        ([], "it has no resource media"),
        ([{"name": "media"}, {"name": "observations", "path": "observations.csv"}], "media has no path"),
        ([{"name": "media", "path": "gone.csv"}], "gone.csv, which cannot be read"),
        ([{"name": "media", "path": "../secret.csv"}], "not inside the package"),
        ([{"name": "media", "path": "/etc/passwd"}], "not inside the package"),
        ([{"name": "media", "path": "https://example.org/media.csv"}], "not inside the package"),
        ([{"name": "media", "path": "deployments.csv"}], "lacks the columns mediaID, timestamp, filePath"),
        (["media"], "it has no resource media"),
    ],
)
def test_a_package_that_is_not_whole_is_refused(tmp_path, resources, said):
    with pytest.raises(FileFormatError, match=said):
        read_labels(package(tmp_path, description={"resources": resources}))


def test_a_zip_without_a_package_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("a.jpg", "x")
    with pytest.raises(FileFormatError, match=r"has no datapackage\.json"):
        read_labels(tmp_path / "photos.zip")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    with pytest.raises(FileFormatError, match=r"broken\.zip"):
        read_labels(tmp_path / "broken.zip")


def test_media_of_one_name_at_addresses_are_told_apart(tmp_path):
    media = (
        "mediaID,deploymentID,timestamp,filePath,fileName,fileMediatype\n"
        "00000001,d1,2020-05-30T04:57:37Z,https://x.org/assets/1/file,IMG_1.JPG,image/jpeg\n"
        "00000002,d2,2020-05-30T04:57:37Z,https://x.org/assets/2/file,IMG_1.JPG,image/jpeg\n"
        "00000003,d2,2020-05-30T04:57:38Z,https://x.org/assets/3/file,IMG_2.JPG,image/jpeg\n"
        "00000004,d2,2020-05-30T04:57:39Z,https://x.org/assets/4/file,,image/jpeg\n"
    )
    observations = "observationID,deploymentID,mediaID,observationType,scientificName\no,d1,00000001,animal,fox\n"

    photos = read_labels(package(tmp_path, media=media, observations=observations)).photos

    assert [(photo.file_name, len(photo.labels), photo.other_names) for photo in photos] == [
        ("d1/IMG_1.JPG", 1, ("00000001.JPG",)),
        ("d2/IMG_1.JPG", 0, ("00000002.JPG",)),
        ("IMG_2.JPG", 0, ("00000003.JPG",)),
        ("00000004.jpg", 0, ()),
    ]


@pytest.mark.parametrize(
    ("media", "said"),
    [
        (MEDIA.replace("m2,", "m1,"), "2 media whose mediaID another one has (the first: m1)"),
        (MEDIA.replace("media/d.jpg", "x/a.jpg").replace("2020-05-30T04:57:37Z", "soon"), "1 media whose date or time"),
        (
            MEDIA.replace("media/d.jpg,", "a.jpg,").replace("media/a.jpg", "a.jpg").replace("d2", "d1"),
            "2 media whose name",
        ),
    ],
)
def test_media_that_cannot_be_told_apart_or_have_no_time_are_counted(tmp_path, media, said):
    assert said in " ".join(read_labels(package(tmp_path, media=media)).problems)


def test_an_observation_without_a_classification_leaves_its_photo_unknown(tmp_path):
    observations = OBSERVATIONS.replace("media,blank", "media,unclassified")

    photo = read_labels(package(tmp_path, observations=observations)).photos[2]

    assert (photo.labels, photo.is_incomplete, photo.is_empty) == ((), True, False)


def test_people_are_people_whatever_a_package_calls_them(tmp_path):
    observations = OBSERVATIONS.replace("media,blank,", "media,human,Homo sapiens")

    assert read_labels(package(tmp_path, observations=observations)).photos[2].labels[0].species == "person"


def test_a_table_that_is_a_link_out_of_the_package_is_not_read(tmp_path):
    folder = package(tmp_path)
    (tmp_path / "private.csv").write_bytes((folder / "observations.csv").read_bytes())
    (folder / "observations.csv").unlink()
    (folder / "observations.csv").symlink_to(tmp_path / "private.csv")

    with pytest.raises(AnomalureError, match="leads out of"):
        read_labels(folder)


@pytest.mark.parametrize(("written", "count"), [("3", 3), ("", 1), ("0", 1), ("many", 1), ("9" * 30, 1_000_000)])
def test_the_number_of_animals_of_an_observation_is_read(tmp_path, written, count):
    head, *lines = OBSERVATIONS.splitlines()
    observations = "\n".join([f"{head},count", *(f"{line},{written}" for line in lines)]) + "\n"

    photos = read_labels(package(tmp_path, observations=observations)).photos

    assert {label.count for photo in photos for label in photo.labels} == {count}


WORDS = (
    "observationID,deploymentID,mediaID,eventStart,eventEnd,observationLevel,observationType,scientificName,"
    "bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classificationProbability"
)
OF_EVENT = "o1,d1,,2020-05-30T02:57:30Z,2020-05-30T02:57:59Z,event,{},{},,,,,{},"
OF_PHOTO = "o2,d1,m1,,,media,{},{},0.1,0.2,0.3,0.4,{},0.8"
BOX = Box(0.1, 0.2, 0.3, 0.4)


@pytest.mark.parametrize(
    ("of_event", "of_photo", "expected", "contradicts"),
    [
        (("animal", "Anas", "human"), ("animal", "Vulpes vulpes", "machine"), [("Anas", None)], True),
        (("blank", "", "human"), ("animal", "", "machine"), [("empty", None)], True),
        (
            ("animal", "Vulpes vulpes", "human"),
            ("animal", "vulpes  vulpes", "machine"),
            [("vulpes vulpes", BOX)],
            False,
        ),
        (("animal", "Anas", "human"), ("animal", "", "machine"), [("Anas", BOX)], False),
        (("human", "", "human"), ("animal", "", "machine"), [("", BOX)], False),
        (("animal", "Anas", "machine"), ("animal", "Vulpes vulpes", "machine"), [("Vulpes vulpes", BOX)], False),
        (("animal", "Anas", "human"), ("animal", "Vulpes vulpes", "human"), [("Vulpes vulpes", BOX)], False),
        (("animal", "Anas", "machine"), ("animal", "Vulpes vulpes", "human"), [("Vulpes vulpes", BOX)], False),
    ],
)
def test_what_a_machine_says_against_a_person_is_left_out_and_counted(
    tmp_path, of_event, of_photo, expected, contradicts
):
    rows = "\n".join([WORDS, OF_EVENT.format(*of_event), OF_PHOTO.format(*of_photo), ""])

    file = read_labels(package(tmp_path, observations=rows))

    labels = next(photo.labels for photo in file.photos if photo.file_name == "media/a.jpg")
    assert [(label.species, label.box) for label in labels] == expected
    assert any("1 observations by a machine that contradict" in said for said in file.problems) is contradicts


def test_a_package_that_says_that_its_clocks_are_wrong_is_named_so(tmp_path):
    folder = package(tmp_path)
    (folder / "deployments.csv").write_text("deploymentID,timestampIssues\nd1,true\nd2,false\n")

    assert read_labels(folder).problems[0].endswith("times of these deployments are wrong: “d1”")


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        ("media,blank,", "media,blank,Vulpes vulpes", "observations of blank that name another species"),
        ("media,blank,", "media,human,Vulpes vulpes", "observations of human that name another species"),
        ("media,blank,", "media,unclassified,", "observations that are unclassified"),
    ],
)
def test_observations_that_contradict_themselves_are_left_out(tmp_path, was, now, said):
    file = read_labels(package(tmp_path, observations=OBSERVATIONS.replace(was, now)))

    assert any(said in one for one in file.problems)
    assert file.photos[2].labels == ()
    assert file.accounts[0].n_left_out == 3
