"""Tables whose columns could mean two things are refused by name, or read by a rule that is said."""

import pytest

from core.errors import FileFormatError
from core.formats.recognise import read_labels


def read(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    return read_labels(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("File,Species0,Species1\n1.jpg,deer,fox\n", "several columns of species, Species0, Species1"),
        ("File,Species,Species_2\n1.jpg,deer,fox\n", "several columns of species, Species, Species_2"),
        ("File,Label1,Label2\n1.jpg,deer,deer\n", "call it species"),
        ("File,Image,Species\n1.jpg,2.jpg,deer\n", "two columns that name photos, File and Image"),
        ("Filename,Label,Rating,Keywords\n1.jpg,Red,4,fox\n", "Label holds colours"),
        ("File,Species0,Species1,Tags\n1.jpg,deer,fox,x\n", "several columns of species"),
    ],
)
def test_columns_of_which_nobody_can_tell_which_is_meant_are_refused_by_name(tmp_path, text, said):
    with pytest.raises(FileFormatError, match=said):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("File,Species,label\n1.jpg,deer,deer\n2.jpg,deer,fox\n", "“label” does not agree"),
        ("File,Species,Observer 2 species\n1.jpg,deer,deer\n2.jpg,deer,fox\n", "“Observer 2 species” does not agree"),
        ("File,Species,Other animal\n1.jpg,deer,\n2.jpg,,fox\n", "“Other animal” names species in rows in which none"),
        ("File,species,Species\n1.jpg,deer,fox\n", "called alike and differ"),
        ("File,species,IsPerson\n1.jpg,deer,TRUE\n", "“IsPerson” seems to matter"),
        ("File,species,DeleteFlag\n1.jpg,deer,true\n", "“DeleteFlag” seems to matter"),
        ("File,species,Date Taken 2\n1.jpg,deer,2024-05-13 18:10\n", "may hold times"),
        ("file_name,image,species\n1.jpg,2.jpg,deer\n", "name different photos"),
        ("File,Species,Verified species\n1.jpg,fox,dog\n2.jpg,deer,deer\n", "“Verified species” does not agree"),
        ("File,Species,Bestimmt\n1.jpg,fox,dog\n2.jpg,deer,deer\n", "“Bestimmt” does not agree"),
        ('File,Species,More\n1.jpg,fox,"fox,deer"\n', "“More” does not agree"),
        ("File,Species,Animal\n1.jpg,fox,Yes\n2.jpg,fox,No\n", "“Animal” says No in row 3, in which fox was read"),
        ("File,Species,Animal\n1.jpg,fox,Yes\n2.jpg,,Yes\n", "in which no species was read"),
        ("File,Species,Content\n1.jpg,fox,blank\n", "“Content” says blank in row 2, in which fox was read"),
        ("File,Species,Comment 2,What\n1.jpg,fox,x,Human\n", "“What” says Human in row 2"),
        ("File,Species,Status\n1.jpg,fox,Rejected\n2.jpg,fox,Accepted\n", "“Status” says rejected in some rows"),
        ("File,Species,Usable\n1.jpg,fox,no\n2.jpg,fox,yes\n", "“Usable” says no in some rows"),
        ("File,Species\n1.jpg,1\n2.jpg,2\n", "the species in the column “Species” are numbers or flags"),
        ("File,Species\n1.jpg,TRUE\n2.jpg,FALSE\n", "are numbers or flags"),
        ("File,Species\n1.jpg,fox\n2.jpg,0\n", "rows whose species is a number, among others with names"),
        ("File,Species\n1.jpg,fox\n2.jpg,fox & badger\n", "rows whose species may be several in one name"),
        ("File,Species\n1.jpg,deer\n2.jpg,2 deer\n3.jpg,deer?\n", "“2 deer”, “deer?” are species of their own"),
        ("File,Species\n1.jpg,deer (3)\n2.jpg,2 deer\n", "“2 deer”, “deer (3)” are species of their own"),
        ("File,Species\n1.jpg,fox\n2.jpg,setup\n", "“setup” is taken as species"),
        ("File,Species\nc/1.jpg,fox\nc/1.jpg,empty\n", "photos that are called empty and have something in another"),
        ("File,Species,SD card\n1.jpg,fox,A\n1.jpg,deer,B\n", "stands in rows that differ in the column “SD card”"),
        ("File,Species,Ordner\n1.jpg,fox,A\n", "“Ordner” seems to matter"),
        ("File,Species,x,y,x2,y2\n1.jpg,fox,1,2,30,40\n", "“x”, “y”, “x2”, “y2” seem to matter"),
        ('File,Species\n"1.jpg, 2.jpg",fox\n', "names several photos in one cell"),
        ("File,Species,Year,Month,Day\n1.jpg,fox,2024,5,13\n", "may hold times"),
        ("File,prediction,score\n1.jpg,fox,0.1\n", "how sure a program was"),
        ("File,Species,x,y,width,height\n" + "1.jpg,fox,10,20,30,70\n" * 3, "may be percents"),
        (
            "File,Species,bbox\n" + "".join(f'1.jpg,fox,"[10,20,{n}00,700]"\n' for n in range(1, 6)),
            "may be two corners",
        ),
        ("File,Species\n1.jpg,fox\n2.jpg,fox male\n", "“fox male” is a species of its own"),
        ("File,Species\n1.jpg,roe deer\n2.jpg,roedeer\n", "“roe deer and roedeer”"),
        ("File,Species\n1.jpg,roe deer\n2.jpg,roe der\n", "“roe deer and roe der”"),
        ("File,Species\n1.jpg,fox\n2.jpg,foxes\n", "“fox and foxes”"),
        ("File,Species\n1.jpg,it was too dark to see what it is\n", "may be notes"),
        ("File,Species\n1.jpg,fox\n(text),fox\n", "no ending of a picture, as others have (the first: row 3: (text))"),
        ("File,Species,DateTime\n1.jpg,fox,2199-01-01 10:00\n", "whose time is in the future"),
        (
            "File,Species,DateTime\n1.jpg,fox,2024-05-13 18:10:00+10:00\n2.jpg,fox,2024-05-13 08:10:00Z\n",
            "zones that are hours apart",
        ),
        ("File,Species,observer\n1.jpg,fox,Ada\n1.jpg,dog,Ben\n", "differ in the column “observer”"),
        ("File,prediction,truth\n1.jpg,fox,dog\n2.jpg,deer,deer\n", "“prediction” does not agree"),
        ("File,DateTime,UtcOffset,Species\n1.jpg,2024-05-13T18:10:00Z,2,fox\n", "“UtcOffset” seems to matter"),
        ('File,Species\n1.jpg,"[{""label"": ""fox""}]"\n', "whose species is no name but a list"),
        (
            "File,DateTime,timestamp,species\n1.jpg,2024-05-13 18:10,2025-05-13 18:10,deer\n",
            "hold times that differ by more than a day",
        ),
    ],
)
def test_a_column_that_was_not_used_and_may_matter_is_named(tmp_path, text, said):
    file = read(tmp_path, text)

    assert len([one for one in file.problems if said in one]) == 1, file.problems


