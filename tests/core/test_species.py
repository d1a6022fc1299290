"""A species has one name, however others write it."""

import pytest

from core.species import (
    EMPTY,
    Spellings,
    find_alike,
    fold_name,
    fold_species,
    is_empty_name,
    is_person_name,
    is_thing_name,
    name_taxon,
    read_species,
)

UUID = "1f689929-883d-4dae-958c-3d57ab5b6c16"


@pytest.mark.parametrize(
    ("written", "species"),
    [
        ("  Vulpes   vulpes ", "Vulpes vulpes"),
        ("Rotfuchs\n", "Rotfuchs"),
        ("blank", "empty"),
        ("Nothing", "empty"),
        ("NONE", "empty"),
        ("no_animal", "empty"),
        ("NOTHINGHERE", "empty"),
        ("Human", "person"),
        ("Homo sapiens", "person"),
        ("homo_sapiens", "person"),
        ("People", "person"),
        ("Human-Camera Trapper", "person"),
        ("No CV Result", ""),
        ("unidentified", ""),
        ("NA", ""),
        ("", ""),
        (f"{UUID};mammalia;carnivora;canidae;vulpes;vulpes;red fox", "Vulpes vulpes"),
        (f"{UUID};mammalia;carnivora;mustelidae;;;mustelidae family", "Mustelidae"),
        (f"{UUID};aves;;;;;bird", "Aves"),
        (f"{UUID};;;;;;blank", "empty"),
        (f"{UUID};;;;;;animal", ""),
        (f"{UUID};;;;;;vehicle", "vehicle"),
        (f"{UUID};mammalia;primates;hominidae;homo;sapiens;human", "person"),
        (f"{UUID};" + ";".join(["no cv result"] * 6), ""),
        ("mammalia;carnivora;canidae;canis;lupus;grey wolf", "Canis lupus"),
        ("Animalia;Chordata;Mammalia;Carnivora;Canidae;Vulpes;Vulpes vulpes", "Vulpes vulpes"),
        ("fox; badger", "fox; badger"),
    ],
)
def test_a_species_is_read_however_others_write_it(written, species):
    assert read_species(written) == species


@pytest.mark.parametrize(
    ("ranks", "common", "species"),
    [
        (("Mammalia", "Carnivora", "Canidae", "Canis", "lupus"), "Grey Wolf", "Canis lupus"),
        (("Mammalia", "Carnivora", "Canidae", "Canis", ""), "", "Canis"),
        (("No CV Result", "No CV Result", "No CV Result", "", ""), "Blank", "empty"),
        (("", "", "", "", ""), "Human", "person"),
        (("Mammalia", "Primates", "Hominidae", "Homo", ""), "", "person"),
        (("", "", "", "Vulpes", "Vulpes vulpes"), "", "Vulpes vulpes"),
    ],
)
def test_the_lowest_known_rank_names_a_taxon(ranks, common, species):
    assert name_taxon(ranks, common_name=common) == species


def test_names_that_differ_in_capitals_and_blanks_are_one_species_in_its_most_frequent_spelling():
    names = ["vulpes vulpes", "Vulpes vulpes", "", "Vulpes_vulpes", "Vulpes  vulpes", "Vulpes vulpes", "badger"]

    assert fold_species(names) == ["Vulpes vulpes"] * 2 + [""] + ["Vulpes vulpes"] * 3 + ["badger"]
    assert fold_species(["FOX", "FOX"], known=["fox"]) == ["fox", "fox"]
    assert Spellings(["Fox"]).spell("marten") == "marten"


def test_empties_and_people_are_known_in_any_capitals():
    assert is_empty_name("Blank")
    assert not is_empty_name("")
    assert is_person_name(" HOMO  sapiens")
    assert fold_name("Martes\u00a0_martes ") == "martes martes"


@pytest.mark.parametrize("written", ["[empty]", "Empty.", "No-Animal", "leer", "vacío", "vide", "False positive"])
def test_words_for_an_empty_photo_are_known_in_other_languages_and_with_signs(written):
    assert read_species(written) == "empty"


@pytest.mark.parametrize("written", ["#N/A", "#REF!", "#VALUE!"])
def test_errors_of_a_spreadsheet_are_no_species(written):
    assert read_species(written) == ""


@pytest.mark.parametrize("written", ["fox\u202e", "\u200bf\x07ox", "\x1bfox"])
def test_signs_that_nobody_sees_make_no_other_species(written):
    assert read_species(written) == "fox"
    assert fold_name(written) == "fox"


def test_joiners_of_persian_and_indian_spelling_stay_and_make_no_other_species():
    cheetah = "یوز\u200cپلنگ"
    assert read_species(cheetah) == cheetah
    assert fold_name(cheetah) == fold_name(cheetah.replace("\u200c", ""))


@pytest.mark.parametrize(
    ("name", "is_thing"),
    [("baseball glove", True), ("TV", True), ("hot_dog", True), ("dog", False), ("mouse", False), ("kite", False)],
)
def test_a_thing_is_told_from_an_animal(name, is_thing):
    assert is_thing_name(name) is is_thing


@pytest.mark.parametrize("name", ["nichts", "rien", "nada", "niets", "пусто", "无"])
def test_empty_photos_are_known_in_several_languages(name):
    assert read_species(name) == EMPTY


@pytest.mark.parametrize("name", ["homme", "persona", "Leute", "человек"])
def test_people_are_known_in_several_languages(name):
    assert read_species(name) == "person"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("roe deer", "roe-deer", True),
        ("roe deer", "roe dear", True),
        ("roe deer", "roe der", True),
        ("fox", "foxes", True),
        ("fox", "Fox", True),
        ("hare", "mare", False),
        ("red fox", "red foal", False),
        ("class 10", "class 11", False),
        ("Canis lupus", "Canis aureus", False),
    ],
)
def test_names_that_are_spelled_almost_alike_are_found(one, other, alike):
    assert bool(find_alike([one, other])) is alike
