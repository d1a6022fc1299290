"""Names meet photos by their longest common ending, never by a guess."""

import time
from pathlib import Path

import numpy as np
import pytest

from core.errors import AnomalureError
from core.photos.matching import match_names, normalise_name

SEASON = Path("study") / "images" / "season"


@pytest.mark.parametrize(
    ("theirs", "ours", "folder"),
    [
        ("images/season/IMG_1.jpg", "season/IMG_1.jpg", None),
        ("IMG_1.jpg", "season/IMG_1.jpg", None),
        ("season/IMG_1.jpg", "IMG_1.jpg", SEASON),
        ("elsewhere/IMG_1.jpg", "IMG_1.jpg", SEASON),  # the folder was copied under another name
        (r"D:\study\Season\img_1.JPG", "season/IMG_1.jpg", None),
        ("./season//IMG_1.jpg", "season/IMG_1.jpg", None),
        ("Ka\u0308fer/1.jpg", "K\u00e4fer/1.jpg", None),
        ("D:/2024/cam1/IMG_1.jpg", "study/cam1/IMG_1.jpg", None),
    ],
)
def test_a_name_meets_its_photo(theirs, ours, folder):
    assert match_names([theirs], [ours], folder=folder) == {theirs: ours}


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("IMG_1.jpg", "IMG_11.jpg"),
        ("MG_1.jpg", "IMG_1.jpg"),
        ("cam1/IMG_1.jpg", "cam2/IMG_1.jpg"),  # cameras number alike
        ("IMG_1.jpg", "IMG_1.png"),
    ],
)
def test_names_of_other_photos_do_not_meet(theirs, ours):
    assert match_names([theirs], [ours]) == {}


def test_the_name_of_our_folder_tells_alike_names_apart():
    theirs = ["train/IMG_1.jpg", "season/IMG_1.jpg", "train/IMG_2.jpg"]

    assert match_names(theirs, ["IMG_1.jpg", "IMG_2.jpg"], folder=SEASON) == {"season/IMG_1.jpg": "IMG_1.jpg"}


def test_more_of_the_path_wins_over_less():
    theirs = ["a/IMG_1.jpg", "b/IMG_1.jpg", "c/IMG_1.jpg"]

    assert match_names(theirs, ["x/a/IMG_1.jpg", "x/b/IMG_1.jpg"]) == {
        "a/IMG_1.jpg": "x/a/IMG_1.jpg",
        "b/IMG_1.jpg": "x/b/IMG_1.jpg",
    }


@pytest.mark.parametrize(
    ("theirs", "ours", "folder", "said"),
    [
        (["IMG_1.jpg"], ["a/IMG_1.jpg", "b/IMG_1.jpg"], None, ("IMG_1.jpg", "a/IMG_1.jpg", "b/IMG_1.jpg")),
        (["a/IMG_1.jpg", "b/IMG_1.jpg"], ["IMG_1.jpg"], None, ("IMG_1.jpg", "a/IMG_1.jpg", "b/IMG_1.jpg")),
        (["a/IMG_1.jpg", "b/IMG_1.jpg"], ["IMG_1.jpg"], SEASON, ("IMG_1.jpg", "a/IMG_1.jpg", "b/IMG_1.jpg")),
        (["a/Img.jpg"], ["a/IMG.jpg", "a/img.jpg"], None, ("a/Img.jpg", "a/IMG.jpg", "a/img.jpg")),
    ],
)
def test_a_name_that_could_be_two_photos_is_an_error_that_names_them(theirs, ours, folder, said):
    with pytest.raises(AnomalureError) as raised:
        match_names(theirs, ours, folder=folder)

    assert all(name in str(raised.value) for name in said)


def test_capitals_tell_photos_apart_where_only_they_differ():
    names = ["a/IMG.jpg", "a/img.jpg"]

    assert match_names(names, names) == {name: name for name in names}


def test_two_spellings_of_a_name_both_meet_the_photo():
    assert match_names(["a\\1.jpg", "a/1.jpg"], ["a/1.jpg"]) == {"a\\1.jpg": "a/1.jpg", "a/1.jpg": "a/1.jpg"}


def test_it_agrees_with_a_slow_version_where_that_is_sure():
    rng = np.random.default_rng(8)

    def parts(name: str) -> list[str]:
        return name.casefold().split("/")[::-1]

    def common(a: str, b: str) -> int:
        pairs = list(zip(parts(a), parts(b), strict=False))
        return next((k for k, (x, y) in enumerate(pairs) if x != y), len(pairs))

    sure = refused = 0
    for _ in range(400):

        def draw(count: int) -> list[str]:
            depths = rng.integers(1, 4, count)
            return sorted({"/".join([*rng.choice(["a", "b"], d - 1), rng.choice(["1", "2", "3"])]) for d in depths})

        theirs, ours = draw(3), draw(3)
        try:
            matched = match_names(theirs, ours)
        except AnomalureError:
            refused += 1
            continue
        assert len(set(matched.values())) == len(matched)
        for their, our in matched.items():
            assert common(their, our) >= 1
        for their in theirs:
            scores = [common(their, our) for our in ours]
            best = int(np.argmax(scores))
            mutual = max(common(other, ours[best]) for other in theirs)
            whole = max(scores) in (len(parts(their)), len(parts(ours[best])))
            is_best = scores.count(max(scores)) == 1 and mutual == max(scores)
            alone = [common(other, ours[best]) for other in theirs].count(mutual) == 1
            if whole and is_best and alone and max(scores):
                assert matched[their] == ours[best]
                sure += 1
    assert sure > 100
    assert refused > 10


def test_normalising_leaves_a_plain_name_alone():
    assert normalise_name("cam 1/IMG_0001.JPG") == "cam 1/IMG_0001.JPG"
    assert normalise_name("/a/./b\\c.jpg") == "a/b/c.jpg"


def test_a_hundred_thousand_names_are_matched_in_a_moment():
    ours = [f"cam{camera}/IMG_{number:04}.JPG" for camera in range(100) for number in range(1000)]

    start = time.perf_counter()
    matched = match_names([f"D:\\study\\{name}" for name in ours], ours)

    assert len(matched) == 100_000
    assert time.perf_counter() - start < 10  # 0.4 s on one free core; a comparison of all pairs would take hours


def test_nothing_meets_nothing():
    assert match_names([], []) == {}
    assert match_names(["a.jpg"], []) == {}
    assert match_names([], ["a.jpg"]) == {}
