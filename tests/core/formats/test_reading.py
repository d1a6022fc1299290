"""Labels of other tools are read as they are, and what cannot be used is counted with its reason."""

import copy
import gzip
import json
import shutil
import zipfile
from collections import Counter
from datetime import datetime

import pytest

from core.errors import FileFormatError
from core.formats.labelled import Label, LabelledPhoto
from core.formats.recognise import read_labels
from core.records import Box

CATEGORIES = [{"id": 1, "name": "vole"}, {"id": 0, "name": "empty"}]


def write(tmp_path, content, name="labels.json", *, encoding="utf-8"):
    path = tmp_path / name
    path.write_bytes((content if isinstance(content, str) else json.dumps(content)).encode(encoding))
    return path


def coco(images=(), annotations=(), categories=CATEGORIES):
    return {"images": list(images), "annotations": list(annotations), "categories": list(categories)}


IMAGE = {"id": "i1", "file_name": "a/1.jpg", "width": 200, "height": 100}


# COCO


def test_coco_camera_traps_gives_boxes_times_places_and_splits(tmp_path):
    image = IMAGE | {"location": 12, "datetime": "2011-05-13 23:43:18", "seq_id": "s7", "split": "train"}
    annotations = [
        {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5},
        {"id": 2, "image_id": "i1", "category_id": 1, "sequence_level_annotation": True},
    ]

    file = read_labels(write(tmp_path, coco([image, {"id": "i2", "file_name": "a/2.jpg"}], annotations)))

    assert (file.format_name, file.problems, file.n_boxes) == ("COCO", (), 1)
    assert file.photos == (
        LabelledPhoto(
            "a/1.jpg",
            (Label("vole", Box(10, 20, 30, 40), 0.5, "vole"), Label("vole", None, None, "vole", of_event=True)),
            deployment="12",
            captured_at=datetime(2011, 5, 13, 23, 43, 18),
            event_id="s7",
            split="train",
            frame=(200.0, 100.0),
        ),
        LabelledPhoto("a/2.jpg"),
    )


def test_an_empty_photo_has_a_label_without_a_box(tmp_path):
    file = read_labels(write(tmp_path, coco([IMAGE], [{"id": 1, "image_id": "i1", "category_id": 0}])))

    (label,) = file.photos[0].labels
    assert label.is_empty
    assert label.box is None


@pytest.mark.parametrize(
    ("bbox", "kept", "said"),
    [
        ([-20, 50, 100, 100], Box(0, 50, 80, 50), "1 annotations whose box extended over the photo's edge and was cut"),
        ([150, 10, 50.4, 20], Box(150, 10, 50, 20), ""),  # rounding is no problem worth a word
        ([300, 10, 20, 20], None, "1 annotations whose box lies outside the photo (the first: id 1)"),
        ([10, 10, -20, 20], None, "1 annotations whose box has no size"),
        ([10, 10, 0, 20], None, "1 annotations whose box has no size"),
        ([10, 10, float("nan"), 20], None, "1 annotations whose box is not four numbers"),
        ([10, 10, float("inf"), 20], None, "1 annotations whose box is not four numbers"),
        ([10, 10, 20], None, "1 annotations whose box is not four numbers"),
        (["10", "10", "20", "20"], None, "1 annotations whose box is not four numbers"),
        ({"x": 10}, None, "1 annotations whose box is not four numbers"),
    ],
)
def test_a_box_that_does_not_fit_is_cut_or_left_out_and_counted(tmp_path, bbox, kept, said):
    path = write(tmp_path, coco([IMAGE], [{"id": 1, "image_id": "i1", "category_id": 1, "bbox": bbox}]))

    file = read_labels(path)

    assert [label.box for label in file.photos[0].labels] == ([kept] if kept else [])
    assert len(file.problems) == bool(said)
    assert all(problem.startswith(said) for problem in file.problems)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (coco([IMAGE], [{"id": 5, "image_id": "zz", "category_id": 1}]), "annotations of images that are not in"),
        (coco([IMAGE], [{"id": 5, "image_id": ["i1"], "category_id": 1}]), "annotations of images that are not in"),
        (coco([IMAGE], [{"id": 5, "image_id": "i1", "category_id": 9}]), "annotations of categories that are not"),
        (coco([IMAGE], [{"id": 5, "image_id": "i1"}]), "annotations of categories that are not"),
        (coco([IMAGE], ["vole"]), "annotations that are not objects"),
        (coco([IMAGE, {"id": "i2"}]), "images without a file_name"),
        (coco([IMAGE, {"file_name": "b.jpg"}]), "images without an id"),
        (coco([IMAGE, IMAGE | {"file_name": "b.jpg"}]), "images whose id another image has"),
        (coco([IMAGE | {"datetime": "soon"}]), "images whose datetime is not valid (the first: a/1.jpg: soon)"),
        (coco([IMAGE], categories=[*CATEGORIES, {"id": 3}]), "categories without an id or a name"),
        (coco([IMAGE], categories=[*CATEGORIES, {"id": 1, "name": "x"}]), "categories whose id another category"),
        (coco([IMAGE, IMAGE | {"id": "i2"}]), "photos that the file names again"),
    ],
)
def test_what_cannot_be_used_of_a_coco_file_is_counted(tmp_path, content, said):
    file = read_labels(write(tmp_path, content))

    assert file.photos[0].file_name == "a/1.jpg"
    assert [problem for problem in file.problems if problem.startswith(f"1 {said}")]


