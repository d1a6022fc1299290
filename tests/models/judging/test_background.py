"""The background class: boxes on nothing are told from animals, known or not, and p-values stay valid."""

from dataclasses import replace

import numpy as np
import pytest

from core.records import NOTHING, PERSON
from models.judging.background import LEAST_CROPS, Background, NothingRows
from models.judging.judge import Judge, fit_judge
from tests.fakes.scored_crops import SECTIONS

WIDTH = sum(SECTIONS)


def draw(kind: str, n: int, *, seed: int) -> np.ndarray:
    """Animals share a direction that nothing lacks; each species has another one of its own."""
    rng = np.random.default_rng(seed)
    place = np.zeros(WIDTH)
    if kind == "nothing":
        place[0] = -6
    else:
        place[0] = 6
        place[1 + ("deer", "fox", "hare", "lynx").index(kind)] = 8
    return (place + rng.normal(size=(n, WIDTH))).astype(np.float32)


def nothing(n: int = 60) -> NothingRows:
    return NothingRows(
        draw("nothing", n, seed=99), np.array([f"n{i}" for i in range(n)], dtype=object), np.arange(n) % 3 == 0
    )


def make(background: NothingRows | None, species: tuple[str, ...] = ("deer", "fox", "hare"), n: int = 80) -> Judge:
    rows = np.concatenate([draw(name, n, seed=i) for i, name in enumerate(species)])
    kinds = [name for name in species for _ in range(n)]
    return fit_judge(rows, kinds, [f"p{i}" for i in range(len(rows))], sections=SECTIONS, nothing=background)


@pytest.fixture(scope="module")
def judge() -> Judge:
    return make(nothing())


def test_a_box_on_nothing_is_neither_odd_nor_an_animal_and_comes_after_every_animal(judge):
    judged = judge.judge(draw("nothing", 50, seed=5))
    animals = judge.judge(np.concatenate([draw("deer", 50, seed=6), draw("lynx", 50, seed=7)]))

    assert judged.is_nothing.mean() > 0.9
    apart = judged.is_nothing
    assert set(judged.kinds[apart]) == {NOTHING}
    assert (judged.p_values[apart] == 1).all()
    assert judged.scores[apart].max() < animals.scores.min()


def test_without_a_background_class_boxes_on_nothing_are_odd():
    assert (make(None).judge(draw("nothing", 50, seed=5)).p_values <= 0.05).mean() > 0.9


def test_no_animal_is_called_nothing_also_of_a_species_that_nobody_knows(judge):
    for name in ("deer", "lynx"):
        assert not judge.judge(draw(name, 200, seed=8)).is_nothing.any()


def test_an_unknown_species_is_still_found(judge):
    lynx = draw("lynx", 200, seed=9)
    flagged, before = ((one.judge(lynx).p_values <= 0.05).mean() for one in (judge, make(None)))

    assert flagged > 0.8
    assert flagged > before - 0.15


def test_what_the_detector_called_a_person_is_said_to_be_one(judge):
    judged = judge.judge(draw("nothing", 4, seed=5), people=np.array([True, False, True, False]))

    assert set(judged.kinds[[0, 2]]) <= {PERSON, "deer", "fox", "hare"}
    assert PERSON in judged.kinds


def test_the_promised_rate_holds_for_known_animals(judge):
    fresh = np.concatenate([draw(name, 700, seed=20 + i) for i, name in enumerate(("deer", "fox", "hare"))])

    assert (judge.judge(fresh).p_values <= 0.05).mean() == pytest.approx(0.05, abs=0.03)


def test_the_share_of_animals_is_that_of_a_slow_count(judge):
    known = judge.background
    assert known is not None
    scores = np.linspace(-1.5, 1.5, 31)

    slow = [
        max((1 + sum(one >= score for one in own)) / (1 + len(own)) for own in known.animals.values())
        for score in scores
    ]

    assert known.share_of_animals(scores) == pytest.approx(slow)
    assert (known.pull(scores) <= 0).all()


def test_a_background_is_read_back_as_it_was_written(judge):
    known = judge.background
    again = Background.from_bytes(
        known.to_bytes(), species=list(known.animals), n_nothing=known.n_nothing, n_people=known.n_people
    )
    rows = draw("lynx", 5, seed=3)

    assert (again.score(rows) == known.score(rows)).all()
    assert (again.limit, again.n_animals_lost) == (known.limit, known.n_animals_lost)
    assert (again.n_nothing, again.n_people) == (40, 20)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "not a file"), (b"PK\x03\x04 nonsense", "not a file"), ("short", "direction"), ("few", "animals")],
)
def test_a_broken_file_is_refused(judge, content, said):
    known = judge.background
    species = list(known.animals)
    if content == "short":
        content = replace(known, direction=known.direction[:-1]).to_bytes()
    if content == "few":
        content, species = known.to_bytes(), [*species, "lynx"]
    with pytest.raises(ValueError, match=said):
        Background.from_bytes(content, species=species, n_nothing=1, n_people=0)


@pytest.mark.parametrize(
    ("background", "species"), [(nothing(LEAST_CROPS - 1), ("deer", "fox")), (nothing(), ("deer",))]
)
def test_with_too_little_to_learn_from_there_is_no_background_class_and_a_sentence_says_so(background, species):
    judge = make(background, species)

    assert judge.background is None
    assert "no background class" in background.explain_too_few(len(species))
    assert not judge.judge(draw("nothing", 10, seed=1)).is_nothing.any()


def test_a_season_of_one_photo_has_too_few_groups():
    assert replace(nothing(), groups=np.full(60, "one photo", dtype=object)).explain_too_few(3)
