"""A file is recognised by its content, and one that is something else is refused plainly."""

import copy
import json
from collections import Counter

import pytest

from core.errors import FileFormatError
from core.formats.recognise import read_labels
from tests.fakes.label_files import IMAGE, OBSERVATIONS, coco, megadetector, package, write


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
        (b"name,what\n1.jpg,a\n", "a.csv", "a.csv has no column for the names of photos: expected"),
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

    assert (len(file.photos), file.n_boxes) == (423, 20)
    assert file.problems == ("1 observations that are unclassified (the first: d3cb3c74)",)
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


def test_a_number_of_thousands_of_digits_is_a_plain_sentence(tmp_path):
    (tmp_path / "big.json").write_text('{"images": [{"id": 1' + "0" * 5000 + "}]}")

    with pytest.raises(FileFormatError, match=r"not usable JSON: a number in it has thousands of digits; expected"):
        read_labels(tmp_path / "big.json")