def test_labels_of_a_photo_that_is_named_twice_are_put_together(tmp_path):
    one = {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [1, 1, 5, 5]}
    other = {"id": 2, "image_id": "i2", "category_id": 1, "bbox": [9, 9, 5, 5]}

    file = read_labels(write(tmp_path, coco([IMAGE, IMAGE | {"id": "i2"}], [one, other])))

    assert len(file.photos) == 1
    assert len(file.photos[0].labels) == 2


@pytest.mark.parametrize("width", [0, -5, "200", None, float("nan"), True])
def test_a_size_that_makes_no_sense_is_not_a_size(tmp_path, width):
    assert read_labels(write(tmp_path, coco([IMAGE | {"width": width}]))).photos[0].frame is None


# MegaDetector


def megadetector(*images, version="1.4", **more):
    return {
        "info": {"format_version": version},
        "detection_categories": {"1": "animal", "2": "person"},
        "classification_categories": {"0": "fox", "3": "elk"},
        "images": list(images),
        **more,
    }


@pytest.mark.parametrize("version", ["1.0", "1.3", "1.5"])
def test_megadetector_gives_relative_boxes_and_the_likeliest_species(tmp_path, version):
    image = {
        "file": "cam\\1.jpg",
        "max_detection_conf": 0.9,
        "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4], "classifications": [["3", 0.2], ["0", 0.7]]},
            {"category": "2", "conf": 0.05, "bbox": [0, 0, 1, 1.001]},
        ],
    }

    file = read_labels(write(tmp_path, megadetector(image, {"file": "2.jpg", "detections": []}, version=version)))

    assert (file.format_name, file.problems) == ("MegaDetector", ())
    assert file.photos[0].labels == (
        Label("fox", Box(0.1, 0.2, 0.3, 0.4), 0.9, "animal", 0.7),
        Label("", Box(0, 0, 1, 1), 0.05, "person"),
    )
    assert file.photos[0].box_px(Box(0.1, 0.2, 0.3, 0.4), width_px=100, height_px=50) == Box(10, 10, 30, 20)
    assert file.photos[1].labels == ()


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"file": "x.jpg", "failure": "Failure image access", "detections": None}, "Failure image access"),
        ({"file": "x.jpg", "detections": None}, "photos without a list of detections"),
        ({"file": "x.mp4", "frame_rate": 20, "frames_processed": [0], "detections": []}, "videos"),
        ({"detections": []}, "entries without a file"),
        ("x.jpg", "entries without a file"),
    ],
)
def test_a_photo_that_the_detector_could_not_read_does_not_look_empty(tmp_path, image, said):
    file = read_labels(write(tmp_path, megadetector({"file": "ok.jpg", "detections": []}, image)))

    assert [photo.file_name for photo in file.photos] == ["ok.jpg"]
    assert said in file.problems[0]


@pytest.mark.parametrize(
    ("detection", "said"),
    [
        ({"category": "9", "conf": 0.5, "bbox": [0, 0, 1, 1]}, "detections of categories that are not in the file"),
        ({"category": "1", "conf": None, "bbox": [0, 0, 1, 1]}, "whose conf is not a number from 0 to 1"),
        ({"category": "1", "conf": 7, "bbox": [0, 0, 1, 1]}, "whose conf is not a number from 0 to 1"),
        ({"category": "1", "conf": 0.5, "bbox": [0, 0, 1]}, "whose box is not four numbers"),
        ({"category": "1", "conf": 0.5, "bbox": [10, 20, 30, 40]}, "whose box lies outside the photo"),
        ("animal", "detections that are not objects"),
    ],
)
def test_a_detection_that_cannot_be_used_is_counted(tmp_path, detection, said):
    file = read_labels(write(tmp_path, megadetector({"file": "1.jpg", "detections": [detection]})))

    assert file.photos[0].labels == ()
    assert said in file.problems[0]


