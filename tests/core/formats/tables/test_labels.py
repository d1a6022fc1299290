"""Tables of labels are read as other tools write them, and what cannot be used is counted with its reason."""

from datetime import datetime

import pytest

from core.formats.labelled import Label
from core.formats.recognise import read_labels
from core.records import Box
from tests.fakes.label_files import write


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


def read(tmp_path, text, name="labels.csv"):
    return read_labels(write(tmp_path, text, name))


@pytest.mark.parametrize(
    ("header", "row", "name", "species", "deployment"),
    [
        ("File,RelativePath,DateTime,Species", "IMG_1.JPG,cam2,,badger", "cam2/IMG_1.JPG", "badger", ""),
        ("RootFolder,File,RelativePath,Species", "s,IMG_1.JPG,cam2\\100RECNX,x", "cam2/100RECNX/IMG_1.JPG", "x", ""),
        ("File,RelativePath,Folder,Species", "IMG_1.JPG,cam2,study,badger", "cam2/IMG_1.JPG", "badger", ""),
        ("File,RelativePath,Species", "IMG_1.JPG,,badger", "IMG_1.JPG", "badger", ""),
        (
            "Station,Species,Directory,FileName",
            "cam2,badger,C:/study/cam2,IMG_1.JPG",
            "C:/study/cam2/IMG_1.JPG",
            "badger",
            "cam2",
        ),
        ("Station,Camera,FileName,Species", "A,left,1.jpg,fox", "1.jpg", "fox", "A/left"),
        ("filename,filepath,label", "1.jpg,cam1/1.jpg,fox", "cam1/1.jpg", "fox", ""),
        ("path,file,label", "cam1,1.jpg,fox", "cam1/1.jpg", "fox", ""),
        ("File Name,Common Name,Site ID", "1.jpg,Fox,north", "1.jpg", "Fox", "north"),
        ("mediaID,fileName,scientificName,deploymentID", "m1,1.jpg,Vulpes vulpes,d1", "1.jpg", "Vulpes vulpes", "d1"),
        ("absolute_path,relative_path,label", "C:\\study,cam1\\1.jpg,fox", "C:/study/cam1/1.jpg", "fox", ""),
        ("image_path,class", "https://x.org/a%20b/1.jpg?token=9,fox", "x.org/a b/1.jpg", "fox", ""),
        ("file,species,location", "1.jpg,fox,north", "1.jpg", "fox", "north"),
        ("file,species,location", "1.jpg,fox,gs://bucket/deployment/9/1.jpg", "1.jpg", "fox", ""),
        ("file,observationType,scientificName", "1.jpg,human,", "1.jpg", "person", ""),
        ("file,observation_type,species", "1.jpg,blank,", "1.jpg", "empty", ""),
        ("file,species,is_blank", "1.jpg,,TRUE", "1.jpg", "empty", ""),
    ],
)
def test_the_columns_of_other_tools_are_understood(tmp_path, header, row, name, species, deployment):
    file = read(tmp_path, f"{header}\n{row}\n")

    (photo,) = file.photos
    assert (photo.file_name, photo.labels[0].species, photo.deployment) == (name, species, deployment)
    assert file.problems == ()


def test_wildlife_insights_names_species_by_its_ranks_and_blanks_by_their_column(tmp_path):
    text = (
        "deployment_id,image_id,filename,location,is_blank,class,order,family,genus,species,common_name,timestamp\n"
        "d,u-00000-0,0.JPG,gs://b/9/0.JPG,0,Mammalia,Carnivora,Canidae,Canis,lupus,Grey Wolf,2026-05-01 06:10:00\n"
        "d,u-00000-1,1.JPG,gs://b/9/1.JPG,0,Mammalia,Carnivora,Mustelidae,,,Weasels,2026-05-01 06:10:01\n"
        "d,u-00000-2,2.JPG,gs://b/9/2.JPG,1,No CV Result,No CV Result,No CV Result,,,Blank,2026-05-01 06:10:02\n"
        "d,u-00000-3,3.JPG,gs://b/9/3.JPG,0,Mammalia,Primates,Hominidae,Homo,sapiens,Human,2026-05-01 06:10:03\n"
        "d,u-00000-4,4.JPG,gs://b/9/4.JPG,0,No CV Result,No CV Result,No CV Result,,,No CV Result,\n"
        "d,u-00000-5,5.JPG,gs://b/9/5.JPG,1,Mammalia,Carnivora,Canidae,Canis,lupus,Grey Wolf,\n"
    )

    file = read(tmp_path, text)

    said = {photo.file_name: [label.species for label in photo.labels] for photo in file.photos}
    assert list(said.values()) == [["Canis lupus"], ["Mustelidae"], ["empty"], ["person"], [], []]
    assert {photo.deployment for photo in file.photos} == {"d"}
    assert file.problems == (
        "1 rows without a species (the first: row 6)",
        "1 rows that are called empty and name a species (the first: row 7: Canis lupus)",
    )
    assert file.photos[5].is_incomplete


