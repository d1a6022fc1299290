"""The names that guesses use."""

import csv
from pathlib import Path

import numpy as np
import pytest

from models.guesses import names as module
from models.guesses.names import NO_ANIMAL, find_own_names, list_names, name_of_class, scientific_names

FOLDER = Path(module.__file__).parent


def name(index: int) -> str:
    return list_names()[name_of_class()[index]]


def test_the_classes_are_those_of_imagenet_in_their_order():
    categories = pytest.importorskip("torchvision.models._meta")._IMAGENET_CATEGORIES
    with (FOLDER / "imagenet_animals.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert [int(row["index"]) for row in rows] == list(range(398))
    assert [row["imagenet_name"] for row in rows] == list(categories[:398])


def test_breeds_of_dog_are_one_name_and_their_wild_relatives_are_not():
    assert {name(index) for index in range(151, 269)} == {"domestic dog"}
    assert [name(index) for index in range(269, 276)] == [
        "grey wolf", "grey wolf", "red wolf", "coyote", "dingo", "dhole", "African wild dog",
    ]  # fmt: skip


def test_foxes_and_bears_keep_their_own_names_and_elephants_share_one():
    assert [name(index) for index in range(277, 281)] == ["red fox", "kit fox", "Arctic fox", "grey fox"]
    assert len({name(index) for index in range(294, 298)}) == 4
    assert {name(101), name(385), name(386)} == {"elephant"}


def test_every_other_class_is_no_animal():
    assert {name(index) for index in range(398, 1000)} == {NO_ANIMAL}
    assert list_names()[-1] == NO_ANIMAL
    assert len(list_names()) == len(set(list_names()))
    assert set(np.unique(name_of_class())) == set(range(len(list_names())))


def test_the_table_of_classes_cannot_be_changed_by_accident():
    with pytest.raises(ValueError, match="read-only"):
        name_of_class()[0] = 1


def test_every_other_name_belongs_to_one_name():
    with (FOLDER / "other_names.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert {row["name"] for row in rows} <= set(list_names())
    others = [module._fold(row["other_name"]) for row in rows]
    assert len(others) == len(set(others))
    assert not set(others) & set(module._exact_names())


def test_a_scientific_name_belongs_to_one_name():
    latin = list(scientific_names().values())
    assert len(latin) == len(set(latin))


@pytest.mark.parametrize(
    ("own", "ours"),
    [
        ("Red Fox", "red fox"),
        ("red_fox", "red fox"),
        ("Red foxes", "red fox"),
        ("Vulpes vulpes", "red fox"),
        ("gray wolf", "grey wolf"),
        ("Wolves", "grey wolf"),
        ("Mountain Lion", "puma"),
        ("elephants", "elephant"),
        ("African elephant", "elephant"),
        ("Loxodonta africana", "elephant"),
        ("geese", "goose"),
        ("dog", "domestic dog"),
    ],
)
def test_a_species_of_the_project_keeps_its_spelling(own, ours):
    assert find_own_names([own, "okapi"]) == {ours: own}


def test_our_name_comes_before_another_word_for_the_animal():
    assert find_own_names(["Loxodonta africana", "Elephant"]) == {"elephant": "Elephant"}


def test_two_species_for_one_name_leave_it_as_it_is():
    assert find_own_names(["African elephant", "Asian elephant"]) == {}


@pytest.mark.parametrize("own", ["raccoon", "deer", "", "   ", "no animal", "x" * 200])
def test_other_species_change_nothing(own):
    assert find_own_names([own]) == {}
