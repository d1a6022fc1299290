"""Names and notes that people type are kept without signs that nobody sees, wherever they come in."""

import pytest

from core.errors import AnomalureError
from core.groups.actions import check_name
from core.records import Decision, drop_hidden_signs, tidy_name, tidy_species
from core.store.notes import Note
from core.study.decisions import GivenDecision
from tests.fakes.project import make_project

ODD_NAMES = [
    ("\u202edeer\u202c", "deer"),  # a mark that turns the order of letters
    ("\u2066fox\u2069", "fox"),
    ("\u200ffox\u200e", "fox"),
    ("red\u00adfox", "redfox"),  # a soft hyphen
    ("\ufefffox", "fox"),
    ("\u200bfox", "fox"),
    ("\x1b[31mfox", "[31mfox"),  # a terminal's escape
    ("fox\x00", "fox"),
    ("  red \t\n fox\u00a0", "red fox"),
    (" \u3000\t", ""),
    ("\u202e\u200b", ""),
    ("\u3164", ""),  # a letter that is drawn as nothing
    ("\u2800", ""),
    ("\u200d", ""),
    ("u\u0308ber", "\u00fcber"),  # two signs for one letter
    ("\u0645\u06cc\u200c\u0634", "\u0645\u06cc\u200c\u0634"),  # Persian needs its joiner
    ("\U0001f43b\u200d\u2744\ufe0f", "\U0001f43b\u200d\u2744\ufe0f"),  # the polar bear, too
    ("<b>fox</b> 'x' \"y\"", "<b>fox</b> 'x' \"y\""),
]


@pytest.mark.parametrize(("typed", "kept"), ODD_NAMES)
def test_the_name_of_a_species_is_kept_as_it_is_seen(typed, kept):
    assert tidy_species(typed) == kept
    given = GivenDecision(decision_id="0" * 32, crop_id="a", verdict=Decision.NORMAL, species=typed, reviewer=typed)
    assert (given.species, given.reviewer) == (kept, tidy_name(kept))
    if kept:
        assert check_name("species", typed)[1] == kept
    else:
        with pytest.raises(AnomalureError, match="Give the name of the species"):
            check_name("species", typed)


def test_a_note_keeps_its_lines_and_loses_what_turns_its_letters():
    note = "two\n\tlines \u202eback\u202c"
    assert drop_hidden_signs(note) == "two\n\tlines back"
    assert Note(note_id="0" * 32, photo_id="p", crop_id="c", note=note).note == "two\n\tlines back"


def test_names_that_differ_in_capitals_blanks_or_hidden_signs_are_one_species(tmp_path):
    project = make_project(tmp_path, 4)
    crops = project.review_queue(flagged_only=False).rows["crop_id"].tolist()
    for crop, name in zip(
        crops, ["Zo\u00eb's fox", "ZOE\u0308'S  FOX", "\u202ezo\u00eb's fox", "zo\u00eb's fox\u200b"], strict=True
    ):
        project.save_verdict(crop, Decision.ANOMALY, reviewer="Ada", species=name)
    assert set(project.verdicts()["species"]) == {"Zo\u00eb's fox"}


def test_a_name_that_is_too_long_is_refused_in_a_sentence(tmp_path):
    project = make_project(tmp_path, 2)
    crop = project.review_queue().rows["crop_id"].iloc[0]
    project.save_verdict(crop, Decision.ANOMALY, species="x" * 200)
    with pytest.raises(AnomalureError, match="at most 200 characters, got 201"):
        project.save_verdict(crop, Decision.ANOMALY, species="x" * 201)
