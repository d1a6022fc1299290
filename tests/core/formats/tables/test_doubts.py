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
