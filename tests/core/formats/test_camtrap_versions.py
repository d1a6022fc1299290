"""Packages of the versions of Camtrap DP: read as they are meant, or refused by name."""

import json

import pytest

from core.errors import FileFormatError
from core.formats.recognise import read_labels

ADDRESS = "https://raw.githubusercontent.com/tdwg/camtrap-dp/{}/camtrap-dp-profile.json"
OLD_MEDIA = (
    "mediaID,deploymentID,sequenceID,captureMethod,timestamp,filePath,fileName,fileMediatype\n"
    "m1,d1,s1,motionDetection,2024-05-03T06:12:10Z,north/1.jpg,1.jpg,image/jpeg\n"
    "m2,d1,s1,motionDetection,2024-05-03T06:12:12Z,north/2.jpg,2.jpg,image/jpeg\n"
    "m3,d1,s2,motionDetection,2024-05-03T07:00:00Z,north/3.jpg,3.jpg,image/jpeg\n"
    "m4,d1,s3,motionDetection,2024-05-03T08:00:00Z,north/4.jpg,4.jpg,image/jpeg\n"
)
OLD_OBSERVATIONS = (
    "observationID,deploymentID,sequenceID,mediaID,timestamp,observationType,scientificName,count,"
    "classificationMethod,classificationConfidence\n"
    "o1,d1,s1,,2024-05-03T06:12:10Z,animal,Vulpes vulpes,1,human,\n"
    "o2,d1,s2,,2024-05-03T07:00:00Z,blank,,,human,\n"
    "o3,d1,s3,m4,2024-05-03T08:00:00Z,animal,Meles meles,1,machine,0.75\n"
)


def write_package(folder, *, profile: str = "", schema: str = "", observations: str = OLD_OBSERVATIONS):
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
    if schema:
        resources[1]["schema"] = schema
    package = {"resources": resources, **({"profile": profile} if profile else {})}
    (folder / "datapackage.json").write_text(json.dumps(package))
    (folder / "deployments.csv").write_text("deploymentID,latitude,longitude\nd1,50,4\n")
    (folder / "media.csv").write_text(OLD_MEDIA)
    (folder / "observations.csv").write_text(observations)
    return folder


@pytest.mark.parametrize("version", ["0.1.6", "0.1.5", "0.1"])
def test_a_package_of_version_0_1_says_what_its_sequences_show(tmp_path, version):
    file = read_labels(write_package(tmp_path, profile=ADDRESS.format(version)))

    first, second, empty, single = file.photos
    assert [[label.species for label in photo.labels] for photo in (first, second, single)] == [
        ["Vulpes vulpes"],
        ["Vulpes vulpes"],
        ["Meles meles"],
    ]
    assert [label.is_empty for label in empty.labels] == [True]
    assert [photo.event_id for photo in file.photos] == ["s1", "s1", "s2", "s3"]
    assert first.labels[0].of_event
    assert single.labels[0].species_confidence == 0.75
    assert file.problems == ()


@pytest.mark.parametrize("version", ["1.0", "1.0.1", "1.0.2", "1.1", "main", ""])
def test_versions_1_and_packages_without_a_version_are_read(tmp_path, version):
    profile = ADDRESS.format(version) if version else ""

    assert len(read_labels(write_package(tmp_path, profile=profile)).photos) == 4


@pytest.mark.parametrize(
    "how", [{"profile": ADDRESS.format("2.0.0")}, {"schema": ADDRESS.format("2.0")}, {"profile": ADDRESS.format("0.3")}]
)
def test_another_version_is_refused_by_name(tmp_path, how):
    with pytest.raises(
        FileFormatError, match=r"Camtrap DP package of version (2\.0|0\.3)\. Versions 0\.1 to 0\.1\.6 and 1"
    ):
        read_labels(write_package(tmp_path, **how))