@pytest.mark.parametrize(
    "text",
    [
        "File,scientificName,commonName\n1.jpg,Vulpes vulpes,fox\n2.jpg,Cervus elaphus,deer\n",
        "File,Species,Person,DeleteFlag\n1.jpg,deer,FALSE,\n2.jpg,fox,false,0\n",
        "File,Species,Classified by,Comment\n1.jpg,deer,Ada,two boxes\n",
        "File,DateTime,Date uploaded,Species\n1.jpg,2024-05-13 18:10,2025-05-13,deer\n",
        "File,Species,classificationMethod,identifiedBy\n1.jpg,deer,human,machine\n",
        "File,Species,Site,Human verified\n1.jpg,deer,North,False\n2.jpg,fox,North,False\n",
        "File,category,species\n1.jpg,animal,fox\n2.jpg,person,\n3.jpg,empty,\n",
        "File,Species,DateTime\n1.jpg,fox,2024-01-13 18:10:00+01:00\n2.jpg,fox,2024-07-13 08:10:00+02:00\n",
        "File,class,name\n1.jpg,16,dog\n2.jpg,14,bird\n",
        "File,Type,Species\n1.jpg,Animal,fox\n2.jpg,Blank,\n3.jpg,Human,\n",
        "File,DateTime,DateTimeOriginal,Species\n1.jpg,NA,2024-05-13 18:10:00,deer\n",
        "FilePath,bbox1,bbox2,bbox3,bbox4,conf,category,prediction\na/1.jpg,0.1,0.1,0.2,0.2,0.9,1,deer\n",
    ],
)
def test_what_says_the_same_again_or_nothing_is_not_warned_of(tmp_path, text):
    assert read(tmp_path, text).problems == ()


@pytest.mark.parametrize(
    ("row", "species", "said"),
    [
        ("deer,2", ["deer"], ""),
        ("deer,0", [], "rows that name a species and count no animal"),
        ("empty,0", ["empty"], ""),
        (",3", [], "rows without a species"),
        ("deer,many", ["deer"], "rows whose count is not a whole number"),
    ],
)
def test_counts_of_animals_are_read_and_not_taken_against_the_species(tmp_path, row, species, said):
    file = read(tmp_path, f"File,Species,Count\n0.jpg,fox,2\n1.jpg,{row}\n")

    labels = next(photo for photo in file.photos if photo.file_name == "1.jpg").labels
    assert [label.species for label in labels] == species
    assert bool(said) == any(said in one for one in file.problems if said)


