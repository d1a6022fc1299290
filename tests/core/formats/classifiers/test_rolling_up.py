"""Names of classifiers are rolled up to a level, and further where the scores are low."""

import pytest

from core.formats.classifiers.classified import Candidate, Said
from core.formats.classifiers.rolling_up import decide_name
from core.formats.classifiers.taxon import Kind, read_taxon
from core.records import NO_ANIMAL
from core.species import LEVELS
from tests.fakes.classifications import ANIMAL, BLANK, COYOTE, FOX, HUMAN, LYNX, NO_RESULT


def say(*pairs, answer=None):
    candidates = tuple(Candidate(read_taxon(name), score) for name, score in pairs)
    return Said(candidates, Candidate(read_taxon(answer[0]), answer[1]) if answer else None)


def decide(said, *, level="species", least=0.5, own=()):
    decided = decide_name(said, level=level, least_score=least, own_names=dict(own))
    return decided.name, round(decided.score, 6), decided.further


@pytest.mark.parametrize(
    ("level", "name"), zip(LEVELS, ["Vulpes vulpes", "Vulpes", "Canidae", "Carnivora", "Mammalia"], strict=True)
)
def test_a_name_is_that_of_the_chosen_level(level, name):
    assert decide(say((FOX, 0.9)), level=level) == (name, 0.9, 0)


def test_scores_of_one_family_are_added_up_where_no_species_reaches_the_least_score():
    said = say((FOX, 0.4), (COYOTE, 0.3), (LYNX, 0.2))

    assert decide(said) == ("Canidae", 0.7, 2)
    assert decide(said, least=0.8) == ("Carnivora", 0.9, 3)
    assert decide(said, least=0.95) == ("", 0.4, 0)
    assert decide(said, least=0.4) == ("Vulpes vulpes", 0.4, 0)


def test_a_name_of_a_coarser_level_stays_as_coarse_as_it_is():
    assert decide(say(("mammalia;rodentia;;;;rodent", 0.9))) == ("Rodentia", 0.9, 0)


def test_the_answer_of_the_program_wins_over_the_scores_of_its_classes():
    said = say((LYNX, 0.6), (FOX, 0.3), answer=(FOX, 0.7))

    assert decide(said) == ("Vulpes vulpes", 0.7, 0)
    assert decide(say((LYNX, 0.6), answer=(ANIMAL, 0.9))) == ("", 0.9, 0)


@pytest.mark.parametrize(
    ("name", "called"), [(BLANK, NO_ANIMAL), (HUMAN, "person"), ("vehicle", "vehicle"), (NO_RESULT, ""), (ANIMAL, "")]
)
def test_nothing_people_vehicles_and_no_answer_are_no_animals(name, called):
    decided = decide_name(say((name, 0.9)), level="species", least_score=0.5, own_names={})

    assert (decided.name, decided.is_animal) == (called, False)


def test_an_unsure_empty_photo_is_an_unknown_animal():
    assert decide(say((BLANK, 0.3), (FOX, 0.2)))[0] == ""


def test_a_name_without_a_taxonomy_is_the_same_at_each_level_or_unknown():
    assert decide(say(("roe deer", 0.9)), level="class") == ("roe deer", 0.9, 0)
    assert decide(say(("roe deer", 0.4)), level="class")[0] == ""


@pytest.mark.parametrize("own", [{"vulpes vulpes": "Fuchs"}, {"red fox": "Fuchs"}])
def test_the_projects_own_name_wins_by_the_scientific_and_the_common_name(own):
    assert decide(say((FOX, 0.9)), own=own.items())[0] == "Fuchs"
    assert decide(say((FOX, 0.9)), level="genus", own=own.items())[0] == "Vulpes"


def test_the_likeliest_names_come_with_the_decided_one_first():
    decided = decide_name(say((FOX, 0.4), (COYOTE, 0.3)), level="species", least_score=0.5, own_names={})

    assert decided.names == (("Canidae", 0.7), ("Vulpes vulpes", 0.4), ("Canis latrans", 0.3))


@pytest.mark.parametrize("text", ["a;b", "canidae;vulpes;vulpes", f"{FOX.split(';')[0]};mammalia"])
def test_a_taxonomy_of_too_few_parts_is_no_name(text):
    assert read_taxon(text) is None


@pytest.mark.parametrize("text", ["", "undefined", "unknown", ";;;;;;", "n/a"])
def test_what_stands_for_no_answer_is_an_unknown_animal(text):
    assert read_taxon(text).kind == Kind.UNKNOWN