def test_a_classification_that_is_not_known_leaves_the_detection(tmp_path):
    detection = {"category": "1", "conf": 0.5, "bbox": [0, 0, 1, 1], "classifications": [["8", 0.9], ["0"], None]}

    file = read_labels(write(tmp_path, megadetector({"file": "1.jpg", "detections": [detection]})))

    assert file.photos[0].labels == (Label("", Box(0, 0, 1, 1), 0.5, "animal"),)
    assert file.problems[0].startswith("3 classifications")


# Camtrap DP


MEDIA = """mediaID,deploymentID,timestamp,filePath,fileName,fileMediatype
m1,d1,2020-05-30T04:57:37+02:00,media/a.jpg,a.jpg,image/jpeg
m2,d1,2020-05-30T04:57:40+02:00,https://example.org/assets/77/file,b.jpg,image/jpeg
m3,d1,2020-05-30T05:57:40+02:00,media/c.mp4,c.mp4,video/mp4
m4,d2,2020-05-30T04:57:37Z,media/d.jpg,,image/jpeg
"""
OBSERVATIONS = """observationID,deploymentID,mediaID,eventID,eventStart,eventEnd,observationLevel,observationType,\
scientificName,bboxX,bboxY,bboxWidth,bboxHeight,classificationMethod,classificationProbability
o1,d1,m1,e1,2020-05-30T02:57:37Z,2020-05-30T02:57:37Z,media,animal,Vulpes vulpes,0.1,0.2,0.3,0.4,machine,0.8
o2,d1,,e1,2020-05-30T02:57:37Z,2020-05-30T02:57:40Z,event,animal,Anas,,,,,human,
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


# CSV


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_csv_of_labels_is_read_in_any_usual_encoding(tmp_path, encoding):
    path = write(tmp_path, "filepath;label\nx/1.jpg;Wühlmaus\n2.jpg;empty\n2.jpg;\n", "labels.csv", encoding=encoding)

    file = read_labels(path)

    assert [(photo.file_name, [label.species for label in photo.labels]) for photo in file.photos] == [
        ("x/1.jpg", ["Wühlmaus"]),
        ("2.jpg", ["empty"]),
    ]
    assert file.problems == ("1 rows without a species (the first: row 4)",)


def test_a_csv_can_have_boxes(tmp_path):
    text = (
        "file_name,species,x,y,width,height,confidence\n1.jpg,vole,1,2,3,4,0.5\n1.jpg,vole,9,9,x,9,\n1.jpg,fox,,,,,\n"
    )

    file = read_labels(write(tmp_path, text, "labels.csv"))

    assert file.photos[0].labels == (Label("vole", Box(1, 2, 3, 4), 0.5, "vole"), Label("fox", None, None, "fox"))
    assert file.problems == ("1 rows whose box is not four numbers (the first: row 3)",)


# Files that are something else


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.json", "is empty"),
        (b"\xef\xbb\xbf  \n", "a.json", "is not JSON|is empty"),
        (b"   \n", "a.csv", "is empty"),
        (b"{", "a.json", "is not JSON: .* in line 1"),
        (b'{"images": [}', "a.json", "is not JSON"),
        (b"[1, 2]", "a.json", "got a list"),
        (b"42", "a.json", "got a int"),
        (b"null", "a.json", "got a NoneType"),
        (b"{}", "a.json", "got an empty object"),
        (b'{"images": []}', "a.json", "got images"),
        (b'{"images": {}, "annotations": [], "categories": []}', "a.json", "got images, annotations, categories"),
        (b"[" * 200_000, "a.json", "JSON"),
        (b"\x89PNG\r\n\x1a\n\0\0\0", "a.json", "not a text file"),
        (b"\xff\xfe{", "a.json", "not readable text"),
        (bytes(100), "a.json", "is empty"),
        (b"file_name,label\n1.jpg,a,b\n", "a.csv", "line 2: 3 cells for 2 columns"),
        (b"name,what\n1.jpg,a\n", "a.csv", "got the columns name, what"),
        (b"\x00\x01\x02\x03", "a.csv", "not a text file"),
        (b'file_name,label\n"1.jpg,a\n', "a.csv", "line"),
        (b'{"images": [{"x": 1}], "annotations": [], "categories": []}', "a.json", "none of its 1 images"),
    ],
)
def test_a_file_that_is_something_else_is_refused_plainly(tmp_path, content, name, said):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(FileFormatError, match=said) as raised:
        read_labels(tmp_path / name)
    assert name in str(raised.value)


ODD_VALUES = (
    None,
    True,
    -1,
    0,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\\",
    [],
    [[]],
    {},
    {"id": {}},
    [None],
    1.5,
)


def places(value, way=()):
    """The way to every value inside a value."""
    yield way
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in inside:
        yield from places(inner, (*way, key))


@pytest.mark.parametrize("kind", ["coco", "megadetector", "camtrap"])
def test_no_odd_value_anywhere_in_a_file_ends_in_another_error(tmp_path, kind):
    image = IMAGE | {"location": "l", "datetime": "2011-05-13 23:43:18", "seq_id": "s", "split": "train"}
    annotation = {"id": 1, "image_id": "i1", "category_id": 1, "bbox": [10, 20, 30, 40], "score": 0.5}
    detection = {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1], "classifications": [["3", 0.2]]}
    folder = package(tmp_path)
    content, name = {
        "coco": (coco([image], [annotation]), "labels.json"),
        "megadetector": (megadetector({"file": "1.jpg", "detections": [detection]}), "labels.json"),
        "camtrap": (json.loads((folder / "datapackage.json").read_text()), "datapackage.json"),
    }[kind]
    outcomes = set()
    for way in places(content):
        for odd in ODD_VALUES:
            changed = copy.deepcopy({"top": content})
            inner = changed
            for key in ("top", *way)[:-1]:
                inner = inner[key]
            inner[("top", *way)[-1]] = odd
            path = write(folder, changed["top"], name)
            try:
                file = read_labels(path)
            except FileFormatError:
                outcomes.add("refused")
            else:
                outcomes.add("read")
                assert all(isinstance(photo.file_name, str) and photo.file_name for photo in file.photos)
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("column", range(13))
def test_no_odd_cell_of_a_package_ends_in_another_error(tmp_path, column):
    for number, odd in enumerate(("", "x", "-1", "nan", "1e999", "2020-13-45T99:00:00Z", "😀", "=1")):
        lines = OBSERVATIONS.splitlines()
        cells = lines[1].split(",")
        cells[column] = odd
        (tmp_path / str(number)).mkdir()
        folder = package(tmp_path / str(number), observations="\n".join([lines[0], ",".join(cells), *lines[2:]]))

        assert len(read_labels(folder).photos) == 3


def test_a_missing_file_and_a_folder_of_photos_are_refused(tmp_path):
    with pytest.raises(FileFormatError, match="There is no file"):
        read_labels(tmp_path / "none.json")
    with pytest.raises(FileFormatError, match=r"datapackage\.json"):
        read_labels(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_json_is_read_in_any_usual_encoding(tmp_path, encoding):
    content = json.dumps(coco([IMAGE | {"file_name": "Käfer.jpg"}]), ensure_ascii=False)

    file = read_labels(write(tmp_path, content, "labels.txt", encoding=encoding))

    assert file.photos[0].file_name == "Käfer.jpg"


# Real files


def test_the_real_package_is_read_whole(shared_data):
    file = read_labels(shared_data / "formats" / "camtrap_dp")

    assert (len(file.photos), file.n_boxes, file.problems) == (423, 20, ())
    species = Counter(label.species for photo in file.photos for label in photo.labels)
    assert species["Anas platyrhynchos"] == 157
    assert len({photo.deployment for photo in file.photos}) == 4


def test_three_formats_of_the_same_photos_agree(shared_data):
    folder = shared_data / "formats" / "ena24_small"

    def species(name: str) -> dict[str, str]:
        photos = read_labels(folder / name).photos
        return {photo.file_name: photo.labels[0].species.casefold().replace(" ", "_") for photo in photos}

    assert species("coco_annotations.json") == species("md_annotations.json") == species("labels.csv")


def test_the_wildlife_truth_is_read_whole(shared_data):
    file = read_labels(shared_data / "wildlife" / "annotations.json")

    assert Counter(photo.split for photo in file.photos) == {"train": 990, "season": 450}
    assert (file.n_boxes, file.problems) == (2057, ())
    assert sum(label.is_empty for photo in file.photos for label in photo.labels) == 30
