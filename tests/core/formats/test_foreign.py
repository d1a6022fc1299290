"""A file of labels in a format that is not read is refused by the format's name, with what to do."""

import json
import sqlite3
import zipfile

import pytest

from core.errors import FileFormatError
from core.formats.recognise import read_labels

VOC = "<annotation><filename>a.jpg</filename><object><name>fox</name></object></annotation>"
FILES = {
    "zooniverse.csv": (
        'classification_id,workflow_id,annotations,subject_data,subject_ids\n1,2,[],"{}",3\n',
        "a table of classifications from Zooniverse",
    ),
    "subjects.csv": (
        "subject_id,project_id,workflow_id,metadata\n1,2,3,{}\n",
        "a table of classifications from Zooniverse",
    ),
    "first_megadetector.csv": (
        'image_path,max_confidence,detections\na.jpg,0.9,"[[0.1, 0.2, 0.3, 0.4, 0.9, 1]]"\n',
        "a table of the first MegaDetector",
    ),
    "later_megadetector.csv": (
        'max_detection_conf,file,detections\n0.9,a.jpg,"[[0.1, 0.2, 0.3, 0.4, 0.9, 1]]"\n',
        "a table of the first MegaDetector",
    ),
    "keywords.csv": ("SourceFile,Keywords\na.jpg,fox\n", "a table of keywords from exiftool"),
    "observations.csv": ("observationID,deploymentID,observationType\n1,d,animal\n", "one table of a Camtrap DP"),
    "sequences.csv": ("sequence_id,is_blank,group_size\n1,0,2\n", "a table of sequences from Wildlife Insights"),
    "via3.json": (json.dumps({"project": {}, "attribute": {}, "file": {}, "metadata": {}}), "a file of the VGG"),
    "via_with_hash.csv": ("#filename,region_shape_attributes\na.jpg,{}\n", "a file of the VGG Image Annotator"),
    "studio_short.json": (json.dumps([{"image": "1.jpg", "annotator": 1}]), "a Label Studio file (JSON)"),
    "results.json": (json.dumps([{"image_id": 1, "category_id": 1}]), "a list of COCO results"),
    "darknet.json": (json.dumps([{"frame_id": 1, "objects": []}]), "a file of Darknet (JSON)"),
    "voc.xml": (VOC, "a Pascal VOC file (XML)"),
    "voc_with_header.xml": (f'<?xml version="1.0"?>\n<!-- mine -->\n{VOC}', "a Pascal VOC file (XML)"),
    "cvat.xml": ('<?xml version="1.0"?><annotations><image id="0" name="a.jpg"/></annotations>', "a CVAT file (XML)"),
    "yolo.txt": ("0 0.5 0.5 0.2 0.2\n1 0.1 0.2 0.1 0.1\n", "a YOLO file (text)"),
    "data.yaml": ("path: .\ntrain: images/train\nnames: [fox]\n", "the description of a YOLO dataset"),
    "labelme.json": (json.dumps({"shapes": [], "imagePath": "a.jpg"}), "a LabelMe file (JSON)"),
    "studio.json": (json.dumps([{"data": {}, "annotations": []}]), "a Label Studio file (JSON)"),
    "via.json": (json.dumps({"a.jpg1": {"filename": "a.jpg", "regions": []}}), "a file of the VGG Image Annotator"),
    "via.csv": ("filename,region_shape_attributes\na.jpg,{}\n", "a file of the VGG Image Annotator"),
    "old.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100), "an old Excel workbook"),
    "table.rds": (b"\x1f\x8b\x08" + bytes(100), "compressed"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_format_that_is_not_read_is_named(name, tmp_path):
    content, said = FILES[name]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())

    with pytest.raises(FileFormatError) as refused:
        read_labels(path)

    assert str(refused.value).startswith(f"{name} is {said}")
    assert "That is not read here: " in str(refused.value)


@pytest.mark.parametrize(
    ("inside", "said"), [("xl/workbook.xml", "an Excel workbook"), ("content.xml", "an OpenDocument sheet")]
)
def test_a_workbook_is_named(inside, said, tmp_path):
    with zipfile.ZipFile(tmp_path / "sheet", "w") as archive:
        archive.writestr(inside, "<a/>")

    with pytest.raises(FileFormatError, match=f"sheet is {said}.*save the sheet as CSV"):
        read_labels(tmp_path / "sheet")


def test_a_database_is_named(tmp_path):
    with sqlite3.connect(tmp_path / "TimelapseData.ddb") as database:
        database.execute("create table DataTable (File)")

    with pytest.raises(FileFormatError, match=r"a database \(SQLite\), as Timelapse has one.*export the labels as CSV"):
        read_labels(tmp_path / "TimelapseData.ddb")


@pytest.mark.parametrize("name", ["voc.xml", "yolo.txt"])
def test_a_folder_of_such_files_is_named_by_the_first(name, tmp_path):
    (tmp_path / "labels").mkdir()
    (tmp_path / "labels" / name).write_text(FILES[name][0])

    with pytest.raises(FileFormatError, match=f"/labels/{name} is a "):
        read_labels(tmp_path)


def test_a_file_of_nothing_known_keeps_its_own_message(tmp_path):
    (tmp_path / "a.csv").write_text("this,that\n1,2\n")

    with pytest.raises(FileFormatError, match="no column for the names of photos"):
        read_labels(tmp_path / "a.csv")


def test_a_table_with_the_columns_that_are_needed_is_read_whatever_others_it_has(tmp_path):
    (tmp_path / "a.csv").write_text("file_name,species,subject_ids,annotations\na.jpg,fox,1,x\n")

    assert len(read_labels(tmp_path / "a.csv").photos) == 1
