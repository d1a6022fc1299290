"""Animals are named in the plural as people say it, and a name that is not common English is left as it is."""

import pytest

from ui.shared.plurals import name_many


@pytest.mark.parametrize(
    ("species", "many"),
    [
        ("fox", "foxes"),
        ("red fox", "red foxes"),
        ("Red Fox", "Red foxes"),
        ("hare", "hares"),
        ("roe deer", "roe deer"),
        ("wild boar", "wild boar"),
        ("wood mouse", "wood mice"),
        ("dormouse", "dormice"),
        ("wolf", "wolves"),
        ("pony", "ponies"),
        ("donkey", "donkeys"),
        ("lynx", "lynxes"),
        ("thrush", "thrushes"),
        ("Vulpes vulpes", "crops of Vulpes vulpes"),
        ("Fuchs", "crops of Fuchs"),
        ("sp. 3", "crops of sp. 3"),
        ("", "crops of "),
    ],
)
def test_several_of_a_species_are_named_as_people_say_it(species, many):
    assert name_many(species) == many