def test_photos_of_one_name_are_told_apart_by_what_the_table_says(tmp_path):
    text = "filename,deployment_id,species\n1.jpg,A,fox\n1.jpg,B,badger\n2.jpg,A,fox\n"
    by_id = "filename,image_id,species\n1.jpg,0000-aaaa,fox\n1.jpg,0000-bbbb,badger\n1.jpg,0000-bbbb,fox\n"
    by_address = "filename,location,species\n1.jpg,gs://b/7/1.jpg,fox\n1.jpg,gs://b/8/1.jpg,badger\n"

    names = {
        source: {photo.file_name: len(photo.labels) for photo in read(tmp_path, text).photos}
        for source, text in (("deployment", text), ("id", by_id), ("address", by_address))
    }

    assert names == {
        "deployment": {"A/1.jpg": 1, "B/1.jpg": 1, "2.jpg": 1},
        "id": {"0000-aaaa.jpg": 1, "0000-bbbb.jpg": 2},
        "address": {"b/7/1.jpg": 1, "b/8/1.jpg": 1},
    }


def test_rows_whose_photo_nobody_can_know_are_left_out_and_counted(tmp_path):
    file = read(tmp_path, "filename,image_id,species\n1.jpg,1,fox\n1.jpg,2,badger\n2.jpg,3,fox\n")

    assert [photo.file_name for photo in file.photos] == ["2.jpg"]
    assert file.problems == ("2 photos whose name other photos of the file have, too (the first: 1.jpg, row 2)",)


@pytest.mark.parametrize(
    ("text", "boxes", "frame"),
    [
        ("file;label;x;y;width;height\n1.jpg;fox;50,5;40,25;60,0;70,5\n", [Box(50.5, 40.25, 60, 70.5)], None),
        ("file,label,x,y,width,height\n1.jpg,fox,0.25,0.5,0.5,0.25\n", [Box(0.25, 0.5, 0.5, 0.25)], (1.0, 1.0)),
        ("file;label;x;y;width;height\n1.jpg;fox;0,25;0,5;0,5;0,25\n", [Box(0.25, 0.5, 0.5, 0.25)], (1.0, 1.0)),
        ("file,width,height,class,xmin,ymin,xmax,ymax\n1.jpg,80,60,fox,10,20,30,50\n", [Box(10, 20, 20, 30)], (80, 60)),
        ("file,label,bbox_x,bbox_y,bbox_w,bbox_h\n1.jpg,fox,1,2,3,4\n", [Box(1, 2, 3, 4)], None),
        ("file,label,bboxX,bboxY,bboxWidth,bboxHeight\n1.jpg,fox,0,0,1,1\n", [Box(0, 0, 1, 1)], (1.0, 1.0)),
        ('file,label,bbox\n1.jpg,fox,"[0.25, 0.5, 0.5, 0.25]"\n', [Box(0.25, 0.5, 0.5, 0.25)], (1.0, 1.0)),
        ("file,label,x_center,y_center,width,height\n1.jpg,fox,.5,.5,.5,.5\n", [Box(0.25, 0.25, 0.5, 0.5)], (1.0, 1.0)),
    ],
)  # fmt: skip
def test_boxes_are_read_in_pixels_or_shares_from_corners_or_sizes(tmp_path, text, boxes, frame):
    file = read(tmp_path, text)

    (photo,) = file.photos
    assert ([label.box for label in photo.labels], photo.frame, file.problems) == (boxes, frame, ())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("1.jpg,fox,10,10,5,5,0.9\n1.jpg,fox,0.1,0.1,0.5,0.5,0.9\n", "1 rows whose box is smaller than a pixel"),
        ('1.jpg,fox,"1,234",2,3,4,0.9\n', "1 rows whose box is not four numbers (the first: row 2)"),
        ("1.jpg,fox,10,10,5,5,sure\n", "1 rows whose confidence is not a number from 0 to 1 (the first: row 2: sure)"),
    ],
)
def test_a_box_or_a_confidence_that_makes_no_sense_is_counted(tmp_path, rows, said):
    file = read(tmp_path, f"file,label,x,y,width,height,confidence\n{rows}")

    assert len(file.problems) == 1
    assert file.problems[0].startswith(said)


def test_a_confidence_may_be_in_percent(tmp_path):
    text = "file,label,x,y,width,height,conf\n1.jpg,fox,1,1,5,5,87\n2.jpg,fox,1,1,5,5,0.5\n"

    assert [photo.labels[0].confidence for photo in read(tmp_path, text).photos] == [0.87, 0.005]


