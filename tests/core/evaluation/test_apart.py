"""People and nothing are counted apart from usual animals."""

import pandas as pd

from core.evaluation.apart import Apart, count_apart, say_calls

CROPS = pd.DataFrame(
    {
        "truth": ["deer", "deer", "lynx", "lynx", "no animal", "no animal", "several species"],
        "novel": [False, False, True, True, False, False, False],
        "flagged": [True, False, True, False, True, False, False],
        "species": ["deer", "nothing", "fox", "person", "deer", "nothing", "fox"],
        "judged_by": [
            *("species model", "background model", "species model", "background model"),
            *("species model", "background model", "species model"),
        ],
        "detector_class": ["cow", "dog", "Person", "animal", "car", "bench", None],
    }
)


def test_a_run_calls_people_what_its_detector_or_its_bundle_does():
    assert say_calls(CROPS).tolist() == ["animal", "nothing", "person", "person", "person", "nothing", "animal"]


def test_each_crop_is_counted_once_by_what_it_shows_and_what_it_is_called():
    found = count_apart(CROPS.assign(called=say_calls(CROPS)), no_animal="no animal")

    assert (found.n_usual, found.usual_flagged) == (3, 1 / 3)
    assert (found.n_nothing, found.n_nothing_people, found.nothing_flagged) == (2, 1, 0.5)
    assert found.called_nothing == {"usual": 1, "novel": 0, "nothing": 1}
    assert found.called_people == {"usual": 0, "novel": 2, "nothing": 1}


def test_without_crops_shares_are_none():
    empty = CROPS[:0].assign(called=say_calls(CROPS[:0]))

    assert count_apart(empty, no_animal="no animal") == Apart(
        called_nothing={"usual": 0, "novel": 0, "nothing": 0}, called_people={"usual": 0, "novel": 0, "nothing": 0}
    )