def test_counters_that_nobody_touched_are_not_taken_for_no_animals(tmp_path):
    file = read(tmp_path, "File,Species,Count\n0.jpg,fox,0\n1.jpg,deer,0\n")

    assert [label.species for photo in file.photos for label in photo.labels] == ["fox", "deer"]
    assert "Count" in file.accounts[0].not_used


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("blank,deer", "called empty and name a species"),
        ("human,deer", "rows of human that name another species"),
        ("vehicle,deer", "rows of vehicle that name another species"),
    ],
)
def test_a_kind_of_observation_that_contradicts_the_species_is_left_out(tmp_path, row, said):
    file = read(tmp_path, f"File,observationType,scientificName\n1.jpg,{row}\n")

    assert file.photos[0].labels == ()
    assert said in file.problems[0]


@pytest.mark.parametrize(
    ("text", "order", "zone"),
    [
        ("13/05/2024 18:10", "the day first", "no zone written"),
        ("05/13/2024 6:10 PM", "the month first", "no zone written"),
        ("2024-05-13T18:10:00+02:00", "the year first", "zone +02:00 written"),
        ("13 May 2024 18:10", "the month by its name", "no zone written"),
        ("45425.7570", "days of a spreadsheet", "no zone written"),
        ("03/05/2024 18:10", "none was read", "no zone written"),
    ],
)
def test_the_account_says_how_dates_were_read(tmp_path, text, order, zone):
    (account,) = read(tmp_path, f"File,DateTime,Species\n1.jpg,{text},deer\n").accounts

    (dates,) = account.dates
    assert (dates.columns, dates.order) == (("DateTime",), order)
    assert dates.zone.startswith(zone)
    assert text in dates.example


@pytest.mark.parametrize(
    ("text", "species", "n_boxes"),
    [
        ("File,class,name\n1.jpg,16,dog\n", ["dog"], 0),
        ("File,category,prediction\n1.jpg,0,empty\n", ["empty"], 0),
        ("File,label,label_text\n1.jpg,3,fox\n", ["fox"], 0),
        ("File,prediction,truth\n1.jpg,fox,dog\n", ["dog"], 0),
        ("File,class,common\n1.jpg,Mammal,fox\n", ["fox"], 0),
        ("File,species\n'1.jpg','fox'\n", ["fox"], 0),
        ("File,Type,Species\n1.jpg,Blank,\n", ["empty"], 0),
        ("File,photo_type,Species\n1.jpg,Human,\n", ["person"], 0),
        ("File,prediction,count,humancount\n1.jpg,human,0,1\n2.jpg,fox,1,0\n", ["person"], 0),
        ("File,bbox1,bbox2,bbox3,bbox4,prediction\n1.jpg,0.1,0.1,0.2,0.2,deer\n", ["deer"], 1),
    ],
)
def test_columns_are_understood_by_what_is_in_them(tmp_path, text, species, n_boxes):
    file = read(tmp_path, text)

    assert [label.species for label in file.photos[0].labels] == species
    assert file.n_boxes == n_boxes


@pytest.mark.parametrize("cell", ['"deer, fox"', "deer & fox", "deer/fox", "deer and fox", "fox+deer", "deer und fox"])
def test_several_species_in_one_cell_are_taken_apart_if_each_stands_alone_elsewhere(tmp_path, cell):
    file = read(tmp_path, f'File,Species\n1.jpg,deer\n2.jpg,fox\n3.jpg,{cell}\n4.jpg,"Fox, red"\n')

    assert [{label.species for label in photo.labels} for photo in file.photos[2:]] == [{"deer", "fox"}, {"Fox, red"}]


@pytest.mark.parametrize("cell", ["Mammalia > Carnivora > Vulpes vulpes", "Mammalia|Carnivora|Vulpes vulpes"])
def test_of_a_lineage_the_last_name_counts(tmp_path, cell):
    (photo,) = read(tmp_path, f"File,Species\n1.jpg,{cell}\n").photos

    assert [label.species for label in photo.labels] == ["Vulpes vulpes"]


def test_a_column_of_nothing_but_train_and_test_is_the_split(tmp_path):
    file = read(tmp_path, "File,Species,subset\n1.jpg,deer,Train\n2.jpg,fox,test\n")

    assert [photo.split for photo in file.photos] == ["Train", "test"]


def test_stations_of_one_name_at_two_sites_are_two_deployments(tmp_path):
    header = "Media Filename,Site Name,Trap Station Name,Species\n"
    file = read(tmp_path, f"{header}a.jpg,north,T1,fox\nb.jpg,south,T1,fox\nc.jpg,south,T2,fox\n")

    assert [photo.deployment for photo in file.photos] == ["north/T1", "south/T1", "T2"]