def test_a_table_keeps_its_dates_and_names_those_it_cannot_read(tmp_path):
    read_well = read(tmp_path, "file,label,Date,Time\n1.jpg,fox,01.05.2026,18:10:00\n")
    not_read = read(tmp_path, "file,label,datetime\n1.jpg,fox,01/05/2026 18:10\n2.jpg,fox,\n")

    assert read_well.photos[0].captured_at == datetime(2026, 5, 1, 18, 10)
    assert [(photo.captured_at, photo.has_unread_time) for photo in not_read.photos] == [(None, True), (None, False)]
    assert len(not_read.problems) == 1
    assert "the first: row 2: 01/05/2026 18:10" in not_read.problems[0]


def test_one_species_has_one_spelling_in_a_file(tmp_path):
    text = "file,label\n1.jpg,Vulpes vulpes\n2.jpg,vulpes  vulpes\n3.jpg,VULPES VULPES\n4.jpg,Vulpes vulpes\n"

    assert {photo.labels[0].species for photo in read(tmp_path, text).photos} == {"Vulpes vulpes"}


def test_a_table_that_excel_wrote_may_say_its_separator_and_have_unused_cells(tmp_path):
    text = "sep=;\nfile;label;;\n1.jpg;fox;;\n2.jpg;deer\n"

    assert [photo.labels[0].species for photo in read(tmp_path, text).photos] == ["fox", "deer"]


@pytest.mark.parametrize("cell", ["deer; fox", "deer|fox", '"deer\nfox"', '"deer,fox"'])
def test_several_species_in_one_cell_are_several_labels(tmp_path, cell):
    (photo,) = read(tmp_path, f"file,species\n1.jpg,{cell}\n").photos

    assert [label.species for label in photo.labels] == ["deer", "fox"]


@pytest.mark.parametrize("column", ["ImageDate", "Begin Time", "eventDate", "DateTimeOriginal"])
def test_the_times_of_other_tables_are_read(tmp_path, column):
    (photo,) = read(tmp_path, f"file,species,{column}\n1.jpg,deer,2024-05-13 18:10:00\n").photos

    assert photo.captured_at == datetime(2024, 5, 13, 18, 10)


@pytest.mark.parametrize(("column", "is_said"), [("Aufnahmezeit", True), ("fecha", True), ("Country", False)])
def test_a_column_that_may_hold_times_is_named_where_none_is_known(tmp_path, column, is_said):
    said = read(tmp_path, f"file,species,{column}\n1.jpg,deer,2024-05-13 18:10\n").problems

    assert [f"(the first: {column})" in one and "call the one with date and time DateTime" in one for one in said] == [
        True
    ] * is_said
    assert read(tmp_path, f"file,species,{column},DateTime\n1.jpg,deer,x,2024-05-13 18:10\n").problems == ()


@pytest.mark.parametrize("word", ["undefined", "Unlabelled", "CV Failed"])
def test_what_a_program_writes_where_it_knows_nothing_is_no_species(tmp_path, word):
    file = read(tmp_path, f"file,species\n1.jpg,{word}\n2.jpg,deer\n")

    assert [[label.species for label in photo.labels] for photo in file.photos] == [[], ["deer"]]
    assert file.problems == ("1 rows without a species (the first: row 2)",)


@pytest.mark.parametrize("name", ["Fox, red", "Vulpes vulpes (Linnaeus,1758)"])
def test_a_comma_within_a_name_does_not_part_it(tmp_path, name):
    (photo,) = read(tmp_path, f'file,species\n1.jpg,"{name}"\n').photos

    assert [label.species for label in photo.labels] == [name]


def test_a_box_of_several_species_is_counted_and_not_a_species_of_its_own(tmp_path):
    file = read(tmp_path, "file,species,x,y,width,height\n1.jpg,deer; fox,10,10,20,20\n")

    assert (file.photos[0].labels, file.photos[0].is_incomplete) == ((), True)
    assert file.problems == ("1 rows whose box has several species (the first: row 2)",)


def test_a_time_of_day_without_its_date_is_counted(tmp_path):
    file = read(tmp_path, "file,species,Time\n1.jpg,deer,18:10:00\n")

    assert file.photos[0].has_unread_time
    assert file.problems == ("1 rows whose date or time cannot be read (the first: row 2: 18:10:00)",)


def test_cells_that_are_marked_as_text_for_a_spreadsheet_are_read_without_the_mark(tmp_path):
    (photo,) = read(tmp_path, 'file,species\n"=""0012.JPG""","=""red fox"""\n').photos

    assert (photo.file_name, [label.species for label in photo.labels]) == ("0012.JPG", ["red fox"])
