"""Files of labels in the formats of other tools, small enough to be written in a test."""

import json
import shutil

CATEGORIES = [{"id": 1, "name": "vole"}, {"id": 0, "name": "empty"}]


def write(tmp_path, content, name="labels.json", *, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode(encoding))
    return path


def coco(images=(), annotations=(), categories=CATEGORIES):
    return {"images": list(images), "annotations": list(annotations), "categories": list(categories)}


IMAGE = {"id": "i1", "file_name": "a/1.jpg", "width": 200, "height": 100}


def megadetector(*images, version="1.4", **more):
    return {
        "info": {"format_version": version},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"0": "fox", "3": "elk"},
        "images": list(images),
        **more,
    }


MEDIA = """mediaID,deploymentID,timestamp,filePath,fileName,fileMediatype
m1,d1,2020-05-30T04:57:37+02:00,media/a.jpg,a.jpg,image/jpeg
m2,d1,2020-05-30T04:57:40+02:00,https://example.org/assets/77/file,b.jpg,image/jpeg
m3,d1,2020-05-30T05:57:40+02:00,media/c.mp4,c.mp4,video/mp4
m4,d2,2020-05-30T04:57:37Z,media/d.jpg,,image/jpeg
"""
OBSERVATIONS = """observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,\
scientificName,bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classificationProbability
o1,d1,m1,e1,2020-05-30T02:57:37Z,2020-05-30T02:57:37Z,media,animal,Vulpes vulpes,0.1,0.2,0.3,0.4,machine,0.8
o2,d1,,e1,2020-05-30T02:57:39Z,2020-05-30T02:57:40Z,event,animal,Anas,,,,,human,
o3,d2,m4,e2,2020-05-30T04:57:37Z,2020-05-30T04:57:37Z,media,blank,,,,,,human,
o4,d1,m3,e3,2020-05-30T04:57:37Z,2020-05-30T04:57:37Z,media,human,,,,,,human,
o5,d2,,e9,2021-01-01T00:00:00Z,2021-01-01T00:00:01Z,event,animal,Anas,,,,,human,
"""


def package(tmp_path, *, media=MEDIA, observations=OBSERVATIONS, description=None):
    folder = tmp_path / "package"
    folder.mkdir()
    resources = [{"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")]
    write(folder, {"resources": resources} if description is None else description, "datapackage.json")
    write(folder, "deploymentID\nd1\nd2\n", "deployments.csv")
    write(folder, media, "media.csv")
    write(folder, observations, "observations.csv")
    return folder


def zip_up(folder):
    return shutil.make_archive(str(folder), "zip", folder.parent, folder.name)
